"""The journal: numbered records in segment files, each batch on disk before its requests are answered.

A journal lives in a slot, a folder `<data>/journal/<n>/` that one process locks:

    lock                       locked (flock) by the process that writes or ships this journal
    name                       the journal's name, never used again for another numbering
    00000000000000000001.seg   records from number 1 on, see salepixel/wire/streams.py for a record's bytes
    00000000000000004711.seg   the next segment; the last one is written to
    ...seg.torn                bytes cut off a segment's end after a crash, for inspection
    lost                       a counted loss that is not in the journal yet, see losses.py

A record counts if it is whole and its number is below the first number of the next segment. Missing numbers
are damaged records; between two segments they may be unused.
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
    """How far the journal is on disk: the last number, its segment, and that segment's size in bytes."""

    number: int
    segment: int
    size: int


class Journal:
    """One journal. One thread calls `write`, one other reads and frees."""

    def __init__(self, slot: Path, lock: IO[bytes], segment_bytes: int) -> None:
        """Open the journal of a locked slot. Raises OSError."""
        self.slot = slot
        self._lock = lock
        self._segment_bytes = segment_bytes
        self.name = (slot / "name").read_text()
        self._descriptor: int | None = None
        self._floor = 0
        self.damaged = False  # the next write opens a new segment
        self.durable = Position(0, 1, 0)
        self.writes: deque[tuple[Position, Position]] = deque(maxlen=KNOWN_WRITES)
        """The last writes, each as its start and end: the reader needs no parsing to find record ends."""
        if numbers := self.segments():
            self._recover(numbers[-1])
        self._losses = LossFile(slot / "lost")
        if self._losses.loss and self.has_record_after(self._losses.after):
            # The first record after a loss is its LossRecord: the process died before it cleared the file.
            with suppress(OSError):
                self._losses.forget()
            self._losses.loss = None

    def write(self, payloads: Sequence[bytes]) -> None:
        """Append records; they are on disk on return.

        Raises OSError, or BadRecord for a payload above MAX_PAYLOAD: then none of them counts.
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
            # After a failed fsync the descriptor's state is unknown: close it.
            self._abandon_segment()
            raise
        self.durable = Position(position.number + len(payloads), position.segment, position.size + len(data))
        self.writes.append((position, self.durable))

    @property
    def unwritten_loss(self) -> LossRecord | None:
        """The loss saved beside the journal by this or an earlier process.

        The next `write` must have it as its first record, followed by `clear_loss`.
        """
        return self._losses.loss

    def save_loss(self, loss: LossRecord) -> None:
        """Save a loss until it can be written; replaces the saved one. Raises OSError."""
        self._losses.keep(self.durable.number, loss)

    def clear_loss(self) -> None:
        """Clear the saved loss: it is in the journal. Raises OSError."""
        self._losses.forget()

    def has_record_after(self, number: int) -> bool:
        """True if the journal still has a record above this number."""
        for segment in reversed(self.segments()):
            data, _, _ = _read_segment(self.path(segment))
            if any(found > number for found, _, _ in read_around(data, segment, [])):
                return True
            if segment <= number:
                break
        return False

    def skip_to(self, number: int) -> None:
        """Use no number up to this one again: the database has records under them."""
        self._floor = max(self._floor, number)

    def rename(self, edge_name: str) -> None:
        """Give a journal without records a new name. On error closes the journal and raises OSError."""
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
        """Delete segments whose records are all at or below the mark, except the last segment."""
        numbers = self.segments()
        for segment, following in pairwise(numbers):
            if following - 1 <= mark and segment != self.durable.segment:
                with suppress(OSError):  # a read-only disk
                    self.path(segment).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files and unlock the slot."""
        self._close_segment()
        self._losses.close()
        self._lock.close()

    def _recover(self, segment: int) -> None:
        data, size, broken = _read_segment(self.path(segment))
        last, good = segment - 1, 0
        damages: list[Damage] = []
        for number, _, end in read_around(data, segment, damages):
            last, good = number, end
        damage = damages.pop().reason if damages and damages[-1].offset == good else ""
        for passed in damages:
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
        # Skip every number that the damaged bytes may contain: if a number is used twice, the fold drops the
        # second record. Skip from the first damage on, because records after it may be stale. Open the new
        # segment now, so that its name stores the number for the next start.
        after, offset = (damages[0].after, damages[0].offset) if damages else (last, good)
        self._floor = after + (size - offset) // LEAST_RECORD + 1
        with suppress(OSError):  # the first write tries again
            self._open_segment()

    def _keep_torn(self, segment: int, tail: bytes) -> None:
        try:
            self.path(segment).with_suffix(".seg.torn").write_bytes(tail)
        except OSError as error:
            # The edge starts on a full disk too: no request was answered for the records of a torn tail.
            log.error("journal_tail_not_saved", segment=segment, bytes=len(tail), error=str(error))

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
    """True for an append that a crash cut short, False for damage to records that were on disk."""
    # Zeros: the file's new size reached the disk before its bytes. A damaged length looks like a cut, but the
    # record after it is still there.
    return not tail.strip(b"\0") or (damage == "cut" and (last + 2).to_bytes(8) not in tail)


def _read_segment(file: Path) -> tuple[bytes, int, str]:
    """The readable bytes of a segment, its size, and the disk's error if the read failed."""
    with file.open("rb", buffering=0) as segment:
        data, size = bytearray(), os.fstat(segment.fileno()).st_size
        try:
            # A killed process may have left bytes in the page cache that are not on disk.
            os.fsync(segment)
            while part := segment.read(_READ_BYTES):
                data += part
        except OSError as error:
            return bytes(data), size, str(error)
    return bytes(data), size, ""


def take_slot(
    folder: Path, edge_name: str, segment_bytes: int, known: Callable[[str], int | None] = lambda _: 0
) -> Journal:
    """The first unlocked journal that can be continued, or a new one. Raises OSError.

    `known` returns the highest number that Redis has seen of a journal, by name, and None if that is unknown.
    A journal with records and an unknown number is left to the shippers: the disk may have lost records, and
    a number used twice makes the fold drop the second record.
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
    """The journal of this slot, None if another process has locked it. Raises OSError."""
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
        return file.open("rb")  # read-only: its records can still be shipped


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
