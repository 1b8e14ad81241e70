"""Reading on behind what a disk has spoiled: each record has its number, and a checksum of its own."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from salepixel.wire.streams import BadRecord, read_frames

LEAST_RECORD = 16
_WINDOW = 64 * 1024


class Damage(NamedTuple):
    """Where no record can be read: after which number, at which offset, and why."""

    after: int
    offset: int
    what: str


def read_around(data: bytes, first: int, damages: list[Damage]) -> Iterator[tuple[int, bytes, int]]:
    """Read (number, payload, end offset) of all whole records of a segment whose first number this is.

    What is between them is added to `damages`.
    """
    last, offset = first - 1, 0
    while True:
        try:
            for number, payload, end in read_frames(data, offset):
                if number <= last:
                    raise BadRecord("out of sequence")  # an older sector in a newer one's place
                last, offset = number, end
                yield number, payload, end
            return
        except BadRecord as bad:
            damages.append(Damage(last, offset, str(bad)))
        # Counted from the segment's start: `last` may be stale, of an older sector far behind its own place.
        found = find_record(data, offset + 1, last + 1, first + len(data) // LEAST_RECORD)
        if found is None:
            return
        offset = found


def find_record(data: bytes, offset: int, lowest: int, highest: int) -> int | None:
    """Where the next whole record with a number in this range stands, at an offset or behind it."""
    if lowest > highest:
        return None
    heads = _heads(lowest, highest)
    # Other threads have their turn between two windows.
    for begin in range(offset, len(data), _WINDOW):
        at, end = begin, begin + _WINDOW + LEAST_RECORD - 1
        while match := heads.search(data, at, end):
            at = match.start()
            if _is_whole(data, at, lowest, highest):
                return at
            at += 1
    return None


def _heads(lowest: int, highest: int) -> re.Pattern[bytes]:
    """What looks like the head of such a record: number, length, checksum.

    Never a zero for a number: of those a file that has got its size, but not its bytes, is full.
    """
    low, high = lowest.to_bytes(8), highest.to_bytes(8)
    varying = ((lowest ^ highest).bit_length() + 7) // 8
    number = re.escape(low[: 8 - varying])
    if varying:
        number += b"(?!\\0{%d})[\\x%02x-\\x%02x]" % (varying, low[-varying], high[-varying])
        number += b".{%d}" % (varying - 1)
    return re.compile(number + b"\\0\\0[\\0-\\x40].{5}", re.DOTALL)


def _is_whole(data: bytes, offset: int, lowest: int, highest: int) -> bool:
    try:
        number, _, _ = next(read_frames(data, offset))
    except BadRecord:
        return False
    return lowest <= number <= highest
