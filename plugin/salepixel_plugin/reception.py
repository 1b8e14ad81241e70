"""Receives requests with waitress, with limits for what one client can occupy.

waitress gives a thread to a request only when it is complete, and closes silent clients. This module also
limits what waitress allows: clients that send a byte now and then, bodies that nobody will read, chunks that
are nearly all framing, clients that do not read answers, and hundreds of pipelined requests. docs/adr/0023
has the figures.
"""

import re
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

MAX_DELIVERY_BYTES = 32_000_000
MAX_CALL_BYTES = 8_000_000
MAX_OTHER_BYTES = 1_000_000
MAX_LIST_BYTES = 257_000_000
"""Limits for bodies of signed deliveries, of calls with a key, of others, and of uploaded lists, by the
unchecked headers."""

MAX_HEAD_BYTES = 16_384
MAX_FRAMING_BYTES = 65_536
FRAMING_SHARE = 8
"""Chunk sizes and extensions may take at most 64 kB plus an eighth of a chunked body. Proxies send 8 bytes
for each 4 kB. A body in chunks of one byte costs 1 us of the only event loop for each byte."""

MAX_HELD_BYTES = 512_000_000
"""The limit for all bodies together, in memory or on disk. Above it, the oldest unfinished body is refused
with 503. A shop's delivery is complete within a second, so the oldest body is not a delivery."""

IN_MEMORY_BYTES = 262_144
"""Larger bodies are kept in an unnamed file in the data folder."""

SILENT_SECONDS = 30
REQUEST_SECONDS = 60
LIST_SECONDS = 900
"""The longest time from the first byte of a request to its last; a list may have a million lines."""

PRESSED_SECONDS = 5
PRESSED_SHARE = 0.75
"""Replaces SILENT_SECONDS when more than this share of the connections is used."""

DRAIN_SECONDS = 10
"""A client that was refused before the end of its body may send for this time. If the connection closed at
once, it would be reset, and the client could not read the reason."""

STOP_SECONDS = 10
CONNECTIONS = 15_000
ACCEPTS = 1_000
_FILES_FOR_OTHERS = 1_000
_BACKLOG = 4096

REFUSED = "salepixel.refused"
"""The key in the WSGI environment for the reason of a missing body: `too_large`, `cut_short` or `busy`."""

SIGNED_PATH = "/saleor/webhooks"
SIGNATURE = "SALEOR_SIGNATURE"
_LIST_PATHS = re.compile(r"/api/v1/lists|/accounts/[0-9]+/lists", re.ASCII)

_refused = dict.fromkeys(("too_large", "cut_short", "busy", "bad_head"), 0)
"""Counted only by the event loop, and in memory, because the loop must not wait for a database."""

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def count_refused() -> dict[str, int]:
    """The number of requests that were refused before they were complete, by reason, since the start.

    `bad_head`: the headers are too large or not HTTP. The other reasons: see REFUSED.
    """
    return dict(_refused)


def is_list_path(path: str) -> bool:
    """Whether lists are uploaded to this path."""
    return _LIST_PATHS.fullmatch(path) is not None


class IncomingRequest(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """A request that is being received. A refused one has no body, and is the last of its connection."""

    body_rcv: Any = None
    error: Any = None
    refused = ""
    limit: int | None = None

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.began = time.monotonic()

    def received(self, data: bytes) -> int:
        """Receive bytes; returns how many of them belong to this request."""
        taken = int(super().received(data))
        if self.error or self.empty or self.body_rcv is None:
            if self.error and self.body_rcv is not None:
                self.refuse("cut_short")
                return len(data)
            _refused["bad_head"] += bool(self.error)
            return taken
        if self.limit is None:
            self.limit = self._body_limit()
        size = self.body_bytes()
        framing = self.body_bytes_received - size
        if max(size, self.content_length) > self.limit:
            self.refuse("too_large")
        elif framing > MAX_FRAMING_BYTES + size // FRAMING_SHARE:
            self.refuse("cut_short")
        return len(data) if self.refused else taken

    def refuse(self, reason: str) -> None:
        """End the request early: the application answers it without its body."""
        _refused[reason] += 1
        self.refused = reason
        self.error = None
        self.completed = True
        self.expect_continue = False  # otherwise waitress would request the body
        self.close()
        self.body_rcv = None
        self.headers["CONTENT_LENGTH"] = "0"
        self.headers["CONNECTION"] = "close"

    def body_bytes(self) -> int:
        """The number of bytes of the body that are kept."""
        return 0 if self.body_rcv is None else int(self.body_rcv.__len__())

    def is_list(self) -> bool:
        """Whether an uploaded list is received, from somebody who seems to be signed in."""
        is_known = "AUTHORIZATION" in self.headers or "COOKIE" in self.headers
        return is_known and is_list_path(self.path or "")

    def _body_limit(self) -> int:
        if self.path == SIGNED_PATH and SIGNATURE in self.headers:
            return MAX_DELIVERY_BYTES
        if self.is_list():
            return MAX_LIST_BYTES
        return MAX_CALL_BYTES if "AUTHORIZATION" in self.headers else MAX_OTHER_BYTES


class Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """A request that a thread answers."""

    def get_environment(self) -> dict[str, Any]:
        """The WSGI environment, with the reason of a missing body."""
        environ: dict[str, Any] = super().get_environment()
        if self.request.refused:
            environ[REFUSED] = self.request.refused
        return environ


class _Waiting(list[Any]):
    """The requests of a connection. A request that arrives while another waits is the last one answered."""

    def append(self, request: Any) -> None:
        """Add a request. Needs the lock, because a thread could take the request before it is marked."""
        if self:
            request.headers["CONNECTION"] = "close"
        super().append(request)


class Connection(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A client's connection."""

    task_class = Task
    parser_class = IncomingRequest
    request: Any = None
    requests: Any
    _unread = False
    _drained_by = 0.0

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.requests = _Waiting()

    def readable(self) -> bool:
        """True while bytes are received, also from a refused client that still sends."""
        return bool(self._drained_by or super().readable())

    def received(self, data: bytes) -> bool:
        """Receive bytes. Of pipelined requests, at most the second is answered."""
        if self._drained_by:
            return False
        taken = bool(super().received(data))
        with self.requests_lock:
            self._unread |= any(request.refused for request in self.requests)
        self.server.bodies.count(self)
        self.server.bodies.make_room()
        return taken

    def handle_read(self) -> None:
        """Read once. A client that ends within a body is answered: it may have closed only one direction."""
        try:
            data = self.socket.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:
            self._close_now()
            return
        if data:
            self.last_activity = time.time()
            self.received(data)
        elif self.request is not None and self.request.body_rcv is not None and not self._drained_by:
            self.refuse("cut_short")
        else:
            self._close_now()

    def refuse(self, reason: str) -> None:
        """Answer the request that is being received, without its rest."""
        with self.requests_lock:
            request, self.request = self.request, None
            if request is None:
                return
            request.refuse(reason)
            self.requests.append(request)
            self._unread = True
            if len(self.requests) == 1:
                self.server.add_task(self)

    def service(self) -> None:
        """Answer a request, in a thread."""
        super().service()
        self.server.bodies.count(self)

    def handle_close(self) -> None:
        """Close; after a refusal only our direction, until the client ends or DRAIN_SECONDS are over."""
        if self._unread and self.connected and not self._drained_by:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self._close_now()
                return
            self._drained_by = time.time() + DRAIN_SECONDS
            self.will_close = self.close_when_flushed = False
            return
        self._close_now()

    def is_busy(self) -> bool:
        """True while a request is being answered, or its answer is not completely sent."""
        return bool(self.requests or self.total_outbufs_len)

    def expire(self, now: float, silent_seconds: float) -> None:
        """Close the connection if it is silent, slow to send, slow to read, or refused and still sending."""
        if self._drained_by:
            if now > self._drained_by:
                self._close_now()
            return
        is_silent = self.last_activity < now - silent_seconds
        request = self.request
        seconds = LIST_SECONDS if request is not None and request.is_list() else REQUEST_SECONDS
        is_slow = request is not None and request.began < time.monotonic() - seconds
        takes_nothing = self.total_outbufs_len and self.last_activity < now - SILENT_SECONDS
        if takes_nothing or (not self.requests and (is_silent or is_slow)):
            self._unread = False
            self.will_close = True

    def held_bytes(self) -> int:
        """The bytes of all waiting bodies of this connection."""
        with self.requests_lock:
            waiting = [*self.requests, self.request]
        return sum(request.body_bytes() for request in waiting if request is not None)

    def _close_now(self) -> None:
        super().handle_close()
        self.server.bodies.forget(self)


class Bodies:
    """All bodies that are kept, and their limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[Connection, int] = {}  # in the sequence of their first bytes
        self._total = 0
        self._lock = threading.Lock()

    def count(self, connection: Connection) -> None:
        """Update the count for a connection."""
        held = connection.held_bytes()
        with self._lock:
            self._total += held - self._held.get(connection, 0)
            if held:
                self._held[connection] = held
            else:
                self._held.pop(connection, None)

    def forget(self, connection: Connection) -> None:
        """Remove a closed connection from the count."""
        with self._lock:
            self._total -= self._held.pop(connection, 0)

    def make_room(self) -> None:
        """Refuse the oldest unfinished bodies while the limit is exceeded."""
        for each in self._too_many():
            each.refuse("busy")
            self.count(each)

    def _too_many(self) -> list[Connection]:
        with self._lock:
            excess = self._total - self._most
            found: list[Connection] = []
            if excess <= 0:
                return found
            for connection, held in self._held.items():
                if excess <= 0:
                    break
                if connection.request is not None:
                    found.append(connection)
                    excess -= held
            return found


class Listener(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """The listening socket, and all connections."""

    channel_class = Connection

    def __init__(self, app: WsgiApp, sock: socket.socket, threads: int, most_held: int) -> None:
        self.bodies = Bodies(most_held)
        self.map: dict[int, Any] = {}
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        super().__init__(
            app,
            self.map,
            _sock=sock,
            dispatcher=dispatcher,
            adj=_adjust(sock, threads),
            bind_socket=False,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
        )

    def handle_accept(self) -> None:
        """Accept all waiting connections, not one per turn: with thousands of them a turn takes 10 ms."""
        for _ in range(ACCEPTS):
            before = len(self.map)
            super().handle_accept()
            if not before < len(self.map) < self.adj.connection_limit:
                break

    def maintenance(self, now: float) -> None:
        """Close connections that have used up their time."""
        pressed = len(self.active_channels) > self.adj.connection_limit * PRESSED_SHARE
        for connection in list(self.active_channels.values()):
            connection.expire(now, PRESSED_SECONDS if pressed else SILENT_SECONDS)

    def run_until(self, stopping: threading.Event) -> None:
        """Serve until `stopping` is set, then only answer complete requests, for STOP_SECONDS."""
        while not stopping.is_set():
            self._turn(1)
        self.del_channel()
        self.socket.close()
        deadline = time.monotonic() + STOP_SECONDS
        while self.active_channels and time.monotonic() < deadline:
            for connection in list(self.active_channels.values()):
                if not connection.is_busy():
                    connection.will_close = True
            self._turn(0.05)
        self.task_dispatcher.shutdown(timeout=1)

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self.map, count=1)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError if another program uses the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def serve(app: WsgiApp, sock: socket.socket, threads: int, most_held: int = MAX_HELD_BYTES) -> None:
    """Serve until SIGTERM or SIGINT, then finish the complete requests."""
    listener = Listener(app, sock, threads, most_held)
    stopping = threading.Event()

    def stop(_signal: int, _frame: object) -> None:
        stopping.set()
        listener.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    listener.run_until(stopping)


def _adjust(sock: socket.socket, threads: int) -> Adjustments:
    return Adjustments(
        sockets=[sock],
        threads=threads,
        backlog=_BACKLOG,
        connection_limit=_connections(),
        cleanup_interval=1,
        channel_timeout=SILENT_SECONDS,
        inbuf_overflow=IN_MEMORY_BYTES,
        max_request_header_size=MAX_HEAD_BYTES,
        max_request_body_size=2
        ** 62,  # our own limits are exact, while waitress also counts the framing of chunks
        outbuf_overflow=IN_MEMORY_BYTES,
        outbuf_high_watermark=1_000_000_000,  # an export for a slow reader waits in a file, not in a thread
        log_socket_errors=False,
        expose_tracebacks=False,
        ident=None,
        clear_untrusted_proxy_headers=False,  # only werkzeug's ProxyFix reads them, if proxies are set
        asyncore_use_poll=True,
        server_name="localhost",
    )


def _connections() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS reports "no limit" but has one
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(100, min(CONNECTIONS, (soft - _FILES_FOR_OTHERS) // 2))  # each may have a body in a file
