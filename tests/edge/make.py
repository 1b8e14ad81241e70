"""Records, and a stand-in for the worker, for the tests of the edge."""

from pathlib import Path
from typing import cast

from redis import Redis

from salepixel.clicks.journal_run import Entries, Gap, read_run
from salepixel.clicks.records import ClickRecord, Record, pack_payload, unpack_payload
from salepixel.clicks.tokens import Click, Signal, new_click_id
from salepixel.wire.streams import JOURNALS_KEY, BadRecord, stream_key
from salepixel_edge.journal import Journal, try_slot
from salepixel_edge.reader import Reader
from salepixel_worker.journals import publish_marks


def payload(contact: str) -> bytes:
    """A click of a contact, as it goes into the journal."""
    click = Click(new_click_id(), 7, "0000000000c1", "0000000000a1", contact)
    return pack_payload(ClickRecord(click, Signal(0), "agent"))


def contact_of(record: Record) -> str:
    assert isinstance(record, ClickRecord), record
    return record.click.contact


def open_journal(slot: Path, segment_bytes: int = 16 * 1024 * 1024) -> Journal:
    journal = try_slot(slot, "edge", segment_bytes)
    assert journal is not None
    return journal


def read_journal(journal: Journal, after: int = 0) -> list[tuple[int, Record]]:
    """All records of a journal, with their numbers."""
    from salepixel.wire.streams import read_frames

    reader, found = Reader(journal), []
    reader.seek(after)
    while run := reader.read():
        found += [(number, unpack_payload(data)) for number, data, _ in read_frames(run.data)]
    return found


def make_unreadable(file: Path) -> None:
    """Make the kernel answer reads of this file with EIO, by a link to unmapped memory."""
    file.unlink()
    file.symlink_to("/proc/self/mem")


class Fold:
    """The worker with a list in place of a database; it reads by the worker's own rules."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.marks: dict[str, int] = {}
        self.records: list[Record] = []
        self.lost = 0

    @property
    def contacts(self) -> list[str]:
        return [record.click.contact for record in self.records if isinstance(record, ClickRecord)]

    def turn(self) -> None:
        """Fold everything available of every journal."""
        for name in sorted(cast(set[bytes], self._redis.smembers(JOURNALS_KEY))):
            self._fold(name.decode())

    def has(self, count: int) -> bool:
        """Fold once more; true if there are this many records."""
        self.turn()
        return len(self.records) >= count

    def _fold(self, journal: str) -> None:
        mark = self.marks.get(journal, 0)
        entries = self._redis.xrange(stream_key(journal), min=f"({mark}-0", count=8)
        try:
            run = read_run(cast(Entries, entries), mark)
        except (Gap, BadRecord):
            self._redis.delete(stream_key(journal))
            publish_marks(self._redis, {journal: mark})
            return
        self.records += [*run.clicks, *(record for _, record in run.others)]
        self.lost += run.lost
        self.marks[journal] = run.last
        if run.last > mark:
            publish_marks(self._redis, {journal: run.last})
