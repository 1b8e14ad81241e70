"""The journals of dead processes: another process ships them, and reports what they lost, once."""

import errno
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from salepixel.clicks.records import LossRecord
from salepixel.wire.streams import mark_key
from salepixel_edge import shipper as shipper_module
from salepixel_edge.journal import Journal, try_slot
from salepixel_edge.journals import replay_journal
from tests.edge.make import Fold, open_journal, payload
from tests.edge.running import Valkey
from tests.edge.shipping import SMALL, Shipping
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("quick")


def test_another_process_ships_the_journal_of_a_dead_one(
    tmp_path: Path, journal: Journal, valkey: Valkey
) -> None:
    (tmp_path / "journal" / "lost+found").mkdir()
    dead = open_journal(tmp_path / "journal" / "1", SMALL)
    dead.write([payload("left")])
    dead.close()
    shipping = Shipping(tmp_path, journal, valkey.address)
    shipping.click(1)
    fold = Fold(valkey.client)
    try:
        assert until(lambda: fold.has(2))
        assert until(lambda: _is_free(tmp_path / "journal" / "1")), "the slot is given back"
    finally:
        shipping.shipper.stop()
    assert sorted(fold.contacts) == ["c000000", "left"]


def test_a_finished_journal_is_opened_again_only_after_it_grew(
    tmp_path: Path, journal: Journal, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def spy(slot: Path, edge_name: str, segment_bytes: int) -> Journal | None:
        opened.append(slot.name)
        return try_slot(slot, edge_name, segment_bytes)

    monkeypatch.setattr(shipper_module, "try_slot", spy)
    slot = tmp_path / "journal" / "1"
    open_journal(slot, SMALL).close()
    shipping = Shipping(tmp_path, journal, valkey.address)
    fold = Fold(valkey.client)
    try:
        assert until(lambda: "1" in opened)
        shipping.several("_adopted_at")
        assert opened.count("1") == 1
        again = open_journal(slot, SMALL)
        again.write([payload("left")])
        again.close()
        assert until(lambda: fold.has(1))
    finally:
        shipping.shipper.stop()
    assert fold.contacts == ["left"]


@pytest.mark.parametrize("before", [0, 1, 60])
@pytest.mark.parametrize("is_shipped", [False, True])
def test_a_loss_that_a_dead_process_could_not_report_is_reported_once(
    tmp_path: Path, journal: Journal, valkey: Valkey, before: int, is_shipped: bool
) -> None:
    dead, lost, fold = (
        open_journal(tmp_path / "journal" / "1", SMALL),
        LossRecord(7, 10, 20),
        Fold(valkey.client),
    )
    for number in range(before):
        dead.write([payload(f"c{number}")])
    if is_shipped:
        dead.close()
        shipping = Shipping(tmp_path, journal, valkey.address)
        assert until(lambda: fold.has(before) and bool(shipping.shipper._finished))
        shipping.shipper.stop()
        dead = open_journal(tmp_path / "journal" / "1", SMALL)
    dead.save_loss(lost)
    dead.close()
    for _ in range(2):
        shipping = Shipping(tmp_path, journal, valkey.address)
        try:
            assert until(lambda: fold.has(before + 1))
            assert until(partial(_has_finished, shipping))
        finally:
            shipping.shipper.stop()
    assert fold.records[before:] == [lost]
    again = open_journal(tmp_path / "journal" / "1", SMALL)
    assert again.unwritten_loss is None
    again.close()


def test_a_loss_of_a_dead_process_is_found_in_a_finished_slot(
    tmp_path: Path, journal: Journal, valkey: Valkey
) -> None:
    slot, lost, fold = tmp_path / "journal" / "1", LossRecord(7, 10, 20), Fold(valkey.client)
    open_journal(slot, SMALL).close()
    shipping = Shipping(tmp_path, journal, valkey.address)
    try:
        assert until(lambda: bool(shipping.shipper._finished))
        again = open_journal(slot, SMALL)
        again.save_loss(lost)
        again.close()
        assert until(lambda: fold.has(1))
    finally:
        shipping.shipper.stop()
    assert fold.records == [lost]


@pytest.mark.parametrize(("segment", "waits"), [(1, False), (501, True)])
def test_a_loss_is_reported_after_the_last_number_of_its_journal_is_known(
    tmp_path: Path, journal: Journal, valkey: Valkey, segment: int, waits: bool
) -> None:
    slot, lost, fold = tmp_path / "journal" / "1", LossRecord(7, 10, 20), Fold(valkey.client)
    dead = open_journal(slot, SMALL)
    dead.path(segment).touch()  # no record of it was written
    dead.save_loss(lost)
    dead.close()
    shipping = Shipping(tmp_path, journal, valkey.address)
    try:
        if waits:
            shipping.several("_adopted_at")
            fold.turn()
            assert fold.records == []
            fold.marks[dead.name] = 500
            valkey.client.set(mark_key(dead.name), 500)
        assert until(lambda: fold.has(1))
    finally:
        shipping.shipper.stop()
    assert (fold.records, fold.lost) == ([lost], 0)


def test_the_slot_of_a_dead_process_is_released_while_its_loss_cannot_be_written(
    tmp_path: Path, journal: Journal, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, fold = tmp_path / "journal" / "1", Fold(valkey.client)
    dead = open_journal(slot, SMALL)
    dead.save_loss(LossRecord(7, 10, 20))
    dead.close()
    tries: list[int] = []

    def full(*_: object) -> None:
        tries.append(1)
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "write", full)
        shipping = Shipping(tmp_path, journal, valkey.address)
        assert until(lambda: len(tries) > 1)
        assert until(lambda: _is_free(slot))
    try:
        assert until(lambda: fold.has(1))
    finally:
        shipping.shipper.stop()
    assert fold.records == [LossRecord(7, 10, 20)]


def test_the_journal_of_a_dead_process_is_shipped_again_to_a_restored_database(
    tmp_path: Path, journal: Journal, valkey: Valkey
) -> None:
    dead = open_journal(tmp_path / "journal" / "1")
    dead.write([payload(f"c{number}") for number in range(9)])
    dead.close()
    shipping = Shipping(tmp_path, journal, valkey.address)
    fold, restored = Fold(valkey.client), Fold(valkey.client)
    try:
        assert until(lambda: fold.has(9))
        assert until(lambda: len(shipping.shipper._finished) == 1)
        replay_journal(tmp_path, valkey.client, dead.name, 1)
        assert until(lambda: restored.has(9))
    finally:
        shipping.shipper.stop()
    assert restored.contacts == fold.contacts
    assert restored.lost == 0


def _has_finished(shipping: Shipping) -> bool:
    return bool(shipping.shipper._finished)


def _is_free(slot: Path) -> bool:
    with suppress(AssertionError):
        open_journal(slot).close()
        return True
    return False
