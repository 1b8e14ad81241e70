"""Damaged segments: whole records are read, damaged bytes are not, and no number is used twice."""

import os
import random
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.wire.streams import frame, read_frames
from salepixel_edge.damage import find_record, read_around
from salepixel_edge.journal import Journal, take_slot
from salepixel_edge.reader import RUN_BYTES, Reader
from tests.edge.records import SEGMENT, flip, numbers, payload, runs, write
from tests.examples import costly


@costly(30)
@given(
    at=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
    restart=st.booleans(),
    limit=st.sampled_from([200, RUN_BYTES]),
)
def test_a_flipped_bit_loses_only_its_own_record(at: float, bit: int, restart: bool, limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = take_slot(Path(folder), "edge", SEGMENT)
        write(journal, 200, batch=40)
        spoiled = flip(journal.path(1), at, bit)
        if restart:
            journal.close()
            journal = take_slot(Path(folder), "edge", SEGMENT)
        journal.writes.clear()
        found = runs(journal, limit=limit)
        assert numbers(found) == [number for number in range(1, 201) if number != spoiled]
        # Unreadable records are lost, and the next run says so.
        assert [run.first for run in found if run.oldest] == ([2] if spoiled == 1 else [1, spoiled + 1])
        found = runs(journal, spoiled - 1, limit)
        assert numbers(found) == list(range(spoiled + 1, 201))
        assert [run.first for run in found if run.oldest] == [spoiled + 1]
        found = runs(journal, spoiled + 1, limit)
        assert numbers(found) == list(range(spoiled + 2, 201))
        assert not any(run.oldest for run in found)
        journal.close()


@costly(15)
@given(data=st.data())
def test_any_damage_leaves_all_whole_records_readable_and_yields_no_others(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = take_slot(Path(folder), "edge", SEGMENT)
        write(journal, 120, batch=20)
        segment = data.draw(st.sampled_from(journal.segments()))
        file, before = journal.path(segment), journal.durable.number
        content = file.read_bytes()
        begin = data.draw(st.integers(0, len(content) - 1))
        size = data.draw(st.integers(1, len(content) - begin))
        rubbish = data.draw(st.sampled_from([bytes(size), b"\xff" * size, os.urandom(size), content[:size]]))
        file.write_bytes(content[:begin] + rubbish + content[begin + size :])
        spoiled = {
            number
            for number, _, end in read_frames(content)
            if end > begin and end - len(frame(number, payload(number))) < begin + size
        }
        journal.close()
        journal = take_slot(Path(folder), "edge", SEGMENT)
        read = numbers(runs(journal))
        assert set(range(1, before + 1)) - spoiled <= set(read) <= set(range(1, before + 1))
        assert read == sorted(set(read))
        journal.write([payload(journal.durable.number + 1)])
        assert numbers(runs(journal)) == [*read, journal.durable.number]
        journal.close()


def test_no_whole_record_is_lost_behind_stale_bytes() -> None:
    content = b"".join(frame(number, payload(number)) for number in range(1, 121))
    dice = random.Random(11)  # noqa: S311  # the same damages each time
    for _ in range(600):
        begin = dice.randrange(len(content))
        size = dice.randint(1, len(content) - begin)
        stale = dice.randrange(len(content) - size + 1) if dice.random() < 0.5 else 0
        spoiled = content[:begin] + content[min(stale, begin) :][:size] + content[begin + size :]
        whole, end = set(), 0
        for number, _, after in read_frames(content):
            if after <= begin or end >= begin + size:
                whole.add(number)
            end = after
        assert whole <= {number for number, _, _ in read_around(spoiled, 1, [])}


@costly(15)
@given(at=st.floats(0, 0.95), bit=st.integers(0, 7), starts=st.integers(1, 3))
def test_numbering_continues_after_the_last_whole_record_behind_damage(
    at: float, bit: int, starts: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = take_slot(Path(folder), "edge", SEGMENT)
        write(journal, 40, batch=40)
        spoiled = flip(journal.path(1), at, bit)
        assert spoiled < 40
        journal.close()
        for _ in range(starts):
            journal = take_slot(Path(folder), "edge", SEGMENT)
            journal.close()
        journal = take_slot(Path(folder), "edge", SEGMENT)
        write(journal, 10)
        assert journal.segments() == [1, 41], "nothing is added to what was spoiled"
        assert numbers(runs(journal)) == [number for number in range(1, 51) if number != spoiled]
        journal.close()


@pytest.mark.parametrize("starts", [1, 3])
@pytest.mark.parametrize("rubbish", [b"\xff" * 200, b"\xff" * 1400 + frame(4, payload(4)) + b"\xff" * 200])
def test_numbers_hidden_by_damage_at_the_end_are_not_reused(slots: Path, rubbish: bytes, starts: int) -> None:
    journal = take_slot(slots, "edge", SEGMENT)
    write(journal, 40, batch=40)
    journal.close()
    content = bytearray(journal.path(1).read_bytes())
    content[-len(rubbish) :] = rubbish
    journal.path(1).write_bytes(content)
    for _ in range(starts):
        journal = take_slot(slots, "edge", SEGMENT)
        journal.close()
    journal = take_slot(slots, "edge", SEGMENT)
    write(journal, 10)
    assert journal.segments()[-1] > 40
    assert [number for number in numbers(runs(journal)) if number > 40] == list(
        range(journal.segments()[-1], journal.durable.number + 1)
    )
    journal.close()


@pytest.mark.parametrize("rubbish", [b"\0", b"x", os.urandom(4096)], ids=["zeros", "text", "noise"])
def test_a_record_behind_a_damaged_segment_is_found_quickly(rubbish: bytes) -> None:
    much = rubbish * (16 * 1024 * 1024 // len(rubbish))
    begun = time.process_time()
    assert find_record(much + frame(300, b"here"), 1, 2, 1 << 20) == len(much)
    assert find_record(much, 1, 2, 1 << 20) is None
    assert time.process_time() - begun < 10


def test_bytes_that_only_look_like_a_record_are_not_read_as_one() -> None:
    whole = frame(7, b"payload")
    for wrong in (whole[:-1] + b"x", frame(8, b"payload"), frame(1, b"payload"), whole[:-1]):
        assert find_record(wrong, 0, 2, 7) is None
        assert find_record(b"??" + wrong + whole, 0, 2, 7) == 2 + len(wrong)
    assert find_record(whole, 0, 8, 7) is None


def test_damage_at_the_end_of_the_open_segment_is_skipped_at_the_next_write(journal: Journal) -> None:
    write(journal, 20)
    content = journal.path(1).read_bytes()
    journal.path(1).write_bytes(content[:400] + b"\xff" * (len(content) - 400))
    journal.writes.clear()
    reader = Reader(journal)
    reader.seek(0)
    before = reader.read()
    assert before is not None
    assert reader.read() is None
    write(journal, 20)
    after = reader.read()
    assert after is not None
    assert (after.first, after.last, after.oldest) == (21, 40, True)
