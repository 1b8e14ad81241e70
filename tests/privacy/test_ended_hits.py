"""Pixel hits that count end with the clicks, ignored ones earlier; none comes back, and no order changes."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.clicks.records import HitRecord
from salepixel.clicks.tokens import ClickSealer
from salepixel.orders.deliveries import sum_rejections
from salepixel.privacy import retention
from salepixel.privacy.retention import Kept, end_old_rows
from salepixel.privacy.use_cases import change_retention
from salepixel.shops.pixel_hits import store_pixel_hit
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel_worker.rebuild import verify_all
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World

DAY = timedelta(days=1)
CLICK = click_at(NOON - HOUR, "ana")


@pytest.fixture
def world(database: Database, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr(retention, "YIELD_SECONDS", 0)
    found = World(database, sealer)
    found.click(CLICK)
    return found


def keep(world: World, **days: int) -> None:
    chosen = {Kept(kind): number for kind, number in days.items()}
    with world.database.write() as connection:
        change_retention(connection, INSTALLATION, 1, dict.fromkeys(Kept) | chosen)


def hits(world: World) -> int:
    with world.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(schema.hits)) or 0


def refused(world: World) -> int:
    with world.database.read() as connection:
        return sum_rejections(connection).get(("pixel", "hit_ended"), 0)


def test_hits_end_with_the_clicks_and_the_decision_stays(world: World) -> None:
    world.connect()
    world.order(order(id="O1", number="1"))
    for serial in range(3):
        world.hit("order=1&IMPORTE=5", CLICK, serial)
    before = world.report()
    assert world.reasons() == {"O1": "cookie_at_pixel"}
    keep(world, clicks=44)
    end_old_rows(world.database, NOON + 50 * DAY, 60)
    assert hits(world) == 0
    world.hit("order=1&IMPORTE=5", CLICK, 1)
    world.policy(model="linear")
    assert (hits(world), refused(world), world.report()) == (0, 1, before)
    assert verify_all(world.database, world.sealer).different == []


def test_an_order_of_the_pixel_keeps_its_lines_when_a_hit_comes_later(world: World) -> None:
    """Somebody opens the page of thanks once more, years later: the new hit alone would be another order."""
    world.hit("order=1&IMPORTE=5&PRODUCTO=Shoes", CLICK, 1)
    world.hit("order=1&IMPORTE=7&PRODUCTO=Laces", CLICK, 2)
    before = world.report()
    assert len(before) == 2
    keep(world, clicks=44)
    end_old_rows(world.database, NOON + 80 * DAY, 60)
    late = HitRecord(click_at(NOON + 70 * DAY).id, 1, "empId=1&order=1&IMPORTE=1", "", "", False)
    with world.database.write() as connection:
        store_pixel_hit(connection, world.sealer, late)
    assert (hits(world), refused(world), world.report()) == (0, 1, before)
    assert verify_all(world.database, world.sealer).different == []


def test_ignored_hits_end_earlier_and_a_late_one_is_not_stored(world: World) -> None:
    """One of an edge that was offline for longer would otherwise never be deleted."""
    world.hit("order=1&IMPORTE=5", None, 1, ignored="unsigned")
    world.hit("order=2&IMPORTE=5", CLICK, 2)
    world.reconcile()
    keep(world, ignored_hits=44)
    end_old_rows(world.database, NOON + 50 * DAY, 60)
    assert hits(world) == 1
    world.hit("order=1&IMPORTE=5", None, 3, ignored="unsigned")
    assert (hits(world), refused(world)) == (1, 1)
