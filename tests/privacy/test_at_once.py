"""A person is erased while a worker writes what concerns them: nothing of them stays, and sums are exact."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from salepixel.accounts.principal import INSTALLATION
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.orders import store as orders
from salepixel.orders.erased import hide_erased
from salepixel.privacy.retention import Kept, end_old_rows, read_retention
from salepixel.privacy.use_cases import change_retention
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums.check import find_wrong_sums
from tests.make import NOON, click_at
from tests.privacy.village import REF, Village
from tests.waiting import PATIENCE_SECONDS
from tests.worker.test_at_once import until_it_ends_or_waits
from tests.worker.world import HOUR


@pytest.fixture
def village(postgresql_database: Database, sealer: ClickSealer) -> Village:
    return Village(postgresql_database, sealer)


def test_a_verdict_that_changes_during_an_erasure_is_counted_once(village: Village) -> None:
    click = click_at(NOON - 3 * HOUR, REF, serial=77)
    with village.database.write() as connection:
        clicks.store_clicks(connection, [(click, Signal.HEAD)])
    erasing = threading.Thread(target=village.erase)
    with village.database.write() as connection:
        clicks.clear_clicks(connection, [click.id])
        erasing.start()
        until_it_ends_or_waits(village.database, erasing)
    erasing.join(PATIENCE_SECONDS)
    assert not erasing.is_alive()
    assert list(village.found()) == []
    with village.database.read() as connection:
        assert find_wrong_sums(connection) == []


def test_an_erasure_waits_for_orders_that_were_received_before_it(village: Village) -> None:
    """Their transactions read the list of the erased when it was empty."""
    bought, shop_id = replace(village.bought, id="O-late", number="99"), village.shop_id()
    erasing = threading.Thread(target=village.erase)
    with village.database.write() as connection:
        (seen,) = hide_erased(connection, village.keys, shop_id, 1, [bought])
        erasing.start()
        until_it_ends_or_waits(village.database, erasing)
        orders.store_order(connection, shop_id, 1, seen, "")
    erasing.join(PATIENCE_SECONDS)
    assert not erasing.is_alive()
    assert list(village.found()) == []


def test_days_that_are_chosen_while_old_rows_end_are_kept(village: Village) -> None:
    """A step that began with the days of before does not write them back, and deletes nothing more."""
    late = NOON + timedelta(days=9999)
    ending = threading.Thread(target=end_old_rows, args=(village.database, late, 60))
    with village.database.write() as connection:
        change_retention(connection, INSTALLATION, 1, dict.fromkeys(Kept))
        ending.start()
        until_it_ends_or_waits(village.database, ending)
    ending.join(PATIENCE_SECONDS)
    assert not ending.is_alive()
    with village.database.read() as connection:
        assert [one.days for one in read_retention(connection, 1).values()] == [None] * len(Kept)
    assert all(village.content(row["digest"])["body"] for row in village.rows(schema.deliveries))
