"""HTTP/1.1 for the edge, one request at a time per connection. httptools (llhttp) parses the bytes.

The edge uses no server framework: a bare redirect costs half of what it costs with granian
(docs/adr/0010-the-edge-speaks-http-itself.md). It accepts GET and HEAD without a body, which is enough for a
redirect and an image, and closes the connection on anything else.

If a client pipelines requests, it gets the answer to the first one, and the connection closes. No current
browser or proxy pipelines, and waiting requests would need limits of their own. The client sends the other
requests again (RFC 9112, 9.3.2).
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
"""Headers that may be repeated: proxies add addresses (RFC 9110, 5.3), HTTP/2 splits cookies (9113)."""

RECEIVE_BYTES = 16 * 1024
"""The kernel's receive buffer (it doubles the value), and so the limit of one read."""

HEAD_SECONDS = 10.0
"""A client must send a head within this time."""

IDLE_SECONDS = 75.0
"""Idle connections, and clients that do not read an answer, are closed after this time."""

NEW_SECONDS = 1.0
"""A stopping edge waits this long for the first request of a new connection, which may be on its way."""

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
"""The headers that are read; others are not kept."""

_HIGH = re.compile(rb"[\x80-\xff]")


class _Lower(dict[bytes, bytes]):
    """Names of headers in lower case, empty for headers that are not kept."""

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


class Handler(Protocol):
    """Answers requests: calls `connection.send` once for each, now or later."""

    def handle(self, request: Request, connection: "Connection") -> None:
        """Answer one request."""


class Connections:
    """All connections of one process: their limit, their deadlines, their end."""

    def __init__(self, handler: Handler, limit: int = 0) -> None:
        """`limit` 0: as many as file descriptors allow."""
        self.handler = handler
        self.limit = limit or _free_files()
        self.open: set[Connection] = set()
        self.refused = 0
        self.ending = False

    def make(self) -> "Connection":
        """A protocol for a connection that was just accepted."""
        return Connection(self)

    def close_overdue(self) -> None:
        """Close the connections whose client takes too long."""
        now = time.monotonic()
        for connection in [connection for connection in self.open if connection.is_overdue(now)]:
            connection.cut()

    def end(self) -> None:
        """Close idle connections; answer those with a request, and the first request of new ones.

        Call it repeatedly until none is open.
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


def _free_files() -> int:
    """The limit of open connections, after raising the limit of files as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS reports "no limit" but accepts less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(soft - RESERVED_FILES, 1)


class Connection(asyncio.Protocol):
    """One client, one request at a time."""

    def __init__(self, connections: Connections) -> None:
        self._all = connections
        self._transport: asyncio.Transport
        self._address = b""
        self._url = b""
        self._headers: Headers = {}
        self._head_bytes = 0  # of a head that has not ended yet
        self._begun = time.monotonic()  # when that head began, or the one before it
        self._asked = False  # a request has come
        self._busy = False  # a request is being answered
        self._taken = False  # a request came with this read, or is being answered: another one is pipelined
        self._last = False  # no more requests are taken
        self._two_hosts = False  # in the head in hand
        self._parser = HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection, or refuse it above the limit."""
        self._transport = cast(asyncio.Transport, transport)
        if len(self._all.open) >= self._all.limit:
            # Refused at once, not queued: the journal always needs a free file descriptor.
            self._all.refused += 1
            self._transport.write(UNAVAILABLE)
            self._transport.close()
            return
        self._all.open.add(self)
        peer = transport.get_extra_info("peername")
        self._address = peer[0].encode() if peer else b""

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection. Its request is still written to the journal."""
        self._all.open.discard(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, or of more than one."""
        if self._last:
            return
        if not self._head_bytes:
            self._begun = time.monotonic()
        if not data.isascii():
            # llhttp rejects such bytes in a target, but browsers and mail programs send UTF-8 there.
            data = _HIGH.sub(lambda byte: b"%%%02X" % byte[0][0], data)
        room = MAX_HEAD_BYTES - self._head_bytes
        self._head_bytes += len(data)
        self._taken = self._busy
        try:
            self._parser.feed_data(data[:room])
        except HttpParserUpgrade:
            # It may be ignored (RFC 9110, 7.8), but the next bytes would not be HTTP.
            self.close_when_answered()
        except HttpParserError:
            self._refuse(BAD_REQUEST)
        if len(data) > room:
            self._refuse(TOO_LARGE)

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        if self._taken:
            self.close_when_answered()
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. Of a repeated header the last counts; names are compared in lower case."""
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
        """A part of a body: rejected."""
        self._refuse(BAD_REQUEST)

    def on_message_complete(self) -> None:
        """The end of a request."""
        if self._last:
            return
        parser, url, headers = self._parser, self._url, self._headers
        version = parser.get_http_version()
        hosts = not self._two_hosts and (b"host" in headers or version == "1.0")  # RFC 9112, 3.2
        if not hosts or b"transfer-encoding" in headers:
            # llhttp reports trailers as headers: X-Forwarded-For there would forge the address.
            self._refuse(BAD_REQUEST)
            return
        if not url.startswith(b"/"):  # http://host/path is as good as /path (RFC 9112, 3.2.2)
            url = b"/" + url.partition(b"://")[2].partition(b"/")[2]
        path, _, query = url.partition(b"?")
        request = Request(parser.get_method(), path, query, headers, self._address)
        self._headers = {}
        self._url, self._head_bytes = b"", 0
        self._asked = self._busy = self._taken = True
        self._last = not parser.should_keep_alive() or version != "1.1" or self._all.ending
        try:
            self._all.handler.handle(request, self)
        except Exception:
            log.exception("request_failed")
            self._busy = self._last = False
            self._refuse(FAILED)

    def send(self, answer: bytes) -> None:
        """Send the answer to the request in hand."""
        transport = self._transport
        if transport.is_closing():
            return
        self._busy = False
        if self._last:
            transport.write(answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
            transport.close()
        else:
            transport.write(answer)

    def eof_received(self) -> bool:
        """The client sends no more, but may still wait for an answer (RFC 9112, 9.6)."""
        self.close_when_answered()
        return True  # the answer closes it

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
        return not self._busy and now - self._begun > limit

    def is_new(self, now: float) -> bool:
        """True for a connection made a moment ago, without a request yet."""
        return not self._asked and now - self._begun < NEW_SECONDS

    def cut(self) -> None:
        """Close an overdue connection; within a head, with 408."""
        if self._head_bytes and not self._last:
            self._refuse(TOO_SLOW)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once; unsent bytes are dropped."""
        self._transport.abort()

    def close_when_answered(self) -> None:
        """Take no more requests; close after the answer in hand, if any. May be repeated."""
        self._last = True
        if not self._busy:
            self._transport.close()

    def _refuse(self, answer: bytes) -> None:
        """Close the connection, with this answer unless a request is being answered."""
        if not self._last and not self._busy:
            self._transport.write(answer)
        self.close_when_answered()
