"""Numbered records, written to a journal and read back."""

from pathlib import Path

from salepixel.wire.streams import read_frames
from salepixel_edge.journal import Journal
from salepixel_edge.reader import Reader, Run

SEGMENT = 4096


def payload(number: int) -> bytes:
    """A payload that contains its number and has its own length."""
    return b"%d:" % number + b"x" * (number * 7 % 50)


def write(journal: Journal, count: int, batch: int = 5) -> None:
    """Write the next `count` records."""
    first = journal.durable.number + 1
    for begin in range(first, first + count, batch):
        journal.write([payload(number) for number in range(begin, min(begin + batch, first + count))])


def runs(journal: Journal, after: int = 0, limit: int = 200) -> list[Run]:
    reader = Reader(journal)
    reader.seek(after)
    found = []
    while run := reader.read(limit):
        found.append(run)
    return found


def numbers(found: list[Run]) -> list[int]:
    """The numbers of all records, each of which must be what was written under it."""
    result = []
    for run in found:
        in_run = []
        for number, content, _ in read_frames(run.data):
            assert content == payload(number)
            in_run.append(number)
        assert (in_run[0], in_run[-1]) == (run.first, run.last)
        result += in_run
    return result


def flip(file: Path, at: float, bit: int) -> int:
    """Flip one bit of a file; gives the number of the record that it is in."""
    content = bytearray(file.read_bytes())
    offset = int(len(content) * at)
    spoiled = next(number for number, _, end in read_frames(bytes(content)) if end > offset)
    content[offset] ^= 1 << bit
    file.write_bytes(content)
    return spoiled
