"""Reads the records of a CSV text with the csv module, line by line: a bad line does not affect others."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_RECORD = 16_384
"""The most characters of a record. Otherwise an unclosed quote would include the rest of the file."""

MAX_LINES = 100
"""The most lines of a record. After an unclosed quote, all lines of the record are read again, and each line
of a file may have such a quote."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of `lines` lines; `fields` is None if it cannot be parsed. `text`: its first line."""

    fields: list[str] | None
    lines: int
    text: str


def read_records(lines: Iterable[str], separator: str) -> Iterator[Record]:
    """The records in `lines`, which include their line ends. A blank line gives a record without fields.

    If a record cannot be parsed, its second line begins a new record.
    """
    source, again = iter(lines), deque[str]()
    while True:
        line = again.popleft() if again else next(source, None)
        if line is None:
            return
        if '"' not in line and len(line) <= MAX_RECORD:
            yield Record(next(csv.reader((line,), delimiter=separator), []), 1, line)
            continue
        taken: list[str] = []
        again.appendleft(line)
        try:
            fields = next(csv.reader(_some(again, source, taken), delimiter=separator, strict=True))
        except (csv.Error, StopIteration):
            again.extendleft(reversed(taken[1:]))
            yield Record(None, 1, line)
        else:
            yield Record(fields, len(taken), line)


def _some(again: deque[str], source: Iterator[str], taken: list[str]) -> Iterator[str]:
    """The lines of a record, up to its limits. `taken` gets the lines that the csv module has read."""
    size = 0
    while (line := again.popleft() if again else next(source, None)) is not None:
        size += len(line)
        taken.append(line)
        if size > MAX_RECORD or len(taken) > MAX_LINES:
            return
        yield line
