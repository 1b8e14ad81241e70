"""Logs of every process: one line per event on standard output, without secrets. Logging never raises."""

import logging
import os
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

_FRAMES = 40
_CAUSES = 8
_ABOUT_THE_PROGRAM = (AttributeError, ImportError, NameError, RecursionError, TypeError)
"""Errors whose messages name only code. Other messages may quote input: a key, an address, a click token."""

_CODES = ("sqlstate", "sqlite_errorname")
"""Attributes of database errors that quote no row (PostgreSQL's DETAIL quotes all of it)."""

log = structlog.get_logger()


class LineWriter:
    """Writes lines to a file descriptor. A line that cannot be written is counted; nothing is raised.

    It bypasses Python's buffers: these keep bytes that a full disk rejected, and raise again at exit.
    `lost`: the lines not written since the process started. A line with the number of missing lines precedes
    the next one that can be written.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self.lost = 0
        self._descriptor = descriptor
        self._missing = 0
        self._torn = False
        self._lock = threading.Lock()

    def msg(self, message: str) -> None:
        """Write a line, or count it as lost."""
        with self._lock:
            if self._missing and self._write(_missing_line(self._missing)):
                self._missing = 0
            if self._missing or not self._write(message):
                self.lost += 1
                self._missing += 1

    log = debug = info = warning = error = critical = exception = msg

    def _write(self, message: str) -> bool:
        line = f"{message}\n".encode(errors="backslashreplace")
        left = memoryview(b"\n" + line if self._torn else line)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
                self._torn = bool(left)
        except OSError:
            return False
        return True


_writer = LineWriter()
_problems = LineWriter(2)


def write_line(text: str) -> None:
    """Write a text for people to standard output, between log lines; or count it as lost."""
    _writer.msg(text)


def write_problem(text: str) -> None:
    """Write to standard error why a process cannot start; or count it as lost.

    Not `print`: on a full disk, the process would end with a traceback and another exit code.
    """
    _problems.msg(text)


def configure_logs() -> None:
    """Configure the logs of this process: its own events, its libraries' warnings, and uncaught errors.

    Tracebacks never use `rich`, with which structlog would print the local variables of every frame.
    """
    _hold_descriptors()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.set_exc_info,
            _add_time,
            structlog.dev.ConsoleRenderer(colors=_is_terminal(), exception_formatter=_write_error),
        ],
        logger_factory=lambda *_: _writer,
    )
    logging.basicConfig(handlers=[_LibraryLines()], level=logging.WARNING, force=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda hook: _log_uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)


def _hold_descriptors() -> None:
    """Occupy standard output and error if they are closed: otherwise the next file would get their number.

    Read-only, so that lines are lost and counted, and not written into another file.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # gets the lowest number that is free (open(2))


def lost_lines() -> int:
    """The number of log lines of this process that could not be written since it started."""
    return _writer.lost + _problems.lost


def describe_error(error: BaseException) -> str:
    """A traceback of the error and its causes, oldest first, with places and types but no local variables.

    It includes messages only if they name code: others may quote input.
    """
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None and len(parts) < _CAUSES:
        frames = "".join(traceback.format_tb(current.__traceback__, -_FRAMES))
        parts.append(f"{frames}{_name(current)}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\nthen:\n".join(reversed(parts))


def _name(error: BaseException) -> str:
    kind = type(error)
    facts = [str(getattr(error, code)) for code in _CODES if getattr(error, code, None)]
    if isinstance(error, OSError) and error.strerror:
        facts.append(str(error.strerror))
    elif isinstance(error, _ABOUT_THE_PROGRAM):
        facts.append(str(error))
    if isinstance(error, BaseExceptionGroup):
        facts += [_name(each) for each in error.exceptions[:_CAUSES]]
    return ": ".join([f"{kind.__module__}.{kind.__qualname__}", *facts])


class _LibraryLines(logging.Handler):
    """Warnings and errors of libraries: the first line of the message template, without its values.

    Flask and waitress put the path into the values, and it may contain a contact's address.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record."""
        text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        event = text.partition("\n")[0]
        log.log(record.levelno, event, library=record.name, exc_info=record.exc_info)


def _write_error(
    out: TextIO, exc_info: tuple[type[BaseException], BaseException, TracebackType | None]
) -> None:
    out.write("\n" + describe_error(exc_info[1]))


def _log_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt) or error is None:
        return
    log.critical("uncaught_error", exc_info=(kind, error, trace))


def _add_time(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event["timestamp"] = _now()
    return event


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _missing_line(count: int) -> str:
    return f"{_now()} [warning  ] log_lines_lost count={count}"


def _is_terminal() -> bool:
    try:
        return os.isatty(1)
    except OSError:
        return False
