"""What the processes of one edge tell each other: a page of shared memory for each, which all may read.

So that whoever asks one process hears of the whole edge, also of a process that is stuck, and also when
the disk takes nothing any more.
"""

import json
import mmap
import time
from typing import Any
from zlib import crc32

PAGE = 8192
STUCK_SECONDS = 5.0
"""A process that has told nothing for so long does not go on."""

Facts = dict[str, Any]


class Board:
    """Made before the processes are forked. Each writes to its own page only, about once a second."""

    def __init__(self, pages: int) -> None:
        self._memory = mmap.mmap(-1, pages * PAGE)
        self.pages = pages

    def tell(self, page: int, facts: Facts) -> None:
        """Write what one process knows of itself. What does not fit is not told."""
        text = json.dumps({**facts, "told_at": time.monotonic()}).encode()
        entry = crc32(text).to_bytes(4) + len(text).to_bytes(4) + text
        if len(entry) <= PAGE:
            self._memory[page * PAGE : page * PAGE + len(entry)] = entry

    def read(self) -> list[Facts]:
        """What each process last told, with "stuck": whether that is too long ago.

        One that died is there until its successor tells something, and stuck when it has none in time.
        """
        return [facts for page in range(self.pages) if (facts := self._read(page)) is not None]

    def _read(self, page: int) -> Facts | None:
        for _ in range(3):  # it may be written at this moment
            entry = self._memory[page * PAGE : (page + 1) * PAGE]
            length = int.from_bytes(entry[4:8])
            text = entry[8 : 8 + length]
            if length == 0:
                return None
            if crc32(text) == int.from_bytes(entry[:4]):
                facts: Facts = json.loads(text)
                # CLOCK_MONOTONIC is the same for all processes of a machine.
                facts["stuck"] = time.monotonic() - facts.pop("told_at") > STUCK_SECONDS
                return facts
        return None
