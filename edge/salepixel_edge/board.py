"""Shared memory in which each process of an edge publishes its state: a page for each, readable by all.

So any process can report on the whole edge, including a stuck process, and without a disk.
"""

import json
import mmap
import time
from typing import Any
from zlib import crc32

PAGE = 8192
STUCK_SECONDS = 5.0
"""A process that has published nothing for this long counts as stuck."""

Facts = dict[str, Any]


class Board:
    """Created before the fork. Each process writes its own page, about once a second."""

    def __init__(self, pages: int) -> None:
        self._memory = mmap.mmap(-1, pages * PAGE)
        self.pages = pages

    def publish(self, page: int, facts: Facts) -> None:
        """Write the facts of one process; facts longer than a page are dropped."""
        text = json.dumps({**facts, "published_at": time.monotonic()}).encode()
        entry = crc32(text).to_bytes(4) + len(text).to_bytes(4) + text
        if len(entry) <= PAGE:
            self._memory[page * PAGE : page * PAGE + len(entry)] = entry

    def read(self) -> list[Facts]:
        """The last facts of each process, with "stuck": whether they are older than STUCK_SECONDS.

        Facts of a dead process stay until its successor publishes.
        """
        return [facts for page in range(self.pages) if (facts := self._read(page)) is not None]

    def _read(self, page: int) -> Facts | None:
        for _ in range(3):  # a torn read while its process writes
            entry = self._memory[page * PAGE : (page + 1) * PAGE]
            length = int.from_bytes(entry[4:8])
            text = entry[8 : 8 + length]
            if length == 0:
                return None
            if crc32(text) == int.from_bytes(entry[:4]):
                facts: Facts = json.loads(text)
                # All processes of a machine share CLOCK_MONOTONIC.
                facts["stuck"] = time.monotonic() - facts.pop("published_at") > STUCK_SECONDS
                return facts
        return None
