"""Group commit: visitors are answered after the fsync, and failed writes are counted exactly."""

import asyncio
import errno
import os
import resource
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from salepixel.clicks.records import ClickRecord, LossRecord, pack_payload
from salepixel.wire.streams import MAX_PAYLOAD, frame
from salepixel_edge import writer as writer_module
from salepixel_edge.journal import Journal
from salepixel_edge.writer import Writer
from tests.edge.make import contact_of, open_journal, payload, read_journal
from tests.waiting import PATIENCE_SECONDS, until, until_async

Play = Callable[[Writer], Awaitable[None]]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = open_journal(tmp_path / "0")
    yield opened
    opened.close()


def play(journal: Journal, story: Play) -> Writer:
    """Run a story on an event loop with a writer, and close the writer as the edge does."""

    async def run() -> Writer:
        writer = Writer(journal, asyncio.get_running_loop())
        try:
            await story(writer)
        finally:
            writer.close()
        return writer

    return asyncio.run(run())


class Visitor:
    """Waits for an answer."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def send(self, answer: bytes) -> None:
        self.answered.set_result(answer)


def append(writer: Writer, record: bytes) -> asyncio.Future[bytes]:
    """Write a record; done when the visitor was answered."""
    visitor = Visitor()
    writer.append(record, visitor, b"answer")
    return visitor.answered


class Disk:
    """The journal's disk: counts fsyncs, and fails or waits as the test sets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = self.syncs = 0
        self.write_error = 0
        self.sync_error = 0
        self.ready = threading.Event()
        self.ready.set()
        self._write, self._sync = os.write, os.fdatasync
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "fdatasync", self.fdatasync)

    def write(self, descriptor: int, data: bytes) -> int:
        if self.write_error:
            self._write(descriptor, data[: len(data) // 2])  # a full disk takes a part
            raise OSError(self.write_error, os.strerror(self.write_error))
        return self._write(descriptor, data)

    def fdatasync(self, descriptor: int) -> None:
        self.asked += 1
        self.ready.wait(PATIENCE_SECONDS)
        self.syncs += 1
        if self.sync_error:
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        self._sync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_no_visitor_is_answered_before_the_fsync(journal: Journal, disk: Disk) -> None:
    async def story(writer: Writer) -> None:
        disk.ready.clear()
        durable = append(writer, payload("ana"))
        assert await until_async(lambda: disk.asked)
        assert not durable.done()
        assert (writer.last, journal.durable.number) == (1, 0)
        disk.ready.set()
        await durable
        assert (writer.last, journal.durable.number) == (1, 1)

    play(journal, story)


def test_one_fsync_serves_all_waiting_visitors(journal: Journal, disk: Disk) -> None:
    async def story(writer: Writer) -> None:
        await asyncio.gather(*(append(writer, payload(f"c{n}")) for n in range(500)))

    play(journal, story)
    assert disk.syncs == 1
    assert [contact_of(record) for _, record in read_journal(journal)] == [f"c{n}" for n in range(500)]


def test_the_next_batch_gathers_while_one_is_written(journal: Journal, disk: Disk) -> None:
    async def story(writer: Writer) -> None:
        disk.ready.clear()
        first = append(writer, payload("first"))
        assert await until_async(lambda: disk.asked)
        others = [append(writer, payload(f"c{n}")) for n in range(100)]
        disk.ready.set()
        await asyncio.gather(first, *others)

    play(journal, story)
    assert disk.syncs == 2


def test_close_writes_all_pending_records(journal: Journal) -> None:
    async def story(writer: Writer) -> None:
        append(writer, payload("ana"))

    play(journal, story)
    assert journal.durable.number == 1


@pytest.mark.parametrize("fault", ["write_error", "sync_error"])
def test_a_failing_disk_delays_no_visitor_and_every_loss_is_counted(
    journal: Journal, disk: Disk, fault: str
) -> None:
    async def story(writer: Writer) -> None:
        await append(writer, payload("before"))
        setattr(disk, fault, errno.ENOSPC)
        begun = time.time_ns() // 1_000_000
        for _ in range(3):
            await asyncio.gather(*(append(writer, payload("lost")) for _ in range(7)))
        assert writer.is_failing
        assert writer.lost is not None
        assert writer.lost.count == 21
        assert begun <= writer.lost.from_ms <= writer.lost.to_ms <= time.time_ns() // 1_000_000
        setattr(disk, fault, 0)
        await append(writer, payload("after"))
        assert not writer.is_failing

    writer = play(journal, story)
    assert writer.lost is not None
    records = read_journal(journal)
    assert [number for number, _ in records] == [1, 2, 3], "a loss takes no numbers"
    before, loss, after = [record for _, record in records]
    assert (contact_of(before), contact_of(after)) == ("before", "after")
    assert loss == LossRecord(21, writer.lost.from_ms, writer.lost.to_ms)


def test_a_loss_is_recorded_even_without_further_clicks(
    journal: Journal, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "REPORT_SECONDS", 0.05)

    async def story(writer: Writer) -> None:
        disk.sync_error = errno.EIO
        await append(writer, payload("lost"))
        assert await until_async(lambda: disk.asked > 3)
        assert writer.is_failing
        disk.sync_error = 0
        assert await until_async(lambda: not writer.is_failing)

    play(journal, story)
    ((number, loss),) = read_journal(journal)
    assert number == 1
    assert isinstance(loss, LossRecord)
    assert loss.count == 1


def test_a_loss_is_recorded_when_the_edge_stops(journal: Journal, disk: Disk) -> None:
    async def story(writer: Writer) -> None:
        disk.sync_error = errno.EIO
        await append(writer, payload("lost"))
        disk.sync_error = 0

    play(journal, story)
    ((_, loss),) = read_journal(journal)
    assert isinstance(loss, LossRecord)
    assert loss.count == 1


def lose(journal: Journal, disk: Disk, count: int, *, before: int = 0) -> LossRecord:
    """Some records are written, this many are refused, and the process ends before there is room."""

    async def story(writer: Writer) -> None:
        for number in range(before):
            await append(writer, payload(f"c{number}"))
        disk.write_error = errno.ENOSPC
        for _ in range(count):
            await append(writer, payload("lost"))

    if not before:
        disk.write_error = errno.ENOSPC  # before the writer's thread writes the loss of the process before
    writer = play(journal, story)
    journal.close()
    disk.write_error = 0
    assert writer.lost is not None
    return writer.lost


async def nobody_clicks(writer: Writer) -> None:
    assert await asyncio.to_thread(until, lambda: not writer.is_failing)


@pytest.mark.parametrize("before", [0, 1, 40])
@pytest.mark.parametrize("restarts", [1, 3])
def test_the_next_process_reports_an_unreported_loss_once(
    journal: Journal, disk: Disk, before: int, restarts: int
) -> None:
    lost = lose(journal, disk, 5, before=before)
    for _ in range(restarts):
        again = open_journal(journal.slot)
        play(again, nobody_clicks)
        again.close()
    again = open_journal(journal.slot)
    assert [record for _, record in read_journal(again)][before:] == [lost]
    assert again.unwritten_loss is None
    again.close()


def test_losses_of_several_processes_on_a_full_disk_are_reported_as_one(journal: Journal, disk: Disk) -> None:
    lost = [lose(open_journal(journal.slot) if turn else journal, disk, 3 + turn) for turn in range(4)]
    again = open_journal(journal.slot)
    play(again, nobody_clicks)
    assert [record for _, record in read_journal(again)] == [
        LossRecord(3 + 4 + 5 + 6, lost[0].from_ms, lost[-1].to_ms)
    ]
    again.close()


@pytest.mark.parametrize("clicks", [0, 3])
def test_a_crash_between_reporting_a_loss_and_clearing_its_file_reports_it_once(
    journal: Journal, disk: Disk, clicks: int
) -> None:
    lose(journal, disk, 5, before=2)
    kept = (journal.slot / "lost").read_bytes()

    async def some_click(writer: Writer) -> None:
        for number in range(clicks):
            await append(writer, payload(f"after{number}"))

    again = open_journal(journal.slot)
    play(again, some_click)
    reported = read_journal(again)
    again.close()
    (journal.slot / "lost").write_bytes(kept)
    again = open_journal(journal.slot)
    assert again.unwritten_loss is None
    play(again, nobody_clicks)
    assert read_journal(again) == reported
    assert len([record for _, record in reported if isinstance(record, LossRecord)]) == 1
    again.close()
    assert not (journal.slot / "lost").read_bytes().strip(b"\0")


def test_a_loss_that_was_unreported_at_a_crash_is_reported_at_the_next_start(
    journal: Journal, disk: Disk
) -> None:
    lost = lose(journal, disk, 5, before=2)
    with journal.path(journal.segments()[-1]).open("ab") as segment:
        segment.write(frame(3, pack_payload(lost))[:-1])
    again = open_journal(journal.slot)
    play(again, nobody_clicks)
    assert [record for _, record in read_journal(again)][2:] == [lost]
    again.close()


def test_a_later_journal_records_the_loss_that_the_previous_one_could_not(
    journal: Journal, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "REPORT_SECONDS", 0.05)
    lost = lose(journal, disk, 5)
    again = open_journal(journal.slot)

    async def story() -> None:
        writer = Writer(None, asyncio.get_running_loop())
        await append(writer, payload("lost"))
        writer.use(again)
        await nobody_clicks(writer)
        writer.close()

    asyncio.run(story())
    ((_, reported),) = read_journal(again)
    assert isinstance(reported, LossRecord)
    assert (reported.count, reported.from_ms) == (6, lost.from_ms)
    again.close()


def test_the_space_for_a_loss_is_reserved_in_advance(journal: Journal) -> None:
    assert (journal.slot / "lost").stat().st_size > 0
    assert not (journal.slot / "lost").read_bytes().strip(b"\0")


def test_no_visitor_waits_for_a_loss_that_cannot_be_saved(
    journal: Journal, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", refuse)

    async def story(writer: Writer) -> None:
        disk.write_error = errno.EIO
        await append(writer, payload("lost"))
        disk.write_error = 0
        await append(writer, payload("after"))
        assert not writer.is_failing

    play(journal, story)
    loss, after = [record for _, record in read_journal(journal)]
    assert isinstance(loss, LossRecord)
    assert contact_of(after) == "after"


def test_an_unreadable_loss_does_not_prevent_the_start(journal: Journal, disk: Disk) -> None:
    lose(journal, disk, 5)
    kept = bytearray((journal.slot / "lost").read_bytes())
    kept[12] ^= 1
    (journal.slot / "lost").write_bytes(kept)
    again = open_journal(journal.slot)
    assert again.unwritten_loss is None
    again.close()


def test_a_failed_fsync_starts_a_new_segment(journal: Journal, disk: Disk) -> None:
    async def story(writer: Writer) -> None:
        await append(writer, payload("before"))
        disk.sync_error = errno.EIO
        await append(writer, payload("lost"))
        disk.sync_error = 0
        await append(writer, payload("after"))

    play(journal, story)
    assert journal.segments() == [1, 2]


def test_a_file_size_limit_is_handled_like_a_full_disk(journal: Journal) -> None:
    """The kernel itself fails the write in the middle."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def story(writer: Writer) -> None:
        await append(writer, payload("before"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            await asyncio.gather(*(append(writer, payload("x" * 200)) for _ in range(40)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await append(writer, payload("after"))

    writer = play(journal, story)
    assert writer.lost is not None
    assert writer.lost.count == 40
    records = [record for _, record in read_journal(journal)]
    clicks = [contact_of(record) for record in records if isinstance(record, ClickRecord)]
    assert clicks == ["before", "after"]
    assert [record.count for record in records if isinstance(record, LossRecord)] == [40]


def test_an_oversized_record_is_refused_and_counted(journal: Journal) -> None:
    async def story(writer: Writer) -> None:
        await append(writer, b"x" * (MAX_PAYLOAD + 1))
        await append(writer, payload("after"))

    writer = play(journal, story)
    assert writer.lost is not None
    assert writer.lost.count == 1
    assert contact_of(read_journal(journal)[-1][1]) == "after"


def test_a_hanging_disk_is_reported(journal: Journal, disk: Disk) -> None:
    async def story(writer: Writer) -> None:
        assert writer.stalled_seconds() == 0
        disk.ready.clear()
        durable = append(writer, payload("ana"))
        assert await until_async(lambda: writer.stalled_seconds() > 0.05)
        disk.ready.set()
        await durable
        assert writer.stalled_seconds() == 0

    play(journal, story)
