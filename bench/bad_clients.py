"""Hostile clients, beside normal visitors: request heads that never end, and heads that are too large."""

import asyncio
from collections import Counter
from contextlib import suppress

SLOW = 50
"""Clients that send one line of their head per second until the server closes the connection."""

LARGE = 10
"""Clients that send a head of 32 kB, are rejected, and connect again."""

LINE_SECONDS = 1.0
REST_SECONDS = 0.1
HEAD = b"GET /c/x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
COOKIE = b"Cookie: " + b"x" * 32_000 + b"\r\n\r\n"


class BadClients:
    """Runs all of them within an `async with`; `ends` counts how their connections ended."""

    def __init__(self, port: int) -> None:
        self.ends: Counter[str] = Counter()
        self._port = port
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "BadClients":
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._again("slow", 10_000, HEAD)) for _ in range(SLOW)]
        self._tasks += [loop.create_task(self._again("large", 0, HEAD + COOKIE)) for _ in range(LARGE)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _again(self, kind: str, lines: int, head: bytes) -> None:
        while True:
            try:
                self.ends[f"{kind}: {await self._come(lines, head)}"] += 1
            except OSError:
                self.ends[f"{kind}: cut off"] += 1
            await asyncio.sleep(REST_SECONDS)

    async def _come(self, lines: int, head: bytes) -> str:
        """The status of the answer, or "cut off" without one."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(head)
            answer = asyncio.ensure_future(reader.read(4096))
            for number in range(lines):
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(answer), LINE_SECONDS)
                    break
                writer.write(b"X-%d: x\r\n" % number)
            status = (await answer)[9:12].decode()
            return status or "cut off"
        finally:
            writer.close()
