"""`salepixel journal`: what an operator sees of the journals, and shipping one again."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from salepixel.wire.streams import frame, mark_key
from salepixel_edge.journal import Journal
from salepixel_edge.journals import (
    NoSuchJournal,
    list_journals,
    read_slots,
    replay_journal,
    verify_journals,
)
from salepixel_edge.shipment import Shipment
from tests.command import CommandLine, Ended
from tests.edge.make import Fold, open_journal, payload
from tests.edge.running import Valkey
from tests.waiting import until

SEGMENT = 1500


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of 90 records in several segments, as a running edge holds it."""
    return written(tmp_path, SEGMENT)


def written(tmp_path: Path, segment_bytes: int) -> Journal:
    opened = open_journal(tmp_path / "journal" / "0", segment_bytes)
    for number in range(0, 90, 5):
        opened.write([payload(f"c{number + n:02}") for n in range(5)])
    return opened


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 4
    file.write_bytes(data)


def test_the_list_shows_where_each_record_is_and_whether_a_process_locks_it(
    journal: Journal, tmp_path: Path, valkey: Valkey
) -> None:
    first, *segments = list_journals(tmp_path, valkey.client)
    place = f"{journal.name} in {journal.slot}"
    assert first.startswith(f"{place}, locked by a process, in the database up to 0, ")
    starts = journal.segments()
    ends = [*(start - 1 for start in starts[1:]), 90]
    assert len(starts) > 2
    assert [line.split(",")[0].strip() for line in segments] == [
        f"{start} to {end}" for start, end in zip(starts, ends, strict=True)
    ]
    journal.close()
    (slot,) = read_slots(tmp_path)
    assert not slot.is_locked


def test_the_list_works_without_redis(journal: Journal, tmp_path: Path, valkey: Valkey) -> None:
    valkey.close()
    assert "Redis does not answer" in next(list_journals(tmp_path, valkey.client))
    journal.close()


def test_intact_journals_verify_without_findings(journal: Journal, tmp_path: Path) -> None:
    assert list(verify_journals(tmp_path)) == []
    journal.close()
    assert list(verify_journals(tmp_path)) == []
    assert list(verify_journals(tmp_path / "nothing")) == []


@pytest.mark.parametrize("at", [0, 9, 14, 60])
def test_each_damaged_segment_is_named_with_the_record_before_the_damage(
    journal: Journal, tmp_path: Path, at: int
) -> None:
    journal.close()
    segment = journal.path(journal.segments()[1])
    flip(segment, at)
    (line,) = verify_journals(tmp_path)
    assert line.startswith(f"{journal.name}: {segment}: ")
    assert line.endswith(f" after record {journal.segments()[1] - 1}")
    (slot,) = read_slots(tmp_path)
    assert [segment.last + 1 for segment in slot.segments()][:-1] == journal.segments()[1:]


def test_a_segment_freed_during_the_read_is_not_reported_as_damage(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal" / "0", segment_bytes=1)
    for _ in range(4):
        journal.write([payload("a")])
    found = verify_journals(tmp_path)
    (slot,) = read_slots(tmp_path)
    segments = slot.segments()
    next(segments)
    journal.free(3)
    assert [segment.first for segment in segments] == [4]
    assert list(found) == []
    journal.close()


def test_a_partial_record_is_damage_unless_a_process_is_writing_it(journal: Journal, tmp_path: Path) -> None:
    last = journal.path(journal.segments()[-1])
    with last.open("ab") as file:
        file.write(frame(91, payload("half"))[:20])
    assert list(verify_journals(tmp_path)) == []
    journal.close()
    (line,) = verify_journals(tmp_path)
    assert line == f"{journal.name}: {last}: cut after record 90"


def test_records_truncated_after_a_crash_are_reported(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    with journal.path(journal.segments()[-1]).open("ab") as file:
        file.write(frame(91, payload("half"))[:20])
    again = open_journal(tmp_path / "journal" / "0", SEGMENT)
    (line,) = verify_journals(tmp_path)
    assert line.endswith(".torn: cut off after a crash")
    again.close()


def test_a_replay_ships_what_the_database_lacks_and_doubles_nothing(tmp_path: Path, valkey: Valkey) -> None:
    journal = written(tmp_path, 1 << 20)  # one segment: what is in the database is freed with its segment
    shipment, redis = Shipment(journal), valkey.client
    shipment.begin(redis)
    full = Fold(redis)

    def has(fold: Fold, count: int) -> bool:
        while shipment.ship(redis):
            pass
        fold.turn()
        shipment.check(redis)
        return len(fold.records) >= count

    assert until(lambda: has(full, 40))
    # A database that was put back to where it had the first forty.
    restored = Fold(redis)
    restored.marks, restored.records = {journal.name: 40}, list(full.records[:40])
    for number in (41, 1):
        replay_journal(tmp_path, redis, journal.name, number)
        assert until(lambda: has(restored, 90))
        assert restored.contacts == [f"c{n:02}" for n in range(90)]
    assert until(lambda: has(full, 90))
    assert full.contacts == [f"c{n:02}" for n in range(90)]
    journal.close()


@pytest.mark.parametrize("number", [-5, 1, 60, 10**9])
def test_a_replay_never_frees_records_missing_from_the_database(
    journal: Journal, tmp_path: Path, valkey: Valkey, number: int
) -> None:
    """Whatever number is given: a record in the stream is not yet in the database."""
    redis, shipment, fold = valkey.client, Shipment(journal), Fold(valkey.client)
    shipment.begin(redis)
    assert shipment.ship(redis)
    fold.turn()
    folded = len(fold.records)
    assert shipment.ship(redis)
    assert folded < shipment.shipped < 90
    assert replay_journal(tmp_path, redis, journal.name, number) == min(max(number, 1), folded + 1)

    def has_all() -> bool:
        shipment.check(redis)
        while shipment.ship(redis):
            pass
        fold.turn()
        return len(fold.records) >= 90

    assert until(has_all)
    assert fold.contacts == [f"c{n:02}" for n in range(90)]
    assert fold.lost == 0
    journal.close()


def test_replaying_a_missing_journal_fails(journal: Journal, tmp_path: Path, valkey: Valkey) -> None:
    with pytest.raises(NoSuchJournal, match=f"but: {journal.name}$"):
        replay_journal(tmp_path, valkey.client, "edge-00000000", 1)
    assert valkey.client.keys() == []
    journal.close()


@pytest.fixture
def run(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, valkey: Valkey) -> Callable[..., Ended]:
    """`salepixel journal` with a Valkey."""
    monkeypatch.setenv("SALEPIXEL_REDIS_URL", valkey.address)
    return partial(command_line.run, "journal")


@pytest.mark.parametrize("command", ["list", "verify"])
def test_a_folder_without_a_journal_is_an_error(
    command: str, tmp_path: Path, run: Callable[..., Ended]
) -> None:
    said = run(command)
    assert said.code == 1
    assert f"no journal in {tmp_path}/journal" in said.stdout


def test_the_exit_code_says_whether_all_journals_are_intact(
    journal: Journal, valkey: Valkey, run: Callable[..., Ended]
) -> None:
    journal.close()
    reported = run("verify")
    assert (reported.code, reported.stdout) == (0, "every record is whole\n")
    assert run("list").stdout.count("\n") == 1 + len(journal.segments())
    valkey.client.set(mark_key(journal.name), 20)
    reported = run("replay", journal.name, "--from", "7")
    assert (reported.code, reported.stdout) == (
        0,
        f"{journal.name} is shipped again from record 7 on\n",
    )
    assert run("replay", "x").code == 1
    assert run("rubbish").code == 2
    flip(journal.path(1), 60)
    assert run("verify").code == 1
