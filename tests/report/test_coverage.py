"""Coverage counts each order once: by webhook or healed, seen by the pixel or not, attributed or not."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.orders.store import store_order
from salepixel.report.coverage import (
    DayCoverage,
    PixelProblem,
    Seen,
    coverage_by_day,
    pixel_problems,
    seen_by_browser,
    seen_by_payment,
)
from salepixel.report.periods import ALWAYS, Period
from salepixel.shops import polls
from salepixel.shops import store as shops
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World

TODAY, YESTERDAY = NOON.date(), NOON.date() - timedelta(days=1)


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    world = World(database, sealer)
    world.connect()
    return world


def buy(world: World, number: str, *, healed: bool = False, **more: Any) -> None:
    at = more.pop("placed_at", NOON)
    bought = order(id=f"O{number}", number=number, placed_at=at, updated_at=at, **more)
    with world.database.write() as connection:
        shop_id = connection.execute(sa.select(schema.shops.c.id)).scalar_one()
        store_order(connection, shop_id, 1, bought, "", healed_at=at + HOUR if healed else None)


def days(world: World, period: Period = ALWAYS) -> list[DayCoverage]:
    world.reconcile()
    with world.database.read() as connection:
        return coverage_by_day(connection, 1, period)


def count(world: World, counts: dict[date, int]) -> None:
    with world.database.write() as connection:
        (shop,) = shops.list_shops(connection, 1)
        polls.store_counts(connection, shop, counts, NOON)


def test_each_order_is_counted_once_in_its_category(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.click(click)
    buy(world, "1", click_token=world.sealer.seal(click))
    buy(world, "2", healed=True)
    buy(world, "3", placed_at=NOON - timedelta(days=1))
    for serial, name in enumerate(("1", "1", "O2", "another")):
        world.hit(f"order={name}", None, serial)
    count(world, {TODAY: 5, YESTERDAY: 1})
    assert days(world) == [
        DayCoverage(TODAY, 2, by_webhook=1, by_poll=1, seen=2, attributed=1, in_shop=5, missing=3),
        DayCoverage(YESTERDAY, 1, by_webhook=1, by_poll=0, seen=0, attributed=0, in_shop=1, missing=0),
    ]


def test_a_day_with_all_orders_missing_is_shown(world: World) -> None:
    count(world, {TODAY: 3})
    assert days(world) == [DayCoverage(TODAY, 0, 0, 0, 0, 0, in_shop=3, missing=3)]


def test_more_orders_than_the_shop_counts_means_none_missing(world: World) -> None:
    buy(world, "1")
    buy(world, "2")
    count(world, {TODAY: 1})
    assert days(world)[0].missing == 0


def test_orders_that_arrive_after_the_count_hide_no_missing_ones(world: World) -> None:
    buy(world, "1")
    count(world, {TODAY: 21})
    for number in range(30):
        buy(world, f"later-{number}")
    assert (days(world)[0].in_shop, days(world)[0].missing) == (21, 20)


def test_an_old_count_without_known_orders_is_compared_with_the_current_ones(world: World) -> None:
    buy(world, "1")
    count(world, {TODAY: 3})
    with world.database.write() as connection:
        connection.execute(sa.update(schema.shop_days).values(known=None))
    buy(world, "2")
    assert days(world)[0].missing == 1


def test_missing_orders_of_an_unpolled_shop_are_unknown(world: World) -> None:
    buy(world, "1")
    assert (days(world)[0].in_shop, days(world)[0].missing) == (None, None)


def test_a_period_contains_only_its_own_days(world: World) -> None:
    buy(world, "1")
    buy(world, "2", placed_at=NOON - timedelta(days=1))
    count(world, {TODAY: 1, YESTERDAY: 1})
    midnight = NOON.replace(hour=0)
    assert [day.day for day in days(world, Period(midnight))] == [TODAY]
    assert [day.day for day in days(world, Period(None, midnight))] == [YESTERDAY]


def test_pixel_orders_do_not_count_as_the_shops(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    click = click_at(NOON - HOUR)
    world.click(click)
    world.hit("order=1&IMPORTE=10", click)
    assert len(world.report()) == 1
    assert days(world) == []


def test_pixel_losses_are_counted_by_browser_and_payment_method(world: World) -> None:
    for number, signal, payment in (
        ("1", Signal.SAFARI, "PayPal"),
        ("2", Signal.SAFARI, "PayPal"),
        ("3", Signal.CHROMIUM | Signal.NO_FETCH, "Card"),
        ("4", Signal(0), ""),
    ):
        click = click_at(NOON - HOUR, f"c{number}", serial=int(number))
        world.click(click, signal)
        buy(world, number, click_token=world.sealer.seal(click), payment=payment)
    buy(world, "5", payment="Card")  # no click of it is known
    world.hit("order=1", None, 1)
    world.hit("order=3", None, 2)
    world.reconcile()
    with world.database.read() as connection:
        assert seen_by_browser(connection, 1, ALWAYS) == [
            Seen("Safari", 2, 1),
            Seen("", 1, 0),
            Seen("Chromium", 1, 1),
        ]
        assert seen_by_payment(connection, 1, ALWAYS) == [
            Seen("Card", 2, 1),
            Seen("PayPal", 2, 1),
            Seen("", 1, 0),
        ]
        assert seen_by_payment(connection, 2, ALWAYS) == []


def test_the_lost_share_is_computed() -> None:
    assert Seen("Safari", 4, 1).lost == 0.75
    assert Seen("Safari", 0, 0).lost == 0.0


def test_problems_of_pixel_hits_are_counted_by_account_and_day_with_those_that_are_ignored(
    world: World,
) -> None:
    queries = ["order=undefined", "order=null&IMPORTE=5", "order=7", "order=8&IMPORTE=x", "order=8"]
    for serial, query in enumerate(queries):
        world.hit(query, None, serial)
    world.hit("order=9", None, 9, ignored="not_a_visit")
    world.hit("order=9", None, 9, ignored="not_a_visit")  # folded twice
    found = [
        PixelProblem("placeholder_order", 2, 0),
        PixelProblem("bad_amount", 1, 0),  # beside a shop it is evidence
        PixelProblem("not_a_visit", 1, 1),
    ]
    tomorrow = NOON + timedelta(days=1)
    with world.database.read() as connection:
        assert pixel_problems(connection, 1, ALWAYS) == found
        assert pixel_problems(connection, 1, Period(NOON, tomorrow)) == found
        assert pixel_problems(connection, 1, Period(tomorrow, None)) == []
        assert pixel_problems(connection, 1, Period(None, NOON)) == []
        assert pixel_problems(connection, 2, ALWAYS) == []


def test_without_a_shop_an_unreadable_hit_is_ignored(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    world.hit("order=8&IMPORTE=x", None)
    with world.database.read() as connection:
        assert pixel_problems(connection, 1, ALWAYS) == [PixelProblem("bad_amount", 1, 1)]
