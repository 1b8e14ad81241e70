"""Redis is transport: it may be unavailable, killed, emptied or restored, and everything arrives once."""

import errno
import signal
import time
from pathlib import Path
from typing import cast

import pytest

from salepixel.clicks.journal_run import Entries
from salepixel.wire.directory import DIRECTORY_KEY, DIRECTORY_VERSION_KEY, Directory
from salepixel.wire.streams import JOURNALS_KEY, OLDEST, mark_key, stream_key
from salepixel_edge import shipment as shipment_module
from salepixel_edge import shipper as shipper_module
from salepixel_edge.directory import keep_directory, kept_directory
from salepixel_edge.journal import Journal
from salepixel_edge.shipment import Shipment
from tests.edge.make import Fold, make_unreadable, payload
from tests.edge.running import Valkey
from tests.edge.shipping import Shipping
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("quick")


def test_written_records_arrive_in_order(shipping: Shipping, valkey: Valkey) -> None:
    shipping.click(300)
    fold = Fold(valkey.client)
    assert until(lambda: fold.has(300))
    assert fold.contacts == shipping.clicked
    assert valkey.client.smembers(JOURNALS_KEY) == {shipping.journal.name.encode()}


def test_segments_are_freed_only_after_they_are_in_the_database(shipping: Shipping, valkey: Valkey) -> None:
    shipping.click(300)
    assert until(lambda: own(shipping).shipped == 300)
    segments = shipping.journal.segments()
    assert len(segments) > 3
    shipping.several("_checked_at")
    assert shipping.journal.segments() == segments, "shipped is not yet in the database"
    valkey.client.set(mark_key(shipping.journal.name), segments[2] - 1)
    assert until(lambda: shipping.journal.segments() == segments[2:])
    valkey.client.set(mark_key(shipping.journal.name), 300)
    assert until(lambda: shipping.journal.segments() == segments[-1:])


def test_a_restarted_redis_gets_everything(shipping: Shipping, valkey: Valkey) -> None:
    fold = Fold(valkey.client)
    shipping.click(50)
    assert until(lambda: fold.has(50))
    valkey.signal(signal.SIGTERM)
    shipping.click(50)
    assert until(lambda: not shipping.connected())
    assert until(lambda: own(shipping).oldest_ms > 0), "the age of what waits is known"
    valkey.start()
    shipping.click(50)
    assert until(lambda: fold.has(150))
    assert fold.contacts == shipping.clicked


def test_killing_redis_loses_and_doubles_nothing(shipping: Shipping, valkey: Valkey) -> None:
    fold = Fold(valkey.client)
    for turn in range(4):
        shipping.click(100)
        if turn % 2:
            fold.turn()
        valkey.signal(signal.SIGKILL)
        shipping.click(20)
        valkey.start()
    assert until(lambda: fold.has(480))
    assert fold.contacts == shipping.clicked
    assert fold.lost == 0


def test_an_emptied_redis_gets_everything_again(shipping: Shipping, valkey: Valkey) -> None:
    fold = Fold(valkey.client)
    for _ in range(4):
        shipping.click(60)
        assert until(lambda: own(shipping).shipped == len(shipping.clicked))
        fold.turn()
        valkey.client.flushall()
        shipping.click(20)
    assert until(lambda: fold.has(320))
    assert fold.contacts == shipping.clicked
    assert fold.lost == 0


def test_a_redis_emptied_before_the_first_click_still_gets_the_journals_name(
    shipping: Shipping, valkey: Valkey
) -> None:
    assert until(shipping.connected)
    valkey.client.flushall()
    shipping.click(3)
    fold = Fold(valkey.client)
    assert until(lambda: fold.has(3))


def test_an_emptied_redis_is_noticed_even_if_nobody_clicks(shipping: Shipping, valkey: Valkey) -> None:
    shipping.click(100)
    assert until(lambda: own(shipping).shipped == 100)
    valkey.client.flushall()
    fold = Fold(valkey.client)
    assert until(lambda: fold.has(100))
    assert fold.contacts == shipping.clicked


def test_a_frozen_redis_is_waited_for(shipping: Shipping, valkey: Valkey) -> None:
    shipping.click(10)
    valkey.signal(signal.SIGSTOP)
    shipping.click(10)
    assert until(lambda: not shipping.connected())
    valkey.signal(signal.SIGCONT)
    fold = Fold(valkey.client)
    assert until(lambda: fold.has(20))
    assert fold.contacts == shipping.clicked


def test_an_xadd_with_a_lost_answer_is_not_repeated(journal: Journal, valkey: Valkey) -> None:
    shipment = Shipment(journal)
    journal.write([payload("a"), payload("b")])
    shipment.begin(valkey.client)
    place = shipment._reader.place
    assert shipment.ship(valkey.client)
    shipment._reader.place = place  # as after a time-out
    journal.write([payload("c")])
    while shipment.ship(valkey.client):
        pass
    fold = Fold(valkey.client)
    fold.turn()
    assert fold.contacts == ["a", "b", "c"]


def test_a_redis_that_refuses_writes_is_retried(shipping: Shipping, valkey: Valkey) -> None:
    assert until(shipping.connected)
    valkey.client.config_set("maxmemory", "1")
    shipping.click(20)
    assert until(lambda: not shipping.connected())
    valkey.client.config_set("maxmemory", "0")
    fold = Fold(valkey.client)
    assert until(lambda: fold.has(20))
    assert fold.contacts == shipping.clicked


def test_a_database_from_an_old_backup_gets_everything_still_in_the_journal(
    tmp_path: Path, journal: Journal, valkey: Valkey
) -> None:
    first = Shipping(tmp_path, journal, valkey.address)
    first.click(30)
    fold = Fold(valkey.client)
    assert until(lambda: fold.has(30))
    first.shipper.stop()
    restored = Fold(valkey.client)
    restored.marks[journal.name], restored.records = 10, fold.records[:10]
    second = Shipping(tmp_path, journal, valkey.address)
    second.clicked = first.clicked
    second.click(5)
    try:
        assert until(lambda: restored.has(35))
    finally:
        second.shipper.stop()
    assert restored.contacts == second.clicked
    assert restored.lost == 0


def test_permanently_lost_records_are_reported_and_do_not_delay_the_rest(
    tmp_path: Path, journal: Journal, valkey: Valkey
) -> None:
    journal.write([payload("x" * 150)] * 60)
    journal.write([payload("y")])
    assert len(journal.segments()) == 2
    journal.path(1).unlink()
    shipping = Shipping(tmp_path, journal, valkey.address)
    fold = Fold(valkey.client)
    try:
        assert until(lambda: fold.has(1))
    finally:
        shipping.shipper.stop()
    assert fold.contacts == ["y"]
    assert fold.lost == 60


def test_an_entry_is_marked_as_the_oldest_only_if_it_is(journal: Journal, valkey: Valkey) -> None:
    journal.write([payload("a"), payload("b")])
    valkey.client.set(mark_key(journal.name), 1)
    shipment = Shipment(journal)
    shipment.begin(valkey.client)
    assert shipment.ship(valkey.client)
    entries = cast(Entries, valkey.client.xrange(stream_key(journal.name)))
    assert [OLDEST in fields for _, fields in entries] == [False]


def test_numbers_already_in_redis_are_not_reused(journal: Journal, valkey: Valkey) -> None:
    valkey.client.xadd(stream_key(journal.name), {"r": b""}, id="500-0")
    Shipment(journal).begin(valkey.client)
    journal.write([payload("a")])
    assert journal.durable.number == 501


def test_a_backlog_never_fills_a_stream_beyond_its_limit(
    tmp_path: Path, journal: Journal, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipment_module, "MAX_STREAM", 3)
    monkeypatch.setattr(shipper_module, "CHECK_SECONDS", 0.5)
    clicked = [f"c{n:05}" for n in range(4000)]
    journal.write([payload(contact) for contact in clicked])
    shipping = Shipping(tmp_path, journal, valkey.address)
    fold = Fold(valkey.client)
    try:
        for _ in range(20):
            assert valkey.client.xlen(stream_key(journal.name)) <= 3
            time.sleep(0.02)
        assert until(lambda: fold.has(4000))
    finally:
        shipping.shipper.stop()
    assert fold.contacts == clicked


def test_shipping_pauses_when_the_stream_is_long(
    shipping: Shipping, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipment_module, "MAX_STREAM", 5)
    assert until(shipping.connected)
    waiting = own(shipping)
    for number in range(5):
        shipping.click(1)
        assert until(lambda n=number: waiting.shipped == n + 1)  # type: ignore[misc]
    shipping.several("_checked_at")
    shipping.click(35)
    shipping.several("_checked_at")
    assert waiting.shipped < 40
    fold = Fold(valkey.client)
    assert until(lambda: fold.has(40))
    assert fold.contacts == shipping.clicked


def own(shipping: Shipping) -> Shipment:
    assert shipping.shipper.own is not None
    return shipping.shipper.own


def test_stopping_ships_the_remaining_records(tmp_path: Path, journal: Journal, valkey: Valkey) -> None:
    shipping = Shipping(tmp_path, journal, valkey.address)
    assert until(shipping.connected)
    shipping.click(500)
    shipping.shipper.stop()
    fold = Fold(valkey.client)
    while len(fold.records) < 500:
        before = len(fold.records)
        fold.turn()
        assert len(fold.records) > before
    assert fold.contacts == shipping.clicked


def test_an_unreadable_segment_does_not_delay_the_other_segments(
    shipping: Shipping, valkey: Valkey, journal: Journal
) -> None:
    assert until(shipping.connected)
    valkey.signal(signal.SIGSTOP)
    shipping.click(150)
    make_unreadable(journal.path(journal.segments()[1]))
    valkey.signal(signal.SIGCONT)
    fold = Fold(valkey.client)
    following = journal.segments()[2]
    lost = following - journal.segments()[1]
    assert until(lambda: fold.has(150 - lost))
    assert fold.lost == lost
    assert shipping.shipper.is_alive()


def test_stopping_without_redis_does_not_wait_for_a_retry(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper_module, "RETRY_SECONDS", 3600)
    shipping = Shipping(tmp_path, journal, f"unix://{tmp_path}/nobody.sock")
    shipping.shipper.stop()
    assert not shipping.shipper.is_alive()


def test_the_directory_is_saved_for_a_start_without_redis(
    shipping: Shipping, valkey: Valkey, tmp_path: Path
) -> None:
    assert kept_directory(tmp_path) is None
    directory = Directory({7: ("track.shop.test", "")}, frozenset({7}))
    valkey.client.set(DIRECTORY_KEY, directory.to_json())
    assert until(lambda: shipping.known == [directory])
    assert until(lambda: kept_directory(tmp_path) == directory)
    valkey.client.set(DIRECTORY_KEY, "rubbish")
    valkey.client.delete(DIRECTORY_KEY)
    shipping.several("_read_at")
    assert kept_directory(tmp_path) == directory
    assert shipping.connected()


def test_the_directory_is_read_again_only_if_its_version_changed(shipping: Shipping, valkey: Valkey) -> None:
    first, second = Directory({7: ("", "")}), Directory({8: ("", "")})
    valkey.client.mset({DIRECTORY_KEY: first.to_json(), DIRECTORY_VERSION_KEY: "1"})
    assert until(lambda: shipping.known == [first])
    valkey.client.set(DIRECTORY_KEY, second.to_json())
    reads = shipping.shipper.directory_reads
    assert until(lambda: shipping.shipper.directory_reads >= reads + 3)
    assert shipping.known == [first]
    valkey.client.set(DIRECTORY_VERSION_KEY, "2")
    assert until(lambda: shipping.known == [first, second])


def test_a_full_disk_does_not_stop_shipping(
    shipping: Shipping, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    valkey.client.set(DIRECTORY_KEY, Directory({7: ("", "")}).to_json())
    assert until(lambda: len(shipping.known) == 1)
    shipping.click(5)
    fold = Fold(valkey.client)
    assert until(lambda: fold.has(5))


def test_a_partial_directory_is_never_saved(tmp_path: Path) -> None:
    keep_directory(tmp_path, b'{"accounts": {}, "require_signature": [], "links": {}}')
    assert kept_directory(tmp_path) == Directory({})
    assert [path.name for path in tmp_path.iterdir()] == ["directory.json"]
    (tmp_path / "directory.json").write_text("{")
    assert kept_directory(tmp_path) is None
