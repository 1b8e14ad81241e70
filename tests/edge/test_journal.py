"""Journals and their segments: records on disk are read again, in sequence and once."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.wire.streams import MAX_PAYLOAD, BadRecord, frame, read_frames
from salepixel_edge.journal import KNOWN_WRITES, Journal, take_slot, try_slot
from salepixel_edge.reader import Reader
from tests.edge.records import SEGMENT, flip, numbers, payload, runs, write
from tests.examples import costly


def test_records_are_read_in_sequence_across_segments(journal: Journal) -> None:
    write(journal, 300)
    assert numbers(runs(journal)) == list(range(1, 301))
    assert len(journal.segments()) > 2
    for segment in journal.segments()[:-1]:
        assert SEGMENT <= journal.path(segment).stat().st_size < SEGMENT + 5 * 80


@pytest.mark.parametrize("after", [0, 1, 4, 5, 99, 100, 298, 299, 300, 400])
def test_reading_can_start_after_any_number(journal: Journal, after: int) -> None:
    write(journal, 300)
    assert numbers(runs(journal, after)) == list(range(after + 1, 301))


def test_records_written_during_a_read_are_read_next(journal: Journal) -> None:
    reader = Reader(journal)
    reader.seek(0)
    seen: list[int] = []
    for count in (1, 3, 70, 1, 90):
        write(journal, count)
        while run := reader.read():
            seen += numbers([run])
    assert seen == list(range(1, 166))


def test_a_restart_continues_with_the_same_name_and_numbering(slots: Path) -> None:
    names = set()
    for round_number in range(4):
        journal = take_slot(slots, "edge", SEGMENT)
        names.add(journal.name)
        assert journal.durable.number == round_number * 40
        write(journal, 40)
        journal.close()
    journal = take_slot(slots, "edge", SEGMENT)
    assert numbers(runs(journal)) == list(range(1, 161))
    journal.close()
    assert len(names) == 1


def test_the_name_of_a_removed_journal_is_never_reused(slots: Path) -> None:
    names = set()
    for _ in range(20):
        journal = take_slot(slots, "edge", SEGMENT)
        names.add(journal.name)
        journal.close()
        shutil.rmtree(journal.slot)
    assert len(names) == 20
    assert all(name.startswith("edge-") for name in names)


def test_two_processes_never_share_a_slot(slots: Path) -> None:
    first, second = take_slot(slots, "edge", SEGMENT), take_slot(slots, "edge", SEGMENT)
    assert first.slot != second.slot
    assert first.name != second.name
    assert try_slot(first.slot, "edge", SEGMENT) is None
    program = (
        "import sys, pathlib; from salepixel_edge.journal import take_slot;"
        "print(take_slot(pathlib.Path(sys.argv[1]), 'edge', 4096).slot.name)"
    )
    other = subprocess.run([sys.executable, "-c", program, str(slots)], capture_output=True, check=True)
    assert other.stdout.strip() == b"2"
    first.close()
    again = take_slot(slots, "edge", SEGMENT)
    assert again.slot == first.slot
    again.close()
    second.close()


def test_segments_are_freed_up_to_the_mark_except_the_open_one(journal: Journal) -> None:
    write(journal, 400)
    segments = journal.segments()
    assert len(segments) > 4
    journal.free(segments[1] - 2)
    assert journal.segments() == segments
    journal.free(segments[1] - 1)
    assert journal.segments() == segments[1:]
    journal.free(segments[3])
    assert journal.segments() == segments[3:]
    journal.free(10**9)
    assert journal.segments() == segments[-1:]
    write(journal, 1)
    assert numbers(runs(journal, 400)) == [401]


def test_the_run_with_the_oldest_remaining_record_is_marked(journal: Journal) -> None:
    write(journal, 400)
    third = journal.segments()[2]
    journal.free(third - 1)
    found = runs(journal, 10)
    assert numbers(found) == list(range(third, 401))
    assert [run.oldest for run in found] == [True] + [False] * (len(found) - 1)
    # Older ones are here: whoever misses them can have them.
    assert not any(run.oldest for run in runs(journal, third + 3))
    assert not any(run.oldest for run in runs(journal, 395))


@costly(15)
@given(data=st.data())
def test_a_torn_last_append_loses_no_earlier_record(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = take_slot(Path(folder), "edge", SEGMENT)
        write(journal, data.draw(st.integers(1, 60)), batch=20)
        before = journal.durable
        write(journal, 20, batch=20)
        last = journal.path(journal.durable.segment)
        journal.close()
        begun_anew = journal.durable.segment != before.segment
        size = last.stat().st_size
        cut = data.draw(st.integers(0 if begun_anew else before.size, size))
        os.truncate(last, cut)
        grown = data.draw(st.booleans())
        if grown:
            os.truncate(last, size)  # the file had got its size, but not its bytes

        journal = take_slot(Path(folder), "edge", SEGMENT)
        kept = max(numbers(runs(journal)))
        assert kept >= before.number
        assert numbers(runs(journal)) == list(range(1, kept + 1))
        first = kept + 1 if journal.durable.segment <= kept else journal.durable.segment
        journal.write([payload(first), payload(first + 1)])
        found = runs(journal)
        assert numbers(found) == [*range(1, kept + 1), first, first + 1]
        if not grown:
            assert first == kept + 1
            assert not any(run.oldest for run in found[1:])
        journal.close()


def test_a_torn_tail_is_kept_for_inspection(slots: Path) -> None:
    journal = take_slot(slots, "edge", SEGMENT)
    write(journal, 10)
    file = journal.path(1)
    journal.close()
    with file.open("ab") as segment:
        segment.write(frame(11, payload(11))[:-3])
    journal = take_slot(slots, "edge", SEGMENT)
    assert journal.durable.number == 10
    assert file.with_suffix(".seg.torn").read_bytes() == frame(11, payload(11))[:-3]
    write(journal, 5)
    assert journal.segments() == [1]
    assert numbers(runs(journal)) == list(range(1, 16))
    journal.close()


@pytest.mark.parametrize("behind", [0, 3, KNOWN_WRITES + 3])
def test_records_written_by_this_process_are_read_without_parsing_each_one(
    journal: Journal, behind: int
) -> None:
    """If more was written than is kept in memory, records are read from the disk, as after a restart."""
    reader, found = Reader(journal), []
    write(journal, 5, batch=1)
    reader.seek(0)
    for _ in range(behind):
        write(journal, 1, batch=1)
    before = journal.durable.number
    while run := reader.read(limit=1000):
        found.append(run)
        if run.last < before:
            write(journal, 1, batch=1)
    assert [run.first for run in found] == [1, *(run.last + 1 for run in found[:-1])]
    assert found[-1].last == journal.durable.number
    for run in found:
        assert [number for number, _, _ in read_frames(run.data)] == list(range(run.first, run.last + 1))
    assert [run.oldest for run in found] == [True] + [False] * (len(found) - 1)


@pytest.mark.parametrize("batch", [1, 7, 200])
def test_no_run_exceeds_the_requested_size(slots: Path, batch: int) -> None:
    journal = take_slot(slots, "edge", 1 << 20)
    write(journal, 400, batch=batch)
    found = runs(journal, limit=2000)
    assert numbers(found) == list(range(1, 401))
    assert max(len(run.data) for run in found) <= 2000
    journal.close()


def refuse(code: int) -> Callable[..., int]:
    def call(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize("call", ["write", "fdatasync", "open", "fsync", "ftruncate"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("written", [0, 7, 57])
def test_a_failed_write_uses_no_numbers_and_the_next_one_works(
    slots: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, written: int
) -> None:
    journal = take_slot(slots, "edge", SEGMENT)
    write(journal, written)
    with monkeypatch.context() as broken:
        broken.setattr(os, call, refuse(code))
        if call == "ftruncate":
            broken.setattr(os, "fdatasync", refuse(code))
        if call in ("open", "fsync"):
            journal.skip_to(0)
            journal.damaged = True  # a new segment is due
        for _ in range(3):
            with pytest.raises(OSError, match=r"No space|Input/output"):
                journal.write([b"lost", b"lost too"])
            assert numbers(runs(journal)) == list(range(1, written + 1))
    assert journal.durable.number == written
    write(journal, 20)
    assert numbers(runs(journal)) == list(range(1, written + 21))
    journal.close()
    again = take_slot(slots, "edge", SEGMENT)
    assert numbers(runs(again)) == list(range(1, written + 21))
    again.close()


def test_partial_writes_continue_until_everything_is_written(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    os_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: os_write(descriptor, data[:11]))
    write(journal, 30)
    assert numbers(runs(journal)) == list(range(1, 31))


def test_a_partly_written_batch_counts_as_not_written(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(journal, 5)
    os_write, room = os.write, [60]

    def full(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        done = os_write(descriptor, data[: room[0]])
        room[0] -= done
        return done

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        with pytest.raises(OSError, match="full"):
            journal.write([b"lost"] * 10)
    assert numbers(runs(journal)) == [1, 2, 3, 4, 5]
    write(journal, 5)
    assert numbers(runs(journal)) == list(range(1, 11))


def test_failed_records_are_not_read_even_if_truncating_fails(
    slots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = take_slot(slots, "edge", SEGMENT)
    write(journal, 5)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", refuse(errno.EIO))
        broken.setattr(os, "ftruncate", refuse(errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            journal.write([b"whole on disk, but nobody was reported so"])
    assert numbers(runs(journal)) == [1, 2, 3, 4, 5]
    write(journal, 5)
    assert numbers(runs(journal)) == list(range(1, 11))
    journal.close()
    again = take_slot(slots, "edge", SEGMENT)
    assert numbers(runs(again)) == list(range(1, 11))
    again.close()


def test_an_oversized_payload_is_refused(journal: Journal) -> None:
    write(journal, 3)
    with pytest.raises(BadRecord):
        journal.write([b"x" * (MAX_PAYLOAD + 1)])
    write(journal, 3)
    assert numbers(runs(journal)) == list(range(1, 7))


def test_numbers_already_in_the_database_are_skipped(journal: Journal) -> None:
    write(journal, 10)
    journal.skip_to(5)
    write(journal, 1)
    journal.skip_to(100)
    journal.write([payload(101), payload(102)])
    found = runs(journal)
    assert numbers(found) == [*range(1, 12), 101, 102]
    assert [run.first for run in found if run.oldest][-1] == 101
    assert journal.segments() == [1, 101]


def test_a_journal_opens_on_a_full_disk(slots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = take_slot(slots, "edge", SEGMENT)
    write(journal, 10)
    journal.close()
    flip(journal.path(1), 0.99, 1)
    with monkeypatch.context() as broken:
        broken.setattr(os, "open", refuse(errno.ENOSPC))
        broken.setattr(Path, "write_bytes", refuse(errno.ENOSPC))
        journal = take_slot(slots, "edge", SEGMENT)
    write(journal, 2)
    assert journal.durable.number >= 12
    journal.close()
