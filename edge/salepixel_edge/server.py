"""Starts the edge: one listening socket, and the processes that accept from it."""

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from contextlib import suppress

import structlog
import uvloop

from salepixel.keys import BadKeys, load_keys
from salepixel.logs import configure_logs, write_problem
from salepixel.settings import BadSettings, EdgeSettings, environment
from salepixel.stack.processes import allow_stop_signals, end_with_parent
from salepixel_edge.app import Edge
from salepixel_edge.board import Board
from salepixel_edge.connection import RECEIVE_BYTES

BACKLOG = 4096
DRAIN_SECONDS = 10.0
STOP_SECONDS = 15.0
RESTART_SECONDS = 0.5
TICK_SECONDS = 1.0
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_AWAITED = (*_STOPPING, signal.SIGCHLD)

log = structlog.get_logger()


def main() -> None:
    """Serve; exits 2 with a line for each invalid setting."""
    configure_logs()
    try:
        settings = EdgeSettings.load(environment())
        load_keys(settings.keys_file)
        listener = _listen(settings.host, settings.edge_port)
    except (BadSettings, BadKeys) as problem:
        write_problem(str(problem))
        sys.exit(2)
    except OSError as error:
        address = f"{settings.host} port {settings.edge_port}"
        write_problem(f"The edge cannot listen on {address}: {error.strerror}")
        sys.exit(2)
    Processes(settings, listener).run()


class Processes:
    """The processes of one edge; a dead one is replaced."""

    def __init__(self, settings: EdgeSettings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._board = Board(settings.edge_workers)
        self._started: dict[int, tuple[float, int]] = {}  # process id -> start time, page of the board

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a blocked signal without a handler may be dropped
        signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
        gc.freeze()  # the collector then does not write to memory that processes share
        while True:
            while self._is_short() and self._start():
                pass
            if self._next_signal() in _STOPPING:
                break
            self._reap(restart=True)
        # Close it before the processes end: new connections would wait for a process that accepts them.
        self._listener.close()
        for pid in self._started:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._started and time.monotonic() < deadline:
            self._reap(restart=False)
            time.sleep(0.02)
        for pid in self._started:
            log.error("process_killed", process=pid)
            os.kill(pid, signal.SIGKILL)

    def _is_short(self) -> bool:
        return len(self._started) < self._settings.edge_workers

    def _next_signal(self) -> int:
        """The next signal, or SIGCHLD if there is none and a start must be retried."""
        if self._is_short():
            time.sleep(RESTART_SECONDS)
            if signal.sigpending().isdisjoint(_AWAITED):  # macOS has no sigtimedwait
                return signal.SIGCHLD
        return signal.sigwait(_AWAITED)

    def _start(self) -> bool:
        """Start a process; False if the fork fails."""
        taken = {page for _, page in self._started.values()}
        page = next(page for page in range(self._settings.edge_workers) if page not in taken)
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            # Out of memory, or too many processes: the others continue to serve, and the start is retried.
            log.error("process_not_started", error=str(error))
            return False
        if pid:
            self._started[pid] = time.monotonic(), page
            return True
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        end_with_parent(forked_by=parent)
        code = 1
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(self._settings, self._listener, self._board, page))
            code = 0
        except Exception:
            log.exception("edge_failed")
        finally:
            os._exit(code)  # never return into the parent's loop

    def _reap(self, *, restart: bool) -> None:
        while self._started and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            started, _ = self._started.pop(pid)
            lived = time.monotonic() - started
            if restart:
                log.warning("process_restarted", ended_with=os.waitstatus_to_exitcode(status))
                if lived < RESTART_SECONDS:
                    time.sleep(RESTART_SECONDS)


async def _serve(settings: EdgeSettings, listener: socket.socket, board: Board, page: int) -> None:
    """One process, until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    allow_stop_signals()
    edge = Edge(settings, loop, board, page)
    connections = edge.connections
    server = await loop.create_server(connections.make, sock=listener, backlog=BACKLOG)
    while not stopping.is_set():
        edge.tick()
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), TICK_SECONDS)
    server.close()
    connections.end()
    deadline = time.monotonic() + DRAIN_SECONDS
    while connections.open and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
        connections.end()
    connections.abort()
    edge.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)  # connections inherit it
    return listener


if __name__ == "__main__":
    main()
