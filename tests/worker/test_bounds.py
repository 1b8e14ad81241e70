"""Every accepted order can be stored, decided and reported, on every database."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from salepixel.clicks.records import ClickRecord, HitRecord
from salepixel.clicks.tokens import ClickSealer
from salepixel.money.amounts import MAX_AMOUNT
from salepixel.orders import queue
from salepixel.orders import store as orders
from salepixel.orders.bounds import MAX_REFERENCE_BYTES, OutOfBounds, check_order
from salepixel.orders.deliveries import list_rejections
from salepixel.orders.order import Order, OrderLine
from salepixel.orders.requeue import requeue_account
from salepixel.report import activity, sales
from salepixel.report.coverage import coverage_by_day, seen_by_browser, seen_by_payment
from salepixel.report.periods import ALWAYS
from salepixel.shops import pixel_hits
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums.check import rebuild_sums
from salepixel_worker import fold
from tests.databases import empty
from tests.examples import costly
from tests.make import CAMPAIGN, NOON, click_at, order
from tests.worker.test_fold import ship
from tests.worker.world import HOUR, NO_SIGNAL, World

# Random, because PostgreSQL packs what repeats itself before it measures it.
_RANDOM = random.Random(1)  # noqa: S311
LONG = "".join(chr(_RANDOM.randrange(0x4E00, 0x9FFF)) for _ in range(MAX_REFERENCE_BYTES // 3))
MOST = MAX_AMOUNT - Decimal("0.01")
FIRST = datetime(2000, 1, 1, tzinfo=UTC)

references = st.sampled_from(["", "A", LONG, LONG[::-1]])
amounts = st.one_of(
    st.sampled_from([Decimal(0), Decimal("0.0001"), MOST, MAX_AMOUNT / 3, Decimal("999999999999.994")]),
    st.decimals(min_value=0, max_value=MAX_AMOUNT, places=4),
)
at = st.one_of(
    st.sampled_from([FIRST, FIRST + timedelta(days=1), NOON, NOON + timedelta(days=1)]),
    st.integers(-366, 9500).map(lambda days: FIRST + timedelta(days)),
)
lines = st.builds(
    OrderLine,
    id=references.filter(bool),
    item=st.text(max_size=5),
    quantity=st.sampled_from([Decimal(0), Decimal("0.001"), Decimal(1), Decimal(10**9)]),
    amount=amounts,
    sku=references,
    net=st.none() | amounts,
    refunded=st.none() | amounts,
    granted=amounts,
)
some_orders = st.builds(
    Order,
    id=references.filter(bool),
    number=references.filter(bool),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "USD", "TRY"]),
    placed_at=at,
    updated_at=at,
    issued_at=at,
    total=amounts,
    refunded=amounts,
    paid=st.just(True),
    cancelled=st.booleans(),
    lines=st.lists(lines, max_size=3, unique_by=lambda line: line.id).map(tuple),
    shipping=amounts,
    shipping_net=st.none() | amounts,
    shipping_refunded=st.none() | amounts,
    deducted=amounts,
    voucher=references,
    customer=references,
    utm_campaign=references,
    charged=st.none() | amounts,
    covers=st.none() | amounts,
    by_gift_card=amounts,
    replaces=st.none() | references,
    shipping_granted=amounts,
)


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    world = World(database, sealer)
    world.connect()
    return world


@costly(10)
@given(bought=some_orders, model=st.sampled_from(["last", "linear"]))
def test_an_order_within_bounds_can_be_decided_and_reported(
    database: Database, sealer: ClickSealer, bought: Order, model: str
) -> None:
    empty(database)
    world = World(database, sealer, tax="net", shipping="included")
    world.connect()
    clicked = click_at(bought.placed_at - HOUR, LONG[:200])
    bought = replace(bought, click_token=world.sealer.seal(clicked))
    try:
        check_order(bought, NOON)
    except OutOfBounds:
        return
    world.policy(model=model)
    world.click(clicked)
    world.order(bought)
    world.reconcile()
    with world.database.read() as connection:
        assert [one.last_error for one in queue.list_failed(connection, None, 9)] == []
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.decisions)) == 1
    see_everything(world)


def see_everything(world: World) -> None:
    """All that pages and calls read of sales."""
    with world.database.read() as connection:
        rows = [row.sale for row in sales.all_sales(connection, CAMPAIGN)]
        found = sales.sale_totals(connection, CAMPAIGN)
        for total in found:
            its = [row for row in rows if row.currency == total.currency]
            assert total.gross == sum(row.amount for row in its)
            assert total.refunded == sum(row.refunded for row in its)
            assert total.quantity == sum(row.quantity for row in its)
        sales.totals_by_refund_date(connection, CAMPAIGN)
        sales.converted_total(connection, CAMPAIGN, "EUR")
        coverage_by_day(connection, 1, ALWAYS)
        seen_by_browser(connection, 1, ALWAYS)
        seen_by_payment(connection, 1, ALWAYS)
        activity.contact_activity(connection, CAMPAIGN, 100, None)


def test_sums_beyond_64_bits_are_exact(world: World) -> None:
    clicked = click_at(NOON - HOUR)
    world.click(clicked)
    bought = order(
        total=MOST,
        refunded=MOST,
        lines=(OrderLine("1", "Gold", Decimal(10**9), MOST),),
        click_token=world.sealer.seal(clicked),
    )
    world.order(bought)
    world.reconcile()
    many = 10_000  # 10**19 thousandths, of dinars and of items
    with world.database.write() as connection:
        row = connection.execute(sa.select(schema.sales)).mappings().one()
        most = {"quantity": Decimal(10**12), "amount": 10**15 - 1, "refunded": 10**15 - 1, "currency": "KWD"}
        connection.execute(
            sa.insert(schema.sales), [{**row, **most, "order_id": f"O{n}x"} for n in range(many)]
        )
    rebuild_sums(world.database)
    with world.database.read() as connection:
        euros, dinars = sales.sale_totals(connection, CAMPAIGN)
    assert (euros.gross, euros.quantity) == (MOST, Decimal(10**9))
    assert dinars.gross == dinars.refunded == many * (10**15 - 1) * Decimal("0.001")
    assert dinars.quantity == many * 10**12
    see_everything(world)


def hit(query: str, serial: int, sealer: ClickSealer, when: datetime = NOON) -> HitRecord:
    token = sealer.seal(click_at(NOON - HOUR))
    return HitRecord(click_at(when, serial=serial).id, 1, f"empId=1&{query}", token, "", False)


def rejected(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {
            reason: count for _, source, reason, count in list_rejections(connection, 9) if source == "pixel"
        }


PIXEL_AMOUNTS = st.one_of(
    st.sampled_from(["999999999999.9999", "999999999999.49", "999999999999", "1", "0", "1e99", "-1"]),
    st.text(st.sampled_from("0123456789.,-e€ "), max_size=18),
)


@costly(10)
@given(
    reported=st.lists(
        st.tuples(
            PIXEL_AMOUNTS,
            st.sampled_from(["1", "2"]),
            st.sampled_from(["", "&MONEDA=JPY", "&MONEDA=KWD"]),
            st.sampled_from(["1", "1000000", "0.5"]),
        ),
        max_size=5,
    ),
    one_sale=st.booleans(),
)
def test_any_pixel_hit_can_be_decided(
    database: Database,
    sealer: ClickSealer,
    redis: Redis,
    reported: list[tuple[str, str, str, str]],
    one_sale: bool,
) -> None:
    empty(database)
    world = World(database, sealer, pixel_amount="order" if one_sale else "line")
    world.click(click_at(NOON - HOUR))
    for n, (amount, number, currency, quantity) in enumerate(reported):
        world.hit(
            f"PEDIDO={number}&IMPORTE={amount}&PRODUCTO=p{n}{currency}&CANTIDAD={quantity}",
            click_at(NOON - HOUR),
            n,
        )
    with database.write() as connection:
        # The other way of reading amounts, chosen later, makes no order that cannot be decided.
        changed = {"pixel_amount": "line" if one_sale else "order"}
        connection.execute(sa.update(schema.accounts).values(changed))
        requeue_account(connection, 1)
    world.reconcile()
    with database.read() as connection:
        assert [one.last_error for one in queue.list_failed(connection, None, 9)] == []
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.due)) == 0
    see_everything(world)


@pytest.mark.parametrize(
    ("queries", "reason"),
    [
        (["PEDIDO=1&PRODUCTO=a&IMPORTE=999999999999", "PEDIDO=1&PRODUCTO=b&IMPORTE=1"], "bad_amount"),
        ([f"PEDIDO=1&PRODUCTO={n}&IMPORTE=1" for n in range(4)], "too_many_hits"),
    ],
)
def test_a_hit_that_would_make_an_order_beyond_the_limits_is_ignored(
    database: Database,
    sealer: ClickSealer,
    queries: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pixel_hits, "MAX_HITS", 3)
    world = World(database, sealer)
    click = click_at(NOON - HOUR)
    world.click(click)
    for n, query in enumerate(queries):
        world.hit(query, click, n)
    world.hit(queries[-1], click, len(queries) - 1)  # shipped again
    assert len(world.report()) == len(queries) - 1
    assert rejected(database)[reason] >= 1
    with database.read() as connection:
        ignored = connection.scalars(sa.select(schema.hits.c.ignored).order_by(schema.hits.c.id)).all()
    assert list(ignored) == [""] * (len(queries) - 1) + [reason]


def test_a_hit_with_a_wrong_time_creates_no_order(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    for n, when in enumerate((datetime(1970, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=39))):
        with database.write() as connection:
            pixel_hits.store_pixel_hit(connection, sealer, hit(f"PEDIDO={n}&IMPORTE=1", n, sealer, when))
    assert rejected(database) == {"bad_time": 2}
    assert world.report() == []


def test_an_unstorable_hit_does_not_stop_its_journal(
    database: Database, sealer: ClickSealer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(database, sealer)
    store = pixel_hits.store_pixel_hit

    def fail(connection: sa.Connection, *rest: Any) -> None:
        store(connection, *rest)
        if "PEDIDO=2" in rest[-1].query:
            connection.execute(sa.text("SELECT no_such_column"))

    monkeypatch.setattr(fold, "store_pixel_hit", fail)
    records = [hit(f"PEDIDO={n}&IMPORTE=1", n, sealer) for n in (1, 2, 3)]
    ship(redis, 1, [*records, ClickRecord(click_at(NOON - HOUR), NO_SIGNAL, "Firefox")])
    assert fold.fold_all(database, redis, sealer, 5) == 4
    assert [row[0] for row in world.report()] == ["1", "3"]
    assert rejected(database) == {"unstorable": 1}


def test_an_order_with_the_longest_references_is_found_by_each_of_them(world: World) -> None:
    clicked = click_at(NOON - HOUR)
    world.click(clicked)
    bought = order(
        id=LONG,
        number=LONG[::-1],
        customer=LONG,
        utm_campaign=LONG,
        voucher=LONG,
        lines=(OrderLine(LONG, "Shoes", Decimal(1), Decimal(1), LONG),),
        click_token=world.sealer.seal(clicked),
    )
    world.order(check_order(bought, NOON))
    assert len(world.report()) == 1
    with world.database.read() as connection:
        shop_id = connection.execute(sa.select(schema.shops.c.id)).scalar_one()
        for name in (LONG, LONG[::-1]):
            assert orders.find_order(connection, shop_id, name) is not None
