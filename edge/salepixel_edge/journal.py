"""The journal: numbered records in segment files, each batch on disk before anybody is answered.

A journal lives in a slot, a folder `<data>/journal/<n>/` that one process holds by a lock:

    lock                       held (flock) by the process that writes or ships this journal
    name                       the journal's name, never used again for another numbering
    00000000000000000001.seg   records from number 1 on, see salepixel/wire/streams.py for a record's bytes
    00000000000000004711.seg   the next segment; the last one is written to
    ...seg.torn                what was cut off a segment's end after a crash, for people to look at
    lost                       a loss that is counted and not in the journal yet, see losses.py

A record counts if it is whole and its number is below the first number of the next segment. Numbers that
are missing cannot be read any more, or, between two segments, were never given.
"""

import fcntl
import os
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import EIO, EROFS
from itertools import count, pairwise
from pathlib import Path
from typing import IO

import structlog

from salepixel.clicks.records import LossRecord
from salepixel.wire.streams import frame
from salepixel_edge.damage import LEAST_RECORD, Damage, read_around
from salepixel_edge.losses import LossFile, sync_folder

KNOWN_WRITES = 4096
_READ_BYTES = 256 * 1024

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Position:
    """How far the journal is on disk: the last number, and the size of the segment it stands in."""

    number: int
    segment: int
    size: int


class Journal:
    """One journal. `write` belongs to one thread; reading and freeing to one other."""

    def __init__(self, slot: Path, lock: IO[bytes], segment_bytes: int) -> None:
        """Open the journal of a slot whose lock is held. Raises OSError."""
        self.slot = slot
        self._lock = lock
        self._segment_bytes = segment_bytes
        self.name = (slot / "name").read_text()
        self._descriptor: int | None = None
        self._floor = 0
        self.damaged = False  # the segment cannot be gone on with
        self.durable = Position(0, 1, 0)
        self.writes: deque[tuple[Position, Position]] = deque(maxlen=KNOWN_WRITES)
        """The last writes, each from where to where: who ships them need not look for their ends."""
        if numbers := self.segments():
            self._recover(numbers[-1])
        self._losses = LossFile(slot / "lost")
        if self._losses.loss and self.has_record_after(self._losses.after):
            # The first record after a loss tells of it: only the file was not brought up to date any more.
            with suppress(OSError):
                self._losses.forget()
            self._losses.loss = None

    def write(self, payloads: Sequence[bytes]) -> None:
        """Append records and have them on disk on return.

        Raises OSError, or BadRecord for a payload that no reader would take: then none of them counts.
        """
        if self._descriptor is None or self.durable.size >= self._segment_bytes or self._must_rotate():
            self._open_segment()
        assert self._descriptor is not None  # noqa: S101  # just opened
        position = self.durable
        data = b"".join([frame(position.number + i, payload) for i, payload in enumerate(payloads, 1)])
        try:
            written = 0
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
            os.fdatasync(self._descriptor)
        except OSError:
            # After a failed fsync the descriptor's state is unknown: never use it again.
            self._abandon_segment()
            raise
        self.durable = Position(position.number + len(payloads), position.segment, position.size + len(data))
        self.writes.append((position, self.durable))

    @property
    def untold(self) -> LossRecord | None:
        """The loss that is kept beside the journal, by this process or by one before: the next `write` must
        have it as its first record, and `forget_loss` come after that."""
        return self._losses.loss

    def keep_loss(self, loss: LossRecord) -> None:
        """Keep what is lost until it can be written, in the place of what was kept. Raises OSError."""
        self._losses.keep(self.durable.number, loss)

    def forget_loss(self) -> None:
        """The loss that was kept is in the journal now. Raises OSError."""
        self._losses.forget()

    def has_record_after(self, number: int) -> bool:
        """True when the journal still has a record above this number."""
        for segment in reversed(self.segments()):
            data, _, _ = _read_segment(self.path(segment))
            if any(found > number for found, _, _ in read_around(data, segment, [])):
                return True
            if segment <= number:
                break
        return False

    def skip_to(self, number: int) -> None:
        """Never give numbers at or below this one again: the database has records under them."""
        self._floor = max(self._floor, number)

    def rename(self, edge_name: str) -> None:
        """Give a journal without records another name. Raises OSError, and is closed then."""
        try:
            _write_name(self.slot, edge_name)
        except OSError:
            self.close()
            raise
        self.name = (self.slot / "name").read_text()

    def _must_rotate(self) -> bool:
        return self.damaged or self.durable.number < self._floor

    def segments(self) -> list[int]:
        """The first numbers of all segments, in sequence."""
        return sorted(int(path.stem) for path in self.slot.glob("*.seg") if path.stem.isdecimal())

    def path(self, segment: int) -> Path:
        """The file of a segment."""
        return self.slot / f"{segment:020d}.seg"

    def free(self, mark: int) -> None:
        """Delete segments all of whose records are at or below the mark; the last one stays."""
        numbers = self.segments()
        for segment, following in pairwise(numbers):
            if following - 1 <= mark and segment != self.durable.segment:
                with suppress(OSError):  # a disk that has become read-only: there is nothing to gain
                    self.path(segment).unlink(missing_ok=True)

    def close(self) -> None:
        """Give the slot back."""
        self._close_segment()
        self._losses.close()
        self._lock.close()

    def _recover(self, segment: int) -> None:
        data, size, broken = _read_segment(self.path(segment))
        last, good = segment - 1, 0
        damages: list[Damage] = []
        for number, _, end in read_around(data, segment, damages):
            last, good = number, end
        damage = damages.pop().what if damages and damages[-1].offset == good else ""
        for passed in damages:
            # What follows it is read all the same. What comes now goes to a file of its own.
            log.error("journal_damaged", segment=segment, offset=passed.offset, after_number=passed.after)
            self.damaged = True
        self.durable = Position(last, segment, good)
        if not damage and not broken:
            return
        tail = data[good:]
        log.warning("journal_tail_cut", segment=segment, bytes=size - good, damage=broken or damage)
        if tail:
            self._keep_torn(segment, tail)
        if not broken and _is_torn(tail, last, damage):
            with suppress(OSError):
                os.truncate(self.path(segment), good)
                return
        # Records may have stood there that were shipped, and numbers must not be given twice: skip all that
        # could have fitted since the first damage, behind which any number may be stale. Open it now,
        # so that the next start knows the numbers too.
        after, offset = (damages[0].after, damages[0].offset) if damages else (last, good)
        self._floor = after + (size - offset) // LEAST_RECORD + 1
        with suppress(OSError):  # the first write will try it again
            self._open_segment()

    def _keep_torn(self, segment: int, tail: bytes) -> None:
        try:
            self.path(segment).with_suffix(".seg.torn").write_bytes(tail)
        except OSError as error:
            # On a full disk the edge must still start: nobody was answered for what is in a cut tail.
            log.error("journal_tail_not_kept", segment=segment, bytes=len(tail), error=str(error))

    def _open_segment(self) -> None:
        self._close_segment()
        now = self.durable
        if 0 < now.size < self._segment_bytes and not self._must_rotate():
            self._descriptor = os.open(self.path(now.segment), os.O_WRONLY | os.O_APPEND)
            return
        first = max(now.number, self._floor) + 1
        descriptor = os.open(self.path(first), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            sync_folder(self.slot)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self.durable = Position(first - 1, first, 0)
        self.damaged = False

    def _abandon_segment(self) -> None:
        assert self._descriptor is not None  # noqa: S101  # it was just written to
        try:
            os.ftruncate(self._descriptor, self.durable.size)
        except OSError as error:
            log.error("journal_not_truncated", error=str(error))
        self.damaged = True
        self._close_segment()

    def _close_segment(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def _is_torn(tail: bytes, last: int, damage: str) -> bool:
    """True for the end of an append that a crash cut short, False for damage to what was on disk before."""
    # A file may have got its new size, but not its new bytes. And where one record's length was damaged,
    # which looks like a cut, the next record still stands.
    return not tail.strip(b"\0") or (damage == "cut" and (last + 2).to_bytes(8) not in tail)


def _read_segment(file: Path) -> tuple[bytes, int, str]:
    """What can be read of a segment, its size, and what its disk says where no more can be read."""
    with file.open("rb", buffering=0) as segment:
        data, size = bytearray(), os.fstat(segment.fileno()).st_size
        try:
            # A process that was killed may have left more than it had brought to disk.
            os.fsync(segment)
            while part := segment.read(_READ_BYTES):
                data += part
        except OSError as error:
            return bytes(data), size, str(error)
    return bytes(data), size, ""


def take_slot(
    folder: Path, edge_name: str, segment_bytes: int, known: Callable[[str], int | None] = lambda _: 0
) -> Journal:
    """The first journal that nobody holds and that can be gone on with, made if there is none.

    `known` gives the highest number that others have seen of a journal, by its name, and None when nobody
    can tell. Then this disk may have lost some: those numbers would be given twice, and who comes second
    be taken for the first. So such a journal is left for others to ship. Raises OSError.
    """
    for number in count():
        slot = folder / str(number)
        is_new = not slot.exists()
        try:
            journal = try_slot(slot, edge_name, segment_bytes)
        except OSError as error:
            if is_new or error.errno != EIO:
                raise
            log.error("slot_not_read", slot=slot.name, error=str(error))
            continue
        if journal is None:
            continue
        highest = known(journal.name)
        if highest is None and not is_new:
            if journal.segments():
                journal.close()
                continue
            journal.rename(edge_name)
        journal.skip_to(highest or 0)
        return journal
    raise AssertionError  # unreachable: a folder has room for another slot, or refuses it


def try_slot(slot: Path, edge_name: str, segment_bytes: int) -> Journal | None:
    """The journal of this slot, None when another process holds it. Raises OSError."""
    slot.mkdir(parents=True, exist_ok=True)
    lock = _open_lock(slot / "lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _name(slot, edge_name)
        return Journal(slot, lock, segment_bytes)
    except BlockingIOError:
        lock.close()
        return None
    except OSError:
        lock.close()
        raise


def _open_lock(file: Path) -> IO[bytes]:
    try:
        return file.open("ab")
    except OSError as error:
        if error.errno != EROFS:
            raise
        return file.open("rb")  # what is there can be shipped, though nothing can be added


def _name(slot: Path, edge_name: str) -> None:
    if not (slot / "name").exists():
        _write_name(slot, edge_name)


def _write_name(slot: Path, edge_name: str) -> None:
    name, draft = slot / "name", slot / "name.draft"
    with draft.open("w") as file:
        file.write(f"{edge_name}-{secrets.token_hex(4)}")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(name)
    sync_folder(slot)
    sync_folder(slot.parent)
