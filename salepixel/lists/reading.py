"""The records of a stored list, from a place on."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from salepixel.keys import Keys
from salepixel.lists.incoming import lines_of
from salepixel.lists.layout import SEPARATORS
from salepixel.lists.records import Record, read_records
from salepixel.lists.store import ContactList, read_piece

HEAD_LINES = 200
"""The lines by which a layout is proposed."""

_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
"""Excel writes this as a first line, and hides it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a list: the piece, the byte in it, and how many lines come before."""

    piece: int = 0
    byte: int = 0
    line: int = 0


def records_from(
    connection: sa.Connection, keys: Keys, found: ContactList, separator: str, spot: Spot
) -> Iterator[tuple[int, Record, Spot]]:
    """Each record with the number of its first line, from 1, and the place after it.

    Raises LookupError if the list is deleted meanwhile.
    """
    ends: deque[tuple[int, int]] = deque()

    def texts() -> Iterator[str]:
        for text, end in _lines(connection, keys, found, spot):
            ends.append(end)
            yield text

    line = spot.line
    for record in read_records(texts(), separator):
        # Each line is in exactly one record, in its sequence, also if it was read twice.
        piece, byte = [ends.popleft() for _ in range(record.lines)][-1]
        first, line = line + 1, line + record.lines
        if first > 1 or not _separator_in(record.text):
            yield first, record, Spot(piece, byte, line)


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of a list. `separator`: what a line such as `sep=;` before them says, or empty."""

    lines: list[str]
    separator: str


def head_of(connection: sa.Connection, keys: Keys, found: ContactList) -> Head:
    """The first lines of a list."""
    lines = [text for text, _ in lines_of(read_piece(connection, keys, found.id, 0))][:HEAD_LINES]
    named = _separator_in(lines[0]) if lines else ""
    return Head(lines[1:], named if named in SEPARATORS else "") if named else Head(lines, "")


def _separator_in(line: str) -> str:
    named = _SEPARATOR_LINE.fullmatch(line)
    return named[1] if named else ""


def _lines(
    connection: sa.Connection, keys: Keys, found: ContactList, spot: Spot
) -> Iterator[tuple[str, tuple[int, int]]]:
    start = spot.byte
    for number in range(spot.piece, found.pieces):
        for text, end in lines_of(read_piece(connection, keys, found.id, number), start):
            yield text, (number, end)
        start = 0
