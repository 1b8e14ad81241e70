"""HTTP/1.1 for the edge, one request at a time per connection. httptools (llhttp) parses the bytes.

The edge uses no server framework: a bare redirect costs half as much CPU as with granian
(docs/adr/0010-the-edge-speaks-http-itself.md). Redirects and images need no request body, so a request with
a body gets 400, and its connection is closed.

Pipelining is not supported. Of pipelined requests, only the first is answered; then the connection is closed,
and the client retries the others (RFC 9112, 9.3.2). Current browsers and proxies do not pipeline, and a queue
of requests would need limits of its own.
"""

import asyncio
import re
import resource
import time
from contextlib import suppress
from typing import Protocol, cast

import structlog
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from salepixel_edge.request import Headers, Request

MAX_HEAD_BYTES = 16 * 1024

_JOINED = {b"x-forwarded-for": b",", b"cookie": b"; "}
"""Headers that may be repeated, with the separator that joins their values.

Proxies add addresses (RFC 9110, 5.3); HTTP/2 splits cookies (RFC 9113, 8.2.3).
"""

RECEIVE_BYTES = 16 * 1024
"""SO_RCVBUF, the size of the receive buffer. The kernel doubles it (socket(7))."""

HEAD_SECONDS = 10.0
"""A client must send a whole request head within this time."""

IDLE_SECONDS = 75.0
"""Idle connections, and clients that do not read an answer, are closed after this time."""

NEW_SECONDS = 1.0
"""At shutdown, the edge waits this long for a new connection's first request, which may be in transit."""

RESERVED_FILES = 64
"""File descriptors kept for journals, Redis and Python."""

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
)


log = structlog.get_logger()


_KEPT = (
    *("host", "user-agent", "cookie", "x-forwarded-for", "if-none-match", "transfer-encoding"),
    *("sec-gpc", "sec-fetch-site", "sec-purpose", "purpose", "x-purpose", "x-moz"),
)
"""The headers that the edge reads. All others are dropped."""

_NON_ASCII = re.compile(rb"[\x80-\xff]")


class _Lower(dict[bytes, bytes]):
    """Maps a header name, in any case, to lower case; to `b""` if the header is not in `_KEPT`."""

    def __missing__(self, name: bytes) -> bytes:
        name = name.lower()
        return name if name.decode("latin-1") in _KEPT else b""


_LOWER = _Lower(
    (name.encode(), name.lower().encode() if name.lower() in _KEPT else b"")
    for name in (
        *("Host", "Connection", "User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Cookie"),
        *(
            "Upgrade-Insecure-Requests",
            "Sec-Fetch-Dest",
            "Sec-Fetch-Mode",
            "Sec-Fetch-Site",
            "Sec-Fetch-User",
        ),
        *("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "Priority", "X-Forwarded-For", "X-Real-IP"),
    )
)
"""The spellings that browsers and proxies send are precomputed, so a lookup calls no Python code.

Other spellings are not cached, so clients cannot grow the table.
"""


class Handler(Protocol):
    """Answers requests: calls `connection.send` once for each, now or later."""

    def handle(self, request: Request, connection: "Connection") -> None:
        """Answer one request."""


class Connections:
    """All connections of one process: their limit, deadlines and shutdown."""

    def __init__(self, handler: Handler, limit: int = 0) -> None:
        """`limit` 0: as many as file descriptors allow."""
        self.handler = handler
        self.limit = limit or _raise_file_limit()
        self.open: set[Connection] = set()
        self.refused = 0
        self.ending = False

    def make(self) -> "Connection":
        """Return the protocol object for a newly accepted connection."""
        return Connection(self)

    def close_overdue(self) -> None:
        """Close the connections whose client takes too long."""
        now = time.monotonic()
        for connection in [connection for connection in self.open if connection.is_overdue(now)]:
            connection.cut()

    def end(self) -> None:
        """Shut down: close idle connections now, and busy ones after the current answer.

        A new connection may still send its first request. Call this repeatedly until no connection is open.
        """
        self.ending = True
        now = time.monotonic()
        for connection in list(self.open):
            if not connection.is_new(now):
                connection.close_when_answered()

    def abort(self) -> None:
        """Abort all open connections."""
        for connection in list(self.open):
            connection.abort()


def _raise_file_limit() -> int:
    """Raise the limit of open files as far as allowed. Returns how many connections may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS reports "no limit" but accepts less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(soft - RESERVED_FILES, 1)


class Connection(asyncio.Protocol):
    """One client, one request at a time."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._transport: asyncio.Transport
        self._address = b""
        self._url = b""
        self._headers: Headers = {}
        self._head_bytes = 0  # bytes received of an incomplete request head
        self._began_at = time.monotonic()  # when the connection or its latest request head began
        self._had_request = False  # at least one request was received
        self._is_answering = False  # a request is being answered
        self._is_pipelined = False  # a request that begins now is pipelined
        self._is_ending = False  # no more requests are accepted
        self._two_hosts = False  # the current head has two Host headers
        self._parser = HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection, or refuse it above the limit."""
        self._transport = cast(asyncio.Transport, transport)
        if len(self._connections.open) >= self._connections.limit:
            # Refused at once, not queued: the journal always needs a free file descriptor.
            self._connections.refused += 1
            self._transport.write(UNAVAILABLE)
            self._transport.close()
            return
        self._connections.open.add(self)
        peer = transport.get_extra_info("peername")
        self._address = peer[0].encode() if peer else b""

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection. Its request is still written to the journal."""
        self._connections.open.discard(self)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes: part of a request head, a whole one, or several."""
        if self._is_ending:
            return
        if not self._head_bytes:
            self._began_at = time.monotonic()
        if not data.isascii():
            # llhttp rejects such bytes in a target, but browsers and mail programs send UTF-8 there.
            data = _NON_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], data)
        room = MAX_HEAD_BYTES - self._head_bytes
        self._head_bytes += len(data)
        self._is_pipelined = self._is_answering
        try:
            self._parser.feed_data(data[:room])
        except HttpParserUpgrade:
            # Ignore the upgrade (RFC 9110, 7.8), and close after the answer: the next bytes may not be HTTP.
            self.close_when_answered()
        except HttpParserError:
            self._refuse(BAD_REQUEST)
        if len(data) > room:
            self._refuse(TOO_LARGE)

    def on_url(self, url: bytes) -> None:
        """Add a part of the request's target."""
        if self._is_pipelined:
            self.close_when_answered()
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header. If it is repeated, join the values (names in `_JOINED`) or keep the last one."""
        name, headers = _LOWER[name], self._headers
        if not name:
            return
        if name in headers:
            if name in _JOINED:
                value = b"%b%b%b" % (headers[name], _JOINED[name], value)
            elif name == b"host":
                self._two_hosts = True
        headers[name] = value

    def on_body(self, _body: bytes) -> None:
        """Reject the request, because it has a body."""
        self._refuse(BAD_REQUEST)

    def on_message_complete(self) -> None:
        """Pass the complete request to the handler."""
        if self._is_ending:
            return
        parser, url, headers = self._parser, self._url, self._headers
        version = parser.get_http_version()
        hosts = not self._two_hosts and (b"host" in headers or version == "1.0")  # RFC 9112, 3.2
        if not hosts or b"transfer-encoding" in headers:
            # llhttp reports trailers as headers, so an X-Forwarded-For there could forge the address.
            self._refuse(BAD_REQUEST)
            return
        if not url.startswith(b"/"):  # http://host/path means /path (RFC 9112, 3.2.2)
            url = b"/" + url.partition(b"://")[2].partition(b"/")[2]
        path, _, query = url.partition(b"?")
        request = Request(parser.get_method(), path, query, headers, self._address)
        self._headers = {}
        self._url, self._head_bytes = b"", 0
        self._had_request = self._is_answering = self._is_pipelined = True
        self._is_ending = not parser.should_keep_alive() or version != "1.1" or self._connections.ending
        try:
            self._connections.handler.handle(request, self)
        except Exception:
            log.exception("request_failed")
            self._is_answering = self._is_ending = False
            self._refuse(FAILED)

    def send(self, answer: bytes) -> None:
        """Send the answer to the current request."""
        transport = self._transport
        if transport.is_closing():
            return
        self._is_answering = False
        if self._is_ending:
            transport.write(answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
            transport.close()
        else:
            transport.write(answer)

    def eof_received(self) -> bool:
        """The client sends no more, but may still wait for an answer (RFC 9112, 9.6)."""
        self.close_when_answered()
        return True  # `send` closes the connection after the answer

    def pause_writing(self) -> None:
        """Stop reading requests while the client does not read answers."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read requests again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def is_overdue(self, now: float) -> bool:
        """True if the client has taken too long."""
        limit = HEAD_SECONDS if self._head_bytes else IDLE_SECONDS
        return not self._is_answering and now - self._began_at > limit

    def is_new(self, now: float) -> bool:
        """True for a connection made a moment ago, without a request yet."""
        return not self._had_request and now - self._began_at < NEW_SECONDS

    def cut(self) -> None:
        """Close an overdue connection. If a part of a head was received, answer 408 first."""
        if self._head_bytes and not self._is_ending:
            self._refuse(TOO_SLOW)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once; unsent bytes are dropped."""
        self._transport.abort()

    def close_when_answered(self) -> None:
        """Accept no more requests, and close after the current answer, if any. Idempotent."""
        self._is_ending = True
        if not self._is_answering:
            self._transport.close()

    def _refuse(self, answer: bytes) -> None:
        """Send this error and close; if a request is being answered, send only its answer, then close."""
        if not self._is_ending and not self._is_answering:
            self._transport.write(answer)
        self.close_when_answered()
