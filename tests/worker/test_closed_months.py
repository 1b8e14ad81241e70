"""A closed month stays as it was reported; a later refund counts in the month of the refund."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.campaigns import store as campaigns
from salepixel.clicks.tokens import Click, ClickSealer
from salepixel.orders.order import Order, OrderLine
from salepixel.report import sales
from salepixel.report.periods import Period
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel_worker.rebuild import rebuild_all, verify_all
from tests.databases import copy_template
from tests.examples import costly
from tests.make import CAMPAIGN, click_at, order
from tests.worker.world import HOUR, World

pytestmark = pytest.mark.long

OTHER_CAMPAIGN = "0000000000c2"
OTHER_CAMPAIGNS_LINK = "0000000000b1"
SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (9, 10, 11, 12))
MONTHS = (SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER)
DAY = timedelta(days=1)
SOLD = SEPTEMBER + 20 * DAY


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    return shop(database, sealer)


def shop(database: Database, sealer: ClickSealer, **account: Any) -> World:
    """Ana clicked twice in one campaign and once in another before she bought."""
    world = World(database, sealer, model="linear", **account)
    world.connect(SEPTEMBER)
    with database.write() as connection:
        campaigns.add_campaign(
            connection,
            campaigns.Campaign(OTHER_CAMPAIGN, 1, "Winter", "plain", SEPTEMBER),
            [campaigns.CampaignLink(OTHER_CAMPAIGNS_LINK, "https://shop.test/", "Hero", True)],
        )
    world.contact("ana", "hash-of-ana")
    for n, (campaign, link) in enumerate(
        [(CAMPAIGN, "0000000000a1"), (CAMPAIGN, "0000000000a1"), (OTHER_CAMPAIGN, OTHER_CAMPAIGNS_LINK)]
    ):
        world.click(Click(click_at(SOLD - n * HOUR, serial=n).id, 1, campaign, link, "ana"))
    return world


def bought(refunded: str = "0", at: datetime = SOLD, **changes: Any) -> Order:
    """Ana's order as reported at a time: 60.00 for two lines, shared equally by three clicks."""
    values: dict[str, Any] = {
        "placed_at": SOLD,
        "updated_at": at,
        "issued_at": at,
        "refunded": Decimal(refunded),
        "email_hash": "hash-of-ana",
        "total": Decimal("60.00"),
        "lines": (
            OrderLine("L1", "Red shoes", Decimal(2), Decimal("45.00"), net=Decimal("37.19")),
            OrderLine("L2", "Laces", Decimal(1), Decimal("15.00"), net=Decimal("12.40")),
        ),
    }
    return order(**(values | changes))


def refunds(world: World, *ids: str) -> dict[str, str]:
    """The refunds in each month by the report, of some campaigns together."""
    world.reconcile()
    found = {}
    with world.database.read() as connection:
        for since, until in months():
            given = [
                total.refunded
                for campaign in ids or (CAMPAIGN, OTHER_CAMPAIGN)
                for total in sales.totals_by_refund_date(connection, campaign, Period(since, until))
            ]
            if any(given):
                found[f"{since:%B}"] = str(sum(given))
    return found


def months() -> Iterator[tuple[datetime, datetime]]:
    for since in MONTHS:
        yield since, (since + 31 * DAY).replace(day=1)


def reported(world: World, until: datetime = DECEMBER + 31 * DAY) -> list[Any]:
    """All that the reports of the months before a time say: rows, sums by either date, converted sums."""
    figures: list[Any] = []
    with world.database.read() as connection:
        for campaign in (CAMPAIGN, OTHER_CAMPAIGN):
            for period in (Period(*month) for month in months() if month[1] <= until):
                sold = sales.list_sales(connection, campaign, 100, None, period)
                figures += [replace(row, shop_id="", sale=row.sale._replace(refunds=())) for row in sold]
                figures.append(sales.sale_totals(connection, campaign, period))
                figures.append(sales.totals_by_refund_date(connection, campaign, period))
                figures.append(sales.converted_total(connection, campaign, "EUR", period))
    return figures


def later(world: World, campaign: str) -> Decimal:
    """What was refunded after closing, by the rows of a campaign."""
    with world.database.read() as connection:
        return sum((row.sale.refunded_later for row in sales.all_sales(connection, campaign)), Decimal(0))


def test_a_refund_of_a_closed_sale_counts_in_the_month_of_the_refund(world: World) -> None:
    world.order(bought("12.00", SOLD + DAY))
    world.close(OCTOBER)
    closed = reported(world, OCTOBER)
    for _ in range(2):
        world.order(bought("42.00", NOVEMBER + DAY))
        assert refunds(world) == {"September": "12.00", "November": "30.00"}
        assert refunds(world, CAMPAIGN) == {"September": "8.00", "November": "20.00"}
    assert reported(world, OCTOBER) == closed
    assert (later(world, CAMPAIGN), later(world, OTHER_CAMPAIGN)) == (Decimal("20.00"), Decimal("10.00"))
    assert verify_all(world.database, world.sealer).different == []


def test_a_refund_reported_too_late_counts_on_the_first_open_day(world: World) -> None:
    world.order(bought())
    world.close(OCTOBER)
    world.order(bought("60.00", SOLD + DAY))
    assert refunds(world) == {"October": "60.00"}
    with world.database.read() as connection:
        first_day = Period(OCTOBER, OCTOBER + DAY)
        assert sales.totals_by_refund_date(connection, CAMPAIGN, first_day)[0].refunded == Decimal("40.00")
    assert verify_all(world.database, world.sealer).different == []


def test_a_month_that_is_closed_later_keeps_these_refunds_too(world: World) -> None:
    world.order(bought())
    world.close(OCTOBER)
    world.order(bought("24.00", OCTOBER + DAY))
    world.close(NOVEMBER)
    closed = reported(world, NOVEMBER)
    assert refunds(world) == {"October": "24.00"}
    world.order(bought("36.00", OCTOBER + 2 * DAY))
    world.order(bought("60.00", DECEMBER))
    assert refunds(world) == {"October": "24.00", "November": "12.00", "December": "24.00"}
    assert reported(world, NOVEMBER) == closed
    assert verify_all(world.database, world.sealer).different == []


def test_a_refund_is_converted_at_the_rate_of_the_sale(world: World) -> None:
    world.order(bought(currency="USD"))
    world.close(OCTOBER)
    world.order(bought("24.00", OCTOBER + DAY, currency="USD"))
    world.order(bought("60.00", DECEMBER, currency="USD"))
    assert refunds(world) == {"October": "24.00", "December": "36.00"}
    kept = sa.select(schema.sales.c.line_id, schema.sales.c.click_id, schema.sales.c.converted)
    given = sa.select(
        schema.sale_refunds.c.line_id,
        schema.sale_refunds.c.click_id,
        sa.func.sum(schema.sale_refunds.c.converted),
    ).group_by(schema.sale_refunds.c.line_id, schema.sale_refunds.c.click_id)
    with world.database.read() as connection:
        assert sorted(connection.execute(kept).all()) == sorted(connection.execute(given).all())


def test_an_unpaid_order_of_a_closed_month_is_decided_by_the_current_settings(world: World) -> None:
    world.order(bought(paid=False))
    world.close(OCTOBER)
    world.policy(model="first")
    assert world.due(), "it waits for its money, and is not decided for good"
    world.reconcile()
    assert verify_all(world.database, world.sealer).different == []


def test_reporting_another_date_does_not_change_the_amount_of_a_closed_sale(world: World) -> None:
    """A late pixel hit or an API call may report a purchase date in another month."""
    world.order(bought())
    world.order(bought(id="O2", number="2", placed_at=OCTOBER + DAY))
    world.close(OCTOBER)
    closed = reported(world, OCTOBER)
    world.order(bought(at=OCTOBER, placed_at=OCTOBER + DAY))
    world.order(bought(id="O2", number="2", at=NOVEMBER))
    world.reconcile()
    assert reported(world, OCTOBER) == closed
    assert world.reasons() == {"O1": "email_match", "O2": "month_closed"}
    assert verify_all(world.database, world.sealer).different == []


@pytest.mark.parametrize(
    "change", [{"amount": schema.sale_refunds.c.amount + 1}, {"refunded_at": NOVEMBER + 9 * DAY}]
)
def test_a_manipulated_refund_is_detected_and_corrected(world: World, change: dict[str, Any]) -> None:
    world.order(bought("10.00", SOLD + DAY))
    world.close(OCTOBER)
    world.order(bought("40.00", NOVEMBER + DAY))
    world.reconcile()
    right = reported(world)
    found = verify_all(world.database, world.sealer)
    assert (found.orders, found.closed, found.different) == (0, 1, [])
    with world.database.write() as connection:
        its = schema.sale_refunds.c.refunded_at >= OCTOBER, schema.sale_refunds.c.line_id == "L1"
        connection.execute(sa.update(schema.sale_refunds).where(*its).values(**change))
    line, *its_sums = verify_all(world.database, world.sealer).different
    assert line.startswith("order 1042 (O1): sales are ")
    assert {one.partition(" ")[0] for one in its_sums} <= {"sale_sums", "campaign_sums"}
    assert rebuild_all(world.database, world.sealer).closed == 1
    assert verify_all(world.database, world.sealer).different == []
    assert reported(world) == right


def life(chance: random.Random) -> list[Order]:
    """What a shop may report about an order with shipping from September to December."""
    whole: dict[str, Any] = {"total": Decimal("66.05"), "shipping": Decimal("6.05")}
    snapshots, refunded = [bought(**whole)], 0
    for at in sorted(SOLD + chance.randrange(1, 80 * 24) * HOUR for _ in range(6)):
        refunded = max(0, min(6605, refunded + chance.choice([0, 1, 250, 1001, 3333, -700])))
        split = chance.choice([None, Decimal(refunded) / 300])
        lines = tuple(replace(line, refunded=split) for line in bought().lines)
        snapshots.append(bought(f"{refunded / 100:.2f}", at, lines=lines, **whole))
    return snapshots


def happen(world: World, event: Order | datetime) -> None:
    """An order is reported, or everything before a time is closed."""
    if isinstance(event, Order):
        world.order(event)
    else:
        world.close(event)


@costly(2)
@given(seed=st.integers(0, 2**32))
def test_no_event_changes_a_closed_report_and_everything_verifies(
    tmp_path: Path, sqlite_template: Path, sealer: ClickSealer, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    account = chance.choice([{}, {"tax": "net"}, {"shipping": "included"}])
    first, second = [
        shop(copy_template(sqlite_template, tmp_path / name), sealer, **account) for name in ("one", "other")
    ]
    orders = [
        replace(one, id=f"O{n}", number=f"{n}", currency=currency)
        for n, currency in enumerate(("EUR", "USD", "JPY"))
        for one in life(chance)
    ]
    chance.shuffle(orders)
    events: list[Order | datetime] = [*orders]
    for at, month in zip(sorted(chance.sample(range(len(events)), 2)), (OCTOBER, NOVEMBER), strict=True):
        events.insert(at, month)
    closed: dict[datetime, list[Any]] = {}
    for event in events:
        happen(first, event)
        first.reconcile()
        assert verify_all(first.database, sealer).different == []
        assert {month: reported(first, month) for month in closed} == closed
        if before := first.closed_before():
            closed.setdefault(before, reported(first, before))
    assert set(closed) == {OCTOBER, NOVEMBER}

    # Another one saw the same until the last closing, and the rest in another sequence and twice.
    last_closing = events.index(NOVEMBER) + 1
    rest = events[last_closing:] * 2
    chance.shuffle(rest)
    for event in [*events[:last_closing], *rest]:
        happen(second, event)
    second.reconcile()
    assert reported(second) == reported(first)
    with first.database.read() as connection:
        for campaign in (CAMPAIGN, OTHER_CAMPAIGN):
            by_date = sales.totals_by_refund_date(connection, campaign)
            assert sum(total.refunded for total in by_date) == later(first, campaign) + sum(
                total.refunded for total in sales.sale_totals(connection, campaign)
            )
    for world in (first, second):
        world.database.close()
