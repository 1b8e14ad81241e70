"""Reads the durable records of a journal, in runs, while another thread writes to it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from errno import EIO

import structlog

from salepixel.wire.streams import BadRecord, read_frames
from salepixel_edge.damage import find_record
from salepixel_edge.journal import Journal, Position

RUN_BYTES = 64 * 1024

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Run:
    """The bytes of whole records in sequence. `oldest`: the journal no longer has earlier records."""

    first: int
    last: int
    data: bytes
    oldest: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A reader's position: after a record's number, at an offset of a segment.

    `gone`: records missing between the last run and this position are not in the journal any more.
    """

    number: int
    segment: int
    offset: int
    gone: bool


class Reader:
    """Reads the records of a journal run by run. Used by one thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._logged_damage: tuple[int, int] | None = None
        self._no_record_after: tuple[int, int] | None = None  # (segment, offset) of damage
        self._unreadable = False  # the disk refused the last read
        self.place = Place(0, 0, 0, gone=True)

    def seek(self, number: int) -> None:
        """Continue after this number, or at the oldest record if that is later."""
        numbers = self._journal.segments()
        holding = [segment for segment in numbers if segment <= number + 1]
        segment = holding[-1] if holding else (numbers[0] if numbers else 0)
        gone = bool(numbers) and segment == numbers[0]
        self.place = Place(max(number, segment - 1), segment, 0, gone)

    def peek(self, limit: int = RUN_BYTES) -> Run | None:
        """The run that `read` would return, without moving."""
        before = self.place
        run = self.read(limit)
        self.place = before
        return run

    def read(self, limit: int = RUN_BYTES) -> Run | None:
        """The next whole records, about `limit` bytes; None if there are no more on disk."""
        # `durable` is read once per round: a segment that the writer opens meanwhile must not change how far
        # the one before it may be read.
        while self.place.number < (durable := self._journal.durable).number:
            if run := self._read_written(limit):
                return run
            following = self._following()
            data = self._bytes(durable, limit)
            run, end = self._parse(data, following, whole=len(data) < limit)
            if run:
                return run
            if end:
                continue
            damaged = bool(data) or self._unreadable
            if not (data and self._skip_damage(durable, following)) and not self._next_segment(
                following, damaged=damaged
            ):
                return None
        return None

    def _read_written(self, limit: int) -> Run | None:
        """The next records, not parsed but cut at the ends of this process's last writes.

        The fold checks them. None for records of another process or older than KNOWN_WRITES writes, and for a
        write larger than `limit`.
        """
        place, writes = self.place, self._journal.writes
        while writes and writes[0][0].number < place.number:
            writes.popleft()
        if not writes or writes[0][0] != Position(place.number, place.segment, place.offset):
            return None
        if writes[0][1].size - place.offset > limit:
            return None
        end = writes.popleft()[1]
        while writes and writes[0][0] == end and writes[0][1].size - place.offset <= limit:
            end = writes.popleft()[1]
        data = self._bytes(end, end.size - place.offset)
        if len(data) != end.size - place.offset:
            return None
        self.place = Place(end.number, end.segment, end.size, gone=False)
        return Run(place.number + 1, end.number, data, place.gone)

    def _parse(self, data: bytes, following: int, *, whole: bool) -> tuple[Run | None, int]:
        """The run at the start of the bytes, and the offset after it; 0 if no record can be read there."""
        place = self.place
        first, last, begin, end, gone = 0, place.number, 0, 0, place.gone
        try:
            for number, _, after in read_frames(data):
                if (following and number >= following) or (first and number != last + 1):
                    break
                if number <= place.number:
                    # The journal still has records before the run.
                    begin, gone = after, gone and number < place.segment
                else:
                    # Numbers missing within a segment are damaged.
                    gone = gone or number > last + 1
                    first, last = first or number, number
                end = after
        except BadRecord as bad:
            # A read of `limit` bytes may end within a record; the first record, or the segment, may not.
            if end == 0 and (whole or str(bad) != "cut"):
                self._log_damage()
        run = Run(first, last, data[begin:end], gone) if first else None
        self.place = Place(last, place.segment, place.offset + end, gone and not run)
        return run, end

    def _following(self) -> int:
        later = [segment for segment in self._journal.segments() if segment > self.place.segment]
        return later[0] if later else 0

    def _bytes(self, durable: Position, limit: int) -> bytes:
        place, self._unreadable = self.place, False
        try:
            # Unbuffered: a read that fails half-way still returns the bytes before the bad sector.
            with self._journal.path(place.segment).open("rb", buffering=0) as file:
                file.seek(place.offset)
                room = durable.size - place.offset if place.segment == durable.segment else limit
                return file.read(min(limit, max(room, 0))) or b""
        except FileNotFoundError:
            return b""
        except OSError as error:
            if error.errno != EIO:
                raise
            self._unreadable = True  # skipped as damage is: later records can be read
            self._log_damage()
            return b""

    def _skip_damage(self, durable: Position, following: int) -> bool:
        """Move to the next whole record of this segment; False if there is none."""
        place = self.place
        if self._no_record_after == (place.segment, place.offset):
            return False  # searched before
        with suppress(FileNotFoundError):
            rest = self._bytes(durable, self._journal.path(place.segment).stat().st_size)
            highest = following - 1 if following else durable.number
            if found := find_record(rest, 1, place.segment, highest):
                self._log_damage()
                self.place = replace(place, offset=place.offset + found)
                return True
        self._no_record_after = place.segment, place.offset
        return False

    def _next_segment(self, following: int, *, damaged: bool) -> bool:
        if not following:
            # Damage in the open segment: make the next write open another one.
            self._journal.damaged = self._journal.damaged or damaged
            return False
        gone = self.place.gone or following != self.place.number + 1
        self.place = Place(following - 1, following, 0, gone)
        return True

    def _log_damage(self) -> None:
        place = self.place
        if self._logged_damage != (place.segment, place.offset):
            self._logged_damage = (place.segment, place.offset)
            log.error(
                "journal_damaged", segment=place.segment, offset=place.offset, after_number=place.number
            )
