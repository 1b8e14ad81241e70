"""Another host, on a real socket: it answers as the test sets it, well or badly."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

Behaviour = Callable[[socket.socket, threading.Event], None]
"""What is done with a connection once its request has come. The event says that the test is over."""


@dataclass(frozen=True, slots=True)
class Request:
    """A received request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FarHost:
    """Listens on a free port of 127.0.0.1 while it is used as a context manager.

    `answers` has a behaviour by path; "*" is for all others. `requests` has all requests. With `at_once` no
    request is read before.
    """

    answers: dict[str, Behaviour] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    at_once: bool = False

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            if self.at_once:
                self.answers["*"](connection, self._over)
                return
            request = _read(connection)
            self.requests.append(request)
            path = request.target.partition("?")[0]
            behaviour = self.answers.get(path, self.answers.get("*", answers(404)))
            behaviour(connection, self._over)


def answers(status: int = 200, content: Any = b"", **headers: str) -> Behaviour:
    """A whole answer; what is not bytes is sent as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    lines = {
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = f"HTTP/1.1 {status} Said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return sends(head.encode() + b"\r\n" + body)


def sends(raw: bytes) -> Behaviour:
    """These bytes, then the end."""
    return lambda connection, _: connection.sendall(raw)


def drips(first: bytes, drop: bytes = b"a", pause_seconds: float = 0.02) -> Behaviour:
    """These bytes, then single bytes slowly, without end."""

    def drip(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.wait(pause_seconds):
            connection.sendall(drop)

    return drip


def floods(first: bytes, flood: bytes) -> Behaviour:
    """These bytes, then the flood again and again without end, as fast as it is read."""

    def pour(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.is_set():
            connection.sendall(flood)

    return pour


def is_silent(connection: socket.socket, over: threading.Event) -> None:
    """Nothing at all."""
    over.wait()


def holds(asked: threading.Event, enough: threading.Event) -> Behaviour:
    """Signals that the request has arrived, then waits for the test and drops the connection."""

    def hold(connection: socket.socket, over: threading.Event) -> None:
        asked.set()
        enough.wait()

    return hold


def breaks_off(connection: socket.socket, over: threading.Event) -> None:
    """Drops the connection before an answer."""


def _read(connection: socket.socket) -> Request:
    raw, deadline = b"", time.monotonic() + 5
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65536)
        if not piece or time.monotonic() > deadline:
            raise OSError("no request")
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Request(method, target, headers, body)
