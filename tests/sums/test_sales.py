"""Sums of sales, items, buyers and decisions are those of the rows, whatever happens; on both databases."""

import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.policy import Model
from salepixel.accounts.store import change_account
from salepixel.attribution.policies import close_months
from salepixel.attribution.reconcile import reconcile_order
from salepixel.campaigns import store as campaigns
from salepixel.clicks.tokens import Click, ClickSealer, Signal
from salepixel.money.amounts import Rate
from salepixel.money.rates import Rates
from salepixel.orders.requeue import requeue_account
from salepixel.report import sales as report
from salepixel.report.periods import Period
from salepixel.report.totals import converted, totals
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.storage.schema import buyers
from salepixel.sums import buyers as buyer_sums
from salepixel.sums import (
    decisions,
    delays,
    item_days,
    items,
    links,
    outcomes,
    parts,
    returning,
    revenue,
    sales,
    sold,
)
from salepixel.sums.check import find_wrong_sums, rebuild_sums
from salepixel.sums.kept import Cells, KeptSum
from salepixel.sums.sales import Sold
from salepixel_worker.sweep import reconcile_due
from tests.databases import empty
from tests.examples import costly
from tests.make import CAMPAIGN, LINK, NOON, OTHER_LINK, click_at, order
from tests.waiting import PATIENCE_SECONDS
from tests.worker.world import HOUR, World

DAY = timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)
WINTER, WINTERS_LINK = "0000000000c2", "0000000000b1"
CAMPAIGNS = (CAMPAIGN, WINTER)
CLICKS = [
    Click(click_at(NOON - hours * HOUR, serial=hours).id, 1, campaign, link, contact)
    for hours, (campaign, link, contact) in enumerate(
        [
            (CAMPAIGN, LINK, "ana"),
            (CAMPAIGN, LINK, "bo"),
            (WINTER, WINTERS_LINK, "ana"),
            (CAMPAIGN, OTHER_LINK, "ana"),
            (WINTER, WINTERS_LINK, ""),
        ],
        1,
    )
]


def shop(database: Database, sealer: ClickSealer, model: str = "linear") -> World:
    """An account with two campaigns, whose three links ana clicked: an order of hers has sales of all."""
    world = World(database, sealer, model=model)
    world.connect(NOON - 99 * DAY)
    with database.write() as connection:
        campaign = campaigns.get_campaign(connection, CAMPAIGN)
        assert campaign is not None
        for link in (LINK, OTHER_LINK):
            campaigns.switch_link(connection, campaign, link, True)
        campaigns.add_campaign(
            connection,
            campaigns.Campaign(WINTER, 1, "Winter", "plain", NOON - 99 * DAY),
            [campaigns.CampaignLink(WINTERS_LINK, "https://shop.test/", "Hero", True)],
        )
    return world


def cells(database: Database, kept: KeptSum) -> Cells:
    """What a table has, without cells of zeros."""
    key = [kept.table.c[name] for name in kept.key]
    measures = [sa.func.sum(kept.table.c[name]) for name in kept.measures]
    with database.read() as connection:
        rows = connection.execute(sa.select(*key, *measures).group_by(*key)).all()
    found = {tuple(row[: len(key)]): tuple(map(int, row[len(key) :])) for row in rows}
    return {its_key: its for its_key, its in found.items() if any(its)}


def check(database: Database) -> None:
    """Sums equal their definition in SQL, and what is counted here of the rows."""
    with database.read() as connection:
        assert find_wrong_sums(connection) == []
        rows = connection.execute(sa.select(schema.sales)).mappings().all()
        refunds = connection.execute(sa.select(schema.sale_refunds)).mappings().all()
        decided = connection.execute(sa.select(schema.decisions)).mappings().all()
    by_all = sales.sums_of(Sold(rows, refunds))
    buyer_is = {(row["shop_id"], row["order_id"]): row["buyer_is"] for row in decided}
    must = {
        sales.SUM: by_all,
        sales.BY_CAMPAIGN: sales.by_campaign(by_all),
        items.SUM: items.sums_of(rows),
        items.BY_ACCOUNT: items.sums_of(rows, "emp_id"),
        item_days.SUM: item_days.sums_of(rows),
        buyer_sums.SUM: buyer_sums.sums_of(rows),
        decisions.SUM: decisions.sums_of(decided),
        decisions.SEEN: decisions.seen_cells(decided),
        delays.SUM: delays.sums_of(decided),
        revenue.SUM: revenue.sums_of(decided),
        outcomes.SUM: outcomes.sums_of(decided),
        parts.SUM: parts.sums_of(by_all),
        returning.SUM: returning.sums_of((row, buyer_is[row["shop_id"], row["order_id"]]) for row in rows),
    }
    for kept, its in must.items():
        assert cells(database, kept) == {key: tuple(one) for key, one in its.items() if any(one)}
    with database.read() as connection:
        for campaign in CAMPAIGNS:
            its_rows = [row.sale for row in report.all_sales(connection, campaign)]
            assert report.sale_totals(connection, campaign) == totals(its_rows)
            of_buyers = Counter[str]()
            for row in returning.orders_by_buyer(connection, campaign, (None, None)):
                of_buyers[row.currency] += row.orders
            assert of_buyers == {total.currency: total.orders for total in totals(its_rows)}
            assert report.converted_total(connection, campaign, "EUR") == converted(its_rows, "EUR")
            its_buyers = {sale.contact for sale in its_rows if sale.contact}
            its_totals = links.totals_of_campaigns(connection, [campaign]).get(campaign, links.NOTHING)
            assert its_totals.buyers == len(its_buyers)
            orders = {(sale.order, sale.link) for sale in its_rows}
            assert parts.orders_by_link(connection, campaign) == Counter(link for _, link in orders)
            orders = {(sale.order, str(sale.evidence)) for sale in its_rows}
            assert parts.orders_by_evidence(connection, campaign) == Counter(rung for _, rung in orders)


def test_an_order_of_several_links_counts_once_in_its_campaign_and_once_for_each_link(
    database: Database, sealer: ClickSealer
) -> None:
    world = shop(database, sealer)
    for click in CLICKS:
        world.click(click)
    world.order(order(click_token=sealer.seal(CLICKS[0]), refunded=Decimal("10.00")))
    world.reconcile()
    with database.read() as connection:
        assert report.sale_totals(connection, CAMPAIGN)[0].orders == 1
        assert parts.orders_by_link(connection, CAMPAIGN) == {LINK: 1, OTHER_LINK: 1}
        assert parts.orders_by_evidence(connection, CAMPAIGN) == {"token": 1}
        assert buyer_sums.orders_by_contact(connection, CAMPAIGN, ["ana", "bo"]) == {"ana": 1}
        assert buyer_sums.net_by_contact(connection, WINTER, ["ana"]) == {"ana": {"EUR": Decimal("16.60")}}
    check(database)


def test_a_buyer_whose_only_order_is_another_ones_now_is_none(
    database: Database, sealer: ClickSealer
) -> None:
    world = shop(database, sealer, model="last")
    for click in CLICKS[:2]:
        world.click(click)
    world.order(order(click_token=sealer.seal(CLICKS[0])))
    world.reconcile()
    world.order(order(click_token=sealer.seal(CLICKS[1]), updated_at=NOON + HOUR))
    world.reconcile()
    with database.read() as connection:
        assert set(connection.scalars(sa.select(buyers.c.contact))) == {"bo"}
        assert links.totals_of_campaigns(connection, CAMPAIGNS)[CAMPAIGN].buyers == 1
    check(database)


SPOILT = {
    kept.table.name: kept
    for kept in (
        *(sales.SUM, sales.BY_CAMPAIGN, items.SUM, items.BY_ACCOUNT, item_days.SUM, buyer_sums.SUM),
        *(decisions.SUM, decisions.SEEN, delays.SUM, revenue.SUM, outcomes.SUM, parts.SUM, returning.SUM),
    )
}


def test_a_spoilt_sum_is_found_and_rebuilt(database: Database, sealer: ClickSealer) -> None:
    world = shop(database, sealer)
    for click in CLICKS:
        world.click(click, Signal.SAFARI)
    world.order(order(click_token=sealer.seal(CLICKS[0]), refunded=Decimal("10.00"), payment="PayPal"))
    world.reconcile()
    right = {name: cells(database, kept) for name, kept in SPOILT.items()}
    assert all(right.values())
    for name, kept in SPOILT.items():
        measure = kept.table.c[kept.measures[-1]]
        for spoil in (sa.update(kept.table).values({measure: measure + 1}), sa.delete(kept.table)):
            with database.write() as connection:
                connection.execute(spoil)
                wrong = find_wrong_sums(connection)
            follows = {"link_sums"} if name == "buyers" and spoil.is_delete else set()
            assert {line.partition(" (")[0] for line in wrong} == {name, *follows}
            rebuild_sums(database)
            assert {other: cells(database, one) for other, one in SPOILT.items()} == right
            check(database)


class OtherRates(Rates):
    """Rates of another bank."""

    def rate(self, currency: str, into: str, day: date) -> Rate | None:
        return None if currency == "JPY" else Rate(into, Decimal("1.5"), day)


OTHER_RATES, OWN_RATES = OtherRates(), Rates()


@dataclass(frozen=True)
class Bought:
    """What a shop reports of an order: when it was placed and how far it is, in days after the first."""

    number: int
    days: int
    version: int
    currency: str
    refunded: int
    click: int | None
    state: str
    email: str | None


@dataclass(frozen=True)
class Clicked:
    which: int


@dataclass(frozen=True)
class Hit:
    number: int


@dataclass(frozen=True)
class Settings:
    model: str


@dataclass(frozen=True)
class Terms:
    tax: str
    shipping: str


@dataclass(frozen=True)
class Close:
    days: int


@dataclass(frozen=True)
class Reconcile:
    """Some of the orders that are due, or all; `end`: the transaction is lost, or its savepoint undone."""

    many: int
    end: str
    rates: Rates = OWN_RATES


Step = Bought | Clicked | Hit | Settings | Terms | Close | Reconcile

BOUGHT = st.builds(
    Bought,
    number=st.integers(1, 3),
    days=st.integers(0, 1),
    version=st.integers(0, 4),
    currency=st.sampled_from(["EUR", "EUR", "USD", "JPY"]),
    refunded=st.sampled_from([0, 0, 7, 59]),
    click=st.sampled_from([None, 0, 1, 2, 3, 4]),
    state=st.sampled_from(["paid", "paid", "paid", "unpaid", "cancelled", "healed"]),
    email=st.sampled_from([None, "of-ana", "of-ana", "of-bo"]),
)
RECONCILE = st.builds(
    Reconcile,
    st.sampled_from([1, 9, 9]),
    st.sampled_from(["done", "done", "twice", "lost", "undone"]),
    st.sampled_from([OWN_RATES, OWN_RATES, OTHER_RATES]),
)
STEP = st.one_of(
    BOUGHT,
    st.builds(Clicked, st.integers(0, 4)),
    st.builds(Hit, st.integers(1, 3)),
    st.builds(Settings, st.sampled_from([str(model) for model in Model])),
    st.builds(Terms, st.sampled_from(["gross", "net"]), st.sampled_from(["excluded", "included"])),
    st.builds(Close, st.integers(1, 3)),
)
# Reconciled after most steps, or there is little to replace.
STEPS = st.lists(st.tuples(STEP, RECONCILE), min_size=3, max_size=12)


def take(world: World, step: Step, serial: int) -> None:
    match step:
        case Bought():
            placed = NOON + step.days * DAY
            bought = order(
                id=f"O{step.number}",
                number=f"{step.number}",
                currency=step.currency,
                placed_at=placed,
                updated_at=placed + step.version * DAY,
                issued_at=placed + step.version * DAY + serial * timedelta(seconds=1),
                refunded=Decimal(step.refunded),
                paid=step.state != "unpaid",
                cancelled=step.state == "cancelled",
                payment=step.currency,
                email_hash=step.email,
                click_token=None if step.click is None else world.sealer.seal(CLICKS[step.click]),
            )
            world.order(bought, healed_at=placed if step.state == "healed" else None)
        case Clicked(which):
            world.click(CLICKS[which], [Signal.SAFARI, Signal(0), Signal.CHROMIUM][which % 3])
        case Hit(number):
            world.hit(f"order={number}", CLICKS[number], serial)
        case Settings(model):
            world.policy(model=model)
        case Terms(tax, shipping):
            with world.database.write() as connection:
                change_account(connection, 1, {"tax": tax, "shipping": shipping})
                requeue_account(connection, 1)
        case Close(days):
            with world.database.write() as connection:
                close_months(connection, 1, MIDNIGHT + days * DAY)
        case Reconcile():
            reconcile(world, step)


def reconcile(world: World, step: Reconcile) -> None:
    def decide(connection: sa.Connection) -> None:
        for this in due:
            reconcile_order(connection, world.sealer, *this, step.rates)

    due = world.due()[: step.many]
    with suppress(ZeroDivisionError), world.database.write() as connection:
        if step.end == "undone":
            with connection.begin_nested() as savepoint:
                decide(connection)
                savepoint.rollback()
        decide(connection)
        if step.end == "twice":
            decide(connection)
        _ = 1 / (step.end != "lost")


def always_equal(database: Database, sealer: ClickSealer, steps: Sequence[tuple[Step, Step]]) -> None:
    empty(database)
    world = shop(database, sealer)
    for serial, (step, then) in enumerate(steps):
        take(world, step, serial)
        take(world, then, serial)
    check(database)
    world.reconcile()
    check(database)


@costly(16)
@given(STEPS)
def test_sums_always_equal_the_rows(
    sqlite: Database, sealer: ClickSealer, steps: Sequence[tuple[Step, Step]]
) -> None:
    always_equal(sqlite, sealer, steps)


@costly(6)
@given(STEPS)
def test_sums_always_equal_the_rows_on_postgresql(
    postgresql_database: Database, sealer: ClickSealer, steps: Sequence[tuple[Step, Step]]
) -> None:
    always_equal(postgresql_database, sealer, steps)


def an_order(number: int, contact: str, campaign: str = CAMPAIGN) -> Sold:
    """The rows of an order with one sale of 0.10 EUR."""
    row = {
        "shop_id": "s1",
        "order_id": f"O{number}",
        "line_id": "L1",
        "emp_id": 1,
        "click_id": b"1",
        "campaign_id": campaign,
        "link_id": LINK,
        "contact": contact,
        "item": "Shoes",
        "sku": None,
        "quantity": Decimal(1),
        "amount": 10,
        "refunded": 0,
        "currency": "EUR",
        "purchased_at": NOON,
        "evidence": "token",
        "converted": None,
        "converted_refunded": None,
        "converted_currency": None,
    }
    return Sold([row])


NOTHING = Sold()


def test_writers_of_different_buyers_do_not_wait_for_each_other(postgresql_database: Database) -> None:
    with postgresql_database.write() as one:
        sold.add(one, NOTHING, an_order(1, "ana"))
        with postgresql_database.write() as other:
            other.exec_driver_sql("SET LOCAL lock_timeout = 1")
            sold.add(other, NOTHING, an_order(2, "bo"))
    with postgresql_database.read() as connection:
        assert set(connection.scalars(sa.select(schema.sale_sums.c.slot))) == {0, 1}
        (total,) = report.sale_totals(connection, CAMPAIGN)
        assert (total.orders, total.gross) == (2, Decimal("0.20"))


def test_writers_of_the_same_buyers_lose_nothing(postgresql_database: Database) -> None:
    """Each of four workers writes orders of both contacts, and takes every second one back."""

    def work(first: int) -> None:
        for number in range(first, 80, 4):
            its = an_order(number, ["ana", "bo"][number % 2])
            with postgresql_database.write() as connection:
                sold.add(connection, NOTHING, its)
            if number % 8 > 3:
                with postgresql_database.write() as connection:
                    sold.add(connection, its, NOTHING)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
    assert not any(worker.is_alive() for worker in workers)
    with postgresql_database.read() as connection:
        orders = buyer_sums.orders_by_contact(connection, CAMPAIGN, ["ana", "bo"])
        (total,) = report.sale_totals(connection, CAMPAIGN)
        assert links.totals_of_campaigns(connection, [CAMPAIGN])[CAMPAIGN].buyers == 2
    assert orders == {"ana": 20, "bo": 20}
    assert (total.orders, total.gross) == (40, Decimal("4.00"))


def test_workers_that_decide_the_same_orders_keep_the_sums_exact(
    postgresql_database: Database, sealer: ClickSealer
) -> None:
    """Orders change hands, money and currency while three workers decide them."""
    world = shop(postgresql_database, sealer)
    for click in CLICKS:
        world.click(click, Signal.SAFARI)

    def work() -> None:
        for _ in range(8):
            while reconcile_due(postgresql_database, sealer, 100):
                pass

    for version in range(4):
        for number in range(6):
            its_click = CLICKS[(number + version) % len(CLICKS)]
            bought = order(
                id=f"O{number}",
                number=f"{number}",
                currency=["EUR", "USD"][version % 2],
                updated_at=NOON + version * DAY,
                refunded=Decimal(7 * version),
                click_token=sealer.seal(its_click),
            )
            world.order(bought)
        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENCE_SECONDS)
        assert not any(worker.is_alive() for worker in workers)
        check(postgresql_database)


def test_large_sums_are_exact(database: Database) -> None:
    large = 10**16 - 1
    ship = {"amount": large, "refunded": large, "converted": large, "quantity": Decimal(10**12)}
    with database.write() as connection:
        for batch in range(10):
            rows = [
                {**row, **ship, "currency": "CLF", "converted_currency": "EUR"}
                for n in range(200)
                for row in an_order(1000 * batch + n, "ana").sales
            ]
            sold.add(connection, NOTHING, Sold(rows))
        (total,) = report.sale_totals(connection, CAMPAIGN)
        in_euro = report.converted_total(connection, CAMPAIGN, "EUR")
        net = buyer_sums.net_by_contact(connection, CAMPAIGN, ["ana"])
    assert (total.orders, total.gross) == (2000, 2000 * Decimal(large).scaleb(-4))
    assert total.quantity == 2000 * 10**12
    assert 2000 * large > 2**64
    assert in_euro.gross == 2000 * Decimal(large).scaleb(-2)
    assert net == {"ana": {"CLF": Decimal(0)}}


def test_a_period_that_is_not_of_whole_days_is_refused(database: Database) -> None:
    with database.read() as connection, pytest.raises(ValueError, match="not the start of a day"):
        report.sale_totals(connection, CAMPAIGN, Period(NOON))
