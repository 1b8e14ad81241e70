"""The recorded deliveries give, to the cent, the sums of the orders that the shop had in the end."""

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.policy import Policy, Terms
from salepixel.attribution.decide import decide
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import Sale, sale_rows
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.money.rates import SHIPPED
from salepixel.orders import refunds
from salepixel.orders import store as orders
from salepixel.orders.order import Order
from salepixel.orders.sold import refunded_by_line, sold_lines
from salepixel.report import sales
from salepixel.report.totals import converted, totals
from salepixel.shops.shop import Shop
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel_worker.sweep import reconcile_due
from tests.examples import costly
from tests.make import CAMPAIGN, click_at
from tests.plugin.saleor import captures
from tests.plugin.saleor.conftest import Plugin, mail_buyers

FINAL = captures.final_orders()
REFUNDED = "T3JkZXI6OWViZDlkODQtZGZmZS00NTE1LTlkNGQtNTUzYmM4YWQwYzVk"
TERMS = [Terms(tax, shipping) for tax in ("gross", "net") for shipping in ("excluded", "included")]
Sums = dict[str, tuple[Decimal, Decimal]]
"""Sold and refunded by currency."""


def truth(terms: Terms, sale_when: str = "paid") -> Sums:
    """The sums of the shop's own orders, read from their JSON without our code."""
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for order in FINAL.values():
        gone = (
            order["status"] == "CANCELED"
            or order["totalRefunded"]["amount"] == order["total"]["gross"]["amount"]
        )
        paid = order["isPaid"] or order["totalRefunded"]["amount"] > 0
        if not paid and sale_when == "paid":
            continue
        whole = order["total"] if terms.shipping == "included" else order["subtotal"]
        amount = whole[terms.tax]["amount"]
        sums[whole["currency"]][0] += amount
        sums[whole["currency"]][1] += amount if gone else 0
    return {currency: (sold, refunded) for currency, (sold, refunded) in sums.items()}


def test_the_recorded_orders_have_known_sums() -> None:
    assert truth(Terms()) == {
        "USD": (Decimal("559.66"), Decimal("126.66")),
        "PLN": (Decimal("480.00"), Decimal("0")),
    }


def sums_of(rows: Iterable[Sale]) -> Sums:
    return {total.currency: (total.gross, total.refunded) for total in totals(rows)}


@pytest.mark.parametrize("sale_when", ["paid", "placed"])
@pytest.mark.parametrize("seed", range(4))
def test_any_replay_gives_the_sums_of_the_shop(
    plugin: Plugin, captured_shop: Shop, sealer: ClickSealer, keys: Keys, seed: int, sale_when: str
) -> None:
    terms = TERMS[seed]
    mail_buyers(plugin, keys, tax=terms.tax, shipping=terms.shipping, sale_when=sale_when)
    sequence = [captures.SIGNED, captures.SIGNED[::-1], captures.SIGNED * 2, captures.SIGNED * 2][seed]
    if seed == 3:
        sequence = random.Random(seed).sample(sequence, len(sequence))  # noqa: S311  # not a secret
    for index, captured in enumerate(sequence):
        plugin.client.post("/saleor/webhooks", data=captured.body, headers=captured.headers)
        if index % 7 == 0:
            reconcile_due(plugin.database, sealer, 100)
    while reconcile_due(plugin.database, sealer, 100):
        pass
    with plugin.database.read() as connection:
        rows = [row.sale for row in sales.all_sales(connection, CAMPAIGN)]
        assert sums_of(rows) == truth(terms, sale_when)
        assert sales.sale_totals(connection, CAMPAIGN) == totals(rows)
        assert sales.totals_by_refund_date(connection, CAMPAIGN) == totals(rows)
        assert sales.converted_total(connection, CAMPAIGN, "USD") == converted(rows, "USD")
    rate = SHIPPED.rate("PLN", "USD", at("10:02:36").date())
    assert {row.rate for row in rows if row.currency == "PLN"} == {rate}
    in_between = [
        (row.currency, refund.amount)
        for row in rows
        for refund in row.refunds
        if at("09:53:59") <= refund.at < at("09:54:01")
    ]
    assert {currency for currency, _ in in_between} == {"USD"}
    if terms.shipping == "included":
        refunded = sum(amount for _, amount in in_between)
        assert refunded == {"gross": Decimal("47.50"), "net": Decimal("43.88")}[terms.tax]
    cancelled = [row for row in rows if row.status == "cancelled"]
    assert {row.refunded_at for row in cancelled} == (
        {at("09:54:10.428707")} if sale_when == "placed" else set()
    )


def at(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T{time}").replace(tzinfo=UTC)


def test_each_refund_counts_on_its_day(sqlite: Database) -> None:
    rows = report_of(sqlite, captures.ORDERS, Terms(shipping="included"))
    by_time: dict[datetime, Decimal] = defaultdict(Decimal)
    for row in rows:
        for refund in row.refunds:
            by_time[refund.at] += refund.amount
    assert by_time == {
        at("09:53:56.350138"): Decimal("12.50"),
        at("09:53:59.697651"): Decimal("47.50"),
        at("09:54:03.022626"): Decimal("138.31"),
    }


@costly(5)
@given(st.data(), st.sampled_from(TERMS), st.sampled_from(["paid", "placed"]))
def test_deliveries_may_arrive_shuffled_twice_and_late(
    sqlite: Database, data: st.DataObject, terms: Terms, sale_when: str
) -> None:
    again = data.draw(st.lists(st.sampled_from(captures.ORDERS), max_size=10))
    sequence = data.draw(st.permutations([*captures.ORDERS, *again]))
    rows = report_of(sqlite, sequence, terms, sale_when)
    assert sums_of(rows) == truth(terms, sale_when)
    assert rows == report_of(sqlite, captures.ORDERS, terms, sale_when)


def report_of(
    database: Database, sequence: Iterable[captures.Captured], terms: Terms, sale_when: str = "paid"
) -> list[Sale]:
    """The rows of all orders after these deliveries, each earned by a click."""
    with database.write() as connection:
        for table in (schema.orders, schema.refunds):
            connection.execute(sa.delete(table))
        for captured in sequence:
            for order in captures.read_all(captured.delivery):
                orders.store_order(connection, "s1", 1, order, "")
        ids = connection.scalars(sa.select(schema.orders.c.id).order_by(schema.orders.c.id)).all()
        return [row for order_id in ids for row in _rows(connection, order_id, terms, sale_when)]


def _rows(connection: sa.Connection, order_id: str, terms: Terms, sale_when: str) -> list[Sale]:
    stored = orders.get_order(connection, "s1", order_id)
    assert stored is not None
    order: Order = stored.order
    evidence = [Evidence(Rung.TOKEN, click_at(order.placed_at - timedelta(hours=1)))]
    decision = decide(1, order, evidence, Policy(sale_when=sale_when))
    history = refunds.refund_history(connection, "s1", order)
    return sale_rows(order, decision, terms=terms, history=history)


LIFE = "b_customer_two_charges_refunds/006-order_fully_paid"


def read(change: captures.Change, name: str = LIFE) -> Order:
    (order,) = captures.read(captures.changed(change, name))
    return order


def test_a_gift_card_is_a_payment_and_the_lines_count_in_full() -> None:
    def pay_half_by_card(order: dict[str, Any]) -> None:
        order["total"]["gross"]["amount"] = 100.00
        order["giftCards"] = [{"id": "R2lmdENhcmQ6MTE="}]

    order = read(pay_half_by_card)
    assert (order.by_gift_card, order.deducted) == (Decimal("98.31"), Decimal(0))
    with_shipping = sold_lines(order, Terms(shipping="included"))
    assert [str(line.amount) for line in with_shipping] == ["81.19", "45.47", "71.65"]


def test_an_order_discount_is_spread_over_the_lines() -> None:
    def discount(order: dict[str, Any]) -> None:
        order["total"]["gross"]["amount"] = 100.00
        order["giftCards"] = []

    order = read(discount)
    assert (order.by_gift_card, order.deducted) == (Decimal(0), Decimal("98.31"))
    with_shipping = sold_lines(order, Terms(shipping="included"))
    assert sum(line.amount for line in with_shipping) == Decimal("100.00")
    assert [str(line.amount) for line in with_shipping] == ["40.94", "22.93", "36.13"]


def test_voucher_customer_and_utm_campaign_are_stored() -> None:
    order = read(lambda order: order.update(voucherCode="ANA-10"))
    assert (order.voucher, order.customer, order.utm_campaign) == ("ANA-10", "VXNlcjox", "autumn-2026")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda order: order.update(voucherCode=None, user=None, metadata=[]), ("", None, "")),
        (lambda order: order.update(voucherCode=7, user={"id": 7}, metadata=7), ("", None, "")),
        (
            lambda order: order.update(
                voucherCode="\ud800\0" + "x" * 300, metadata=[{"key": "utm_campaign", "value": {"a": 1}}]
            ),
            ("\ufffd\ufffd" + "x" * 253, "VXNlcjox", ""),
        ),
    ],
)
def test_odd_values_in_these_fields_lose_no_order(change: captures.Change, expected: tuple[Any, ...]) -> None:
    order = read(change)
    assert (order.voucher, order.customer, order.utm_campaign) == expected


def granted(amount: float, *lines: tuple[int, int], shipping: bool = False) -> dict[str, Any]:
    """A granted refund of quantities of lines, by their place in the order."""
    return {
        "amount": {"amount": amount},
        "shippingCostsIncluded": shipping,
        "lines": [{"quantity": quantity, "orderLine": {"id": place}} for place, quantity in lines],
    }


@pytest.mark.parametrize(
    ("refunded", "refunds", "expected"),
    [
        # One of two hoodies, 45.47 for both.
        (22.74, [granted(22.74, (1, 1))], ["0.00", "22.74"]),
        (81.19, [granted(81.19, (0, 1))], ["81.19", "0.00"]),
        (126.66, [granted(126.66, (0, 1), (1, 2))], ["81.19", "45.47"]),
        # With shipping, 71.65.
        (117.12, [granted(117.12, (1, 2), shipping=True)], ["0.00", "45.47"]),
        # Half of what the lines cost was granted.
        (40.60, [granted(40.60, (0, 1))], ["40.60", "0.00"]),
        # Two, the second not paid out: in proportion to what was granted.
        (22.74, [granted(22.74, (1, 1)), granted(22.74, (0, 1))], ["11.37", "11.37"]),
        # Granted without lines says nothing of them: over all.
        (19.83, [granted(19.83)], ["8.12", "4.55"]),
        (19.83, [], ["8.12", "4.55"]),
        # A refund by hand beside a granted one.
        (61.19, [granted(45.47, (1, 2))], ["8.35", "45.47"]),
    ],
)
def test_a_granted_refund_belongs_to_its_lines(
    refunded: float, refunds: list[dict[str, Any]], expected: list[str]
) -> None:
    def grant(order: dict[str, Any]) -> None:
        order["totalRefunded"]["amount"] = refunded
        order["totalCharged"]["amount"] -= refunded
        for refund in refunds:
            for line in refund["lines"]:
                line["orderLine"]["id"] = order["lines"][line["orderLine"]["id"]]["id"]
        order["grantedRefunds"] = refunds

    assert [str(amount) for amount in refunded_by_line(read(grant))] == expected


@pytest.mark.parametrize(
    "odd", [None, 7, [], [granted(5, (0, 1)) | {"lines": None}], [granted(5) | {"lines": 7}]]
)
def test_odd_granted_refunds_are_ignored(odd: object) -> None:
    order = read(lambda order: order.update(grantedRefunds=odd))
    assert {line.refunded for line in order.lines} == {None}
