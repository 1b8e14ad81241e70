"""Visitors that come on schedule, whether earlier visitors were answered or not.

The time of each is measured from its scheduled start. So if a server stops for a second, all visitors of this
second show it; otherwise "coordinated omission" would hide them.
"""

import asyncio
import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import cast

CONNECTIONS = 256
TURN_SECONDS = 0.001
SETTLE_SECONDS = 0.5
"""Time for the server to accept the first connections, made all at once; real visitors come one by one."""

HEADERS = (
    b"Host: 127.0.0.1\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en-US,en;q=0.5\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Upgrade-Insecure-Requests: 1\r\n"
    b"Sec-Fetch-Dest: document\r\n"
    b"Sec-Fetch-Mode: navigate\r\n"
    b"Sec-Fetch-Site: none\r\n\r\n"
)


@dataclass
class Log:
    """The results of an independent client: seconds of each answer, the tokens of all redirects, failures.

    `took`: seconds from the first request to the last answer.
    """

    seconds: list[float] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list)
    failed: int = 0
    took: float = 0.0

    def quantile_ms(self, share: float) -> float:
        """The milliseconds within which this share was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 if ordered else 0.0

    @property
    def median_ms(self) -> float:
        """The median in milliseconds."""
        return statistics.median(self.seconds) * 1000 if self.seconds else 0.0


class Visitor(asyncio.Protocol):
    """A keep-alive connection with at most one request in flight."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport
        self._due = 0.0
        self._received = b""
        self._asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is ready for a request."""
        self._transport = cast(asyncio.Transport, transport)
        self._crowd.is_free(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """The server ended the connection."""
        if self._asking:
            self._crowd.log.failed += 1
        self._crowd.is_gone(self)

    def ask(self, path: bytes, due: float) -> None:
        """Request a path; `due` is its scheduled start, on the loop's clock."""
        self._due, self._asking, self._received = due, True, b""
        self._transport.write(b"GET " + path + b" HTTP/1.1\r\n" + HEADERS)

    def leave(self) -> None:
        """End the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of it; redirects have no body."""
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        crowd, answer = self._crowd, self._received
        crowd.log.seconds.append(crowd.loop.time() - self._due)
        if answer.startswith(b"HTTP/1.1 302"):
            at = answer.index(b"spx=") + 4
            crowd.log.tokens.append(answer[at : answer.index(b"\r\n", at)])
        else:
            crowd.log.failed += 1
        self._asking = False
        crowd.is_free(self)


class Crowd:
    """Visitors at a fixed rate per second, for some seconds."""

    def __init__(self, port: int, path: str) -> None:
        """`path` gets a number at its end for each visitor."""
        self.log = Log()
        self.loop = asyncio.get_running_loop()
        self._port, self._path = port, path.encode()
        self._free: list[Visitor] = []
        self._late: deque[tuple[bytes, float]] = deque()
        self._open = self._asked = 0

    async def visit(self, rate: float, seconds: float) -> Log:
        """Send requests at this rate; returns when all were answered, or ten seconds after the last one."""
        await asyncio.gather(*(self._connect() for _ in range(CONNECTIONS)))
        await asyncio.sleep(SETTLE_SECONDS)
        begun, count = self.loop.time(), int(rate * seconds)
        while self._asked < count:
            now = self.loop.time()
            while self._asked < count and (due := begun + self._asked / rate) <= now:
                self._asked += 1
                path = self._path + str(self._asked).encode()
                if self._free:
                    self._free.pop().ask(path, due)
                else:
                    self._late.append((path, due))
            await asyncio.sleep(TURN_SECONDS)
        waited_until = self.loop.time() + 10
        while len(self.log.seconds) + self.log.failed < count and self.loop.time() < waited_until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.log.failed = count - len(self.log.tokens)
        self.log.took = self.loop.time() - begun
        self._asked = 0  # nobody takes their place
        for visitor in list(self._free):
            visitor.leave()
        await asyncio.sleep(TURN_SECONDS)
        return self.log

    def is_free(self, visitor: Visitor) -> None:
        """Mark a visitor as free for the next request."""
        if self._late:
            visitor.ask(*self._late.popleft())
        else:
            self._free.append(visitor)

    def is_gone(self, visitor: Visitor) -> None:
        """Replace a connection that ended."""
        if visitor in self._free:
            self._free.remove(visitor)
        if self._asked:
            self._again = self.loop.create_task(self._connect())

    async def _connect(self) -> None:
        for _ in range(100):
            try:
                await self.loop.create_connection(lambda: Visitor(self), "127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return
