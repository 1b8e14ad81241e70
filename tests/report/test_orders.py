"""The list of orders: what each filter finds, and how its pages follow each other."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.attribution.evidence import Rung
from salepixel.clicks.tokens import ClickSealer
from salepixel.orders.outcome import Outcome
from salepixel.report import orders as listing
from salepixel.report.orders import (
    NEWEST_FIRST,
    By,
    ListedOrder,
    OrderFilter,
    OrderPage,
    Sort,
    Step,
    currencies_of,
    find_by_name,
    list_orders,
)
from salepixel.report.periods import Period
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import CAMPAIGN, LINK, NOON, OTHER_LINK, click_at, order
from tests.worker.world import HOUR, World

MIDNIGHT = NOON.replace(hour=0)


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    """Twenty-one orders: by a click, without one, by a link with sales off, unpaid; several at one time."""
    world = World(database, sealer)
    world.connect()
    world.contact("bo", "hash-of-bo")
    for n in range(20):
        at = NOON - (n // 2) * 5 * HOUR
        link = OTHER_LINK if n % 4 == 2 else LINK
        click = click_at(at - HOUR, "ana", link=link, serial=n)
        world.click(click)
        token = world.sealer.seal(click) if n % 2 == 0 else None
        world.order(
            order(
                id=f"O{n:02}",
                number=f"#{n:03}",
                placed_at=at,
                updated_at=at,
                paid=n % 5 != 4,
                total=Decimal(n * 10),
                currency="JPY" if n == 19 else "EUR",
                email_hash="hash-of-bo" if n == 7 else None,
                click_token=token,
            )
        )
    world.reconcile()
    world.order(order(id="new", number="2000", placed_at=NOON + HOUR))
    return world


SORTS = [Sort(by, descending) for by in By for descending in (True, False)]


def key_of(row: ListedOrder, sort: Sort) -> tuple[Any, ...]:
    date = row.placed_at, row.shop_id, row.order_id
    return (row.currency, row.total, *date) if sort.by is By.AMOUNT else date


def end_of(sort: Sort) -> tuple[Any, ...]:
    """A place behind the last order."""
    sign = -1 if sort.descending else 1
    date = NOON + sign * timedelta(days=999), "", ""
    return ("" if sort.descending else "ZZZ", 0, *date) if sort.by is By.AMOUNT else date


def pages(
    world: World, wanted: OrderFilter, limit: int, *, newer: bool = False, sort: Sort = NEWEST_FIRST
) -> Iterator[OrderPage]:
    """Every page from one end to the other."""
    step = Step(end_of(sort), newer=True) if newer else None
    while True:
        with world.database.read() as connection:
            page = list_orders(connection, 1, wanted, step, limit, sort=sort)
        yield page
        place = page.newer if newer else page.older
        if place is None:
            return
        step = Step(place, newer)


def ids(rows: list[ListedOrder]) -> list[str]:
    return [row.order_id for row in rows]


def all_rows(world: World) -> list[ListedOrder]:
    with world.database.read() as connection:
        return list_orders(connection, 1, OrderFilter(), None, 100).rows


def day(hours: int) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


FILTERS: dict[str, tuple[dict[str, Any], Any]] = {
    "nothing": ({}, lambda row: True),
    "outcome": ({"outcomes": (Outcome.UNATTRIBUTED,)}, lambda row: row.outcome == "unattributed"),
    "reason": ({"reason": "not_a_sales_link"}, lambda row: row.reason == "not_a_sales_link"),
    "reason and outcome": (
        {"reason": "unpaid", "outcomes": (Outcome.PENDING,)},
        lambda row: row.reason == "unpaid",
    ),
    "two outcomes": (
        {"outcomes": (Outcome.ATTRIBUTED, Outcome.PENDING)},
        lambda row: row.outcome in ("attributed", "pending") and row.order_id != "new",
    ),
    "a reason that no order has": ({"reason": "opted_out"}, lambda row: False),
    "a reason with another outcome": ({"reason": "unpaid", "outcomes": (Outcome.LIKELY,)}, lambda row: False),
    "evidence": ({"evidence": Rung.TOKEN}, lambda row: row.evidence is Rung.TOKEN),
    "campaign": ({"campaign_id": CAMPAIGN}, lambda row: row.campaign_id == CAMPAIGN),
    "campaign and link": ({"campaign_id": CAMPAIGN, "link_id": OTHER_LINK}, lambda row: False),
    "day": ({"period": Period(day(-24), day(0))}, lambda row: day(-24) <= row.placed_at < day(0)),
    "day and reason": (
        {"period": Period(None, day(0)), "reason": "no_click"},
        lambda row: row.placed_at < day(0) and row.reason == "no_click",
    ),
    "amount": ({"least": Decimal(50), "most": Decimal(120)}, lambda row: 50 <= row.total <= 120),
    "amount and outcome": (
        {"least": Decimal(100), "outcomes": (Outcome.UNATTRIBUTED,)},
        lambda row: row.total >= 100 and row.outcome == "unattributed",
    ),
    "campaign and amount": (
        {"campaign_id": CAMPAIGN, "least": Decimal(100)},
        lambda row: row.campaign_id == CAMPAIGN and row.total >= 100,
    ),
    "another shop": ({"shop_id": "other"}, lambda row: False),
}


def test_the_pages_of_a_filter_have_its_orders_in_both_directions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = all_rows(world)
    sizes = ((3, 5), (4, listing.SCANNED), (100, listing.SCANNED))
    for (name, (fields, matches)), sort, (limit, scanned) in product(FILTERS.items(), SORTS, sizes):
        expected = [row for row in everything if matches(row)]
        expected.sort(key=partial(key_of, sort=sort), reverse=sort.descending)
        with monkeypatch.context() as patched:
            patched.setattr(listing, "SCANNED", scanned)
            for newer in (False, True):
                found = [
                    row
                    for page in pages(world, OrderFilter(**fields), limit, newer=newer, sort=sort)
                    for row in (page.rows[::-1] if newer else page.rows)
                ]
                assert found == (expected[::-1] if newer else expected), (name, sort, limit, newer)


def test_the_currencies_of_an_account_are_those_of_its_orders(world: World) -> None:
    with world.database.read() as connection:
        assert currencies_of(connection, 1) == ["EUR", "JPY"]
        assert currencies_of(connection, 2) == []


def test_every_order_is_listed_decided_or_not(world: World) -> None:
    rows = all_rows(world)
    assert len(rows) == 21
    assert (rows[0].order_id, rows[0].outcome, rows[0].reason) == ("new", "pending", "not_processed_yet")
    assert [row.placed_at for row in rows] == sorted((row.placed_at for row in rows), reverse=True)
    yen = next(row for row in rows if row.order_id == "O19")
    assert (yen.total, yen.currency) == (Decimal(190), "JPY")


def test_a_page_reads_a_bounded_number_of_orders_and_says_how_far(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SCANNED", 6)
    wanted = OrderFilter(reason="no_click", least=Decimal(10), most=Decimal(400), shop_id="other")
    with world.database.read() as connection:
        page = list_orders(connection, 1, wanted, None, 2)
    assert page.rows == []
    assert page.searched_to is not None
    assert page.older is not None
    assert page.searched_to == page.older
    assert page.searched_time == page.older[0]
    by_amount = Sort(By.AMOUNT)
    with world.database.read() as connection:
        page = list_orders(connection, 1, wanted, None, 2, sort=by_amount)
    assert page.rows == []
    assert page.searched_to == page.older
    assert page.searched_amount == (Decimal("140.00"), "EUR")


NAMES: list[tuple[str, tuple[str, ...], list[str]]] = [
    ("7", (), ["O07"]),
    ("#007", (), ["O07"]),
    ("O07", (), ["O07"]),
    ("ana", (), [f"O{n:02}" for n in range(0, 20, 2)]),
    ("bo", (), ["O07"]),
    ("bo@shop.test", ("hash-of-bo", "alias"), ["O07"]),
    ("nobody", (), []),
]


def test_a_search_finds_orders_by_number_contact_and_address(world: World) -> None:
    with world.database.read() as connection:
        for text, hashes, found in NAMES:
            among = find_by_name(connection, 1, text, hashes, contacts=True)
            page = list_orders(connection, 1, OrderFilter(), None, 100, among)
            assert sorted(ids(page.rows)) == found, text
            other = find_by_name(connection, 2, text, hashes, contacts=True)
            assert list_orders(connection, 2, OrderFilter(), None, 100, other).rows == []
        for text in ("ana", "bo"):
            assert not find_by_name(connection, 1, text, (), contacts=False), "numbers only"


def test_an_order_with_a_damaged_snapshot_stays_in_the_list(world: World) -> None:
    with world.database.write() as connection:
        values = {"snapshot": "{", "amount": None, "currency": None}
        connection.execute(sa.update(schema.orders).where(schema.orders.c.id == "O00").values(values))
    damaged = next(row for row in all_rows(world) if row.order_id == "O00")
    assert damaged.total is None
