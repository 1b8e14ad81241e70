"""Finds the whole records of a damaged segment, by the number and the checksum that each of them has."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from salepixel.wire.streams import BadRecord, read_frames

LEAST_RECORD = 16
_WINDOW = 64 * 1024


class Damage(NamedTuple):
    """A place where no record can be read: the number before it, its offset, and the reason."""

    after: int
    offset: int
    reason: str


def read_around(data: bytes, first: int, damages: list[Damage]) -> Iterator[tuple[int, bytes, int]]:
    """Read (number, payload, end offset) of each whole record of a segment whose first number is `first`.

    Appends the damaged places between them to `damages`.
    """
    last, offset = first - 1, 0
    while True:
        try:
            for number, payload, end in read_frames(data, offset):
                if number <= last:
                    raise BadRecord("out of sequence")  # a stale sector
                last, offset = number, end
                yield number, payload, end
            return
        except BadRecord as bad:
            damages.append(Damage(last, offset, str(bad)))
        # Counted from the segment's start: a stale record, far behind its own place, makes `last` too low.
        found = find_record(data, offset + 1, last + 1, first + len(data) // LEAST_RECORD)
        if found is None:
            return
        offset = found


def find_record(data: bytes, offset: int, lowest: int, highest: int) -> int | None:
    """The next offset, from `offset` on, of a whole record with a number in this range, if any."""
    if lowest > highest:
        return None
    heads = _heads(lowest, highest)
    # In windows, because `search` keeps the interpreter lock: other threads run between two calls.
    for begin in range(offset, len(data), _WINDOW):
        at, end = begin, begin + _WINDOW + LEAST_RECORD - 1
        while match := heads.search(data, at, end):
            at = match.start()
            if _is_whole(data, at, lowest, highest):
                return at
            at += 1
    return None


def _heads(lowest: int, highest: int) -> re.Pattern[bytes]:
    """A pattern of the heads of records with such numbers: number, length, checksum.

    It matches no number 0: a file whose size reached the disk before its bytes is full of zeros.
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
