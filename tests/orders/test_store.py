"""The newest snapshot of an order counts, in whatever sequence snapshots arrive."""

import json
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter

from salepixel.accounts.policy import Policy
from salepixel.attribution.decide import decide
from salepixel.attribution.decisions import get_decision, store_decision
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.explanation import explain_decision
from salepixel.attribution.sales import sale_rows
from salepixel.orders import store as orders
from salepixel.orders.order import Order, OrderLine
from salepixel.orders.queue import due_orders
from salepixel.orders.store import read_snapshot, write_snapshot
from salepixel.report import sales
from salepixel.report.totals import totals
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import CAMPAIGN, NOON, click_at, order

SECOND = timedelta(seconds=1)
SNAPSHOTS = [
    order(paid=False),
    order(issued_at=NOON + SECOND),
    order(updated_at=NOON + SECOND, issued_at=NOON + SECOND, refunded=Decimal("10.00")),
    order(updated_at=NOON + SECOND, issued_at=NOON + 2 * SECOND, refunded=Decimal("20.00")),
]


@pytest.mark.parametrize("arrival", list(permutations(SNAPSHOTS)))
def test_the_newest_snapshot_wins(sqlite: Database, arrival: tuple[Order, ...]) -> None:
    for snapshot in (*arrival, *arrival):
        with sqlite.write() as connection:
            orders.store_order(connection, "s1", 1, snapshot, "")
    with sqlite.read() as connection:
        stored = orders.find_order(connection, "s1", "1042")
    assert stored is not None
    assert stored.order == SNAPSHOTS[-1]


def test_only_a_newer_snapshot_makes_an_order_due(database: Database) -> None:
    with database.write() as connection:
        assert orders.store_order(connection, "s1", 1, SNAPSHOTS[1], "")
        assert not orders.store_order(connection, "s1", 1, SNAPSHOTS[1], "")
        assert not orders.store_order(connection, "s1", 1, SNAPSHOTS[0], "")
        assert orders.store_order(connection, "s1", 1, SNAPSHOTS[2], "")
        assert due_orders(connection, 10) == [("s1", "O1")]


NOTHING, ZERO = None, Decimal(0)
DEFAULTS = {
    "shipping": ZERO,
    "email_hash": NOTHING,
    "click_token": NOTHING,
    "alias_hash": NOTHING,
    "shipping_net": NOTHING,
    "shipping_refunded": NOTHING,
    "deducted": ZERO,
    "voucher": "",
    "customer": NOTHING,
    "utm_campaign": "",
    "payment": "",
    "charged": NOTHING,
    "covers": NOTHING,
    "by_gift_card": ZERO,
    "replaces": NOTHING,
    "draft": False,
    "shipping_granted": ZERO,
}
DEFAULTS_OF_LINE = {"sku": NOTHING, "net": NOTHING, "refunded": NOTHING, "granted": ZERO}


@pytest.mark.parametrize(("kind", "defaults"), [(Order, DEFAULTS), (OrderLine, DEFAULTS_OF_LINE)])
def test_the_default_of_a_field_never_changes(kind: type, defaults: dict[str, Any]) -> None:
    """A snapshot does not say what is as the default says, so another default would change stored orders."""
    now = {field.name: field.default for field in fields(kind)}
    assert {name: now[name] for name in defaults} == defaults
    assert all(isinstance(now[name], Decimal) for name, value in defaults.items() if value is ZERO)


def test_an_order_reads_as_it_was_written() -> None:
    full = order(shipping=Decimal("5.00"), voucher="X", draft=None, replaces="", charged=Decimal("59.80"))
    for snapshot in (order(), full):
        assert read_snapshot(write_snapshot(snapshot)) == snapshot
    assert "voucher" not in write_snapshot(order())


def test_an_order_stored_by_an_earlier_version_is_read(database: Database) -> None:
    newer = {"shipping_net", "shipping_refunded", "deducted", "voucher", "customer", "utm_campaign"}
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, SNAPSHOTS[1], "")
        kept = json.loads(TypeAdapter(Order).dump_json(SNAPSHOTS[1]))  # with all that is as the default says
        earlier = {name: value for name, value in kept.items() if name not in newer}
        for line in earlier["lines"]:
            del line["net"], line["refunded"]
        connection.execute(sa.update(schema.orders).values(snapshot=json.dumps(earlier)))
        stored = orders.get_order(connection, "s1", "O1")
    assert stored is not None
    assert stored.order == SNAPSHOTS[1]


def test_deciding_an_order_again_replaces_its_sales(database: Database) -> None:
    evidence = [Evidence(Rung.TOKEN, click_at(NOON - SECOND))]
    with database.write() as connection:
        for snapshot in (SNAPSHOTS[1], SNAPSHOTS[3], SNAPSHOTS[3]):
            orders.store_order(connection, "s1", 1, snapshot, "")
            stored = orders.get_order(connection, "s1", "O1", lock=True)
            assert stored is not None
            decision = decide(1, stored.order, evidence, Policy())
            store_decision(connection, stored, decision, sale_rows(stored.order, decision))
        rows = [row.sale for row in sales.all_sales(connection, CAMPAIGN)]
        assert rows == sale_rows(SNAPSHOTS[3], decision)[::-1]
        assert sales.sale_totals(connection, CAMPAIGN) == totals(rows)
        assert due_orders(connection, 10) == []
        kept = get_decision(connection, "s1", "O1")
    assert kept is not None
    assert kept.explanation == explain_decision(decision)
    assert (kept.explanation.outcome, kept.explanation.reason) == ("attributed", "click_token_on_order")


def test_sales_are_paged(database: Database) -> None:
    evidence = [Evidence(Rung.TOKEN, click_at(NOON - SECOND))]
    with database.write() as connection:
        for number in range(7):
            bought = order(id=f"O{number}", number=str(number), placed_at=NOON + number * SECOND)
            orders.store_order(connection, "s1", 1, bought, "")
            stored = orders.get_order(connection, "s1", bought.id)
            assert stored is not None
            decision = decide(1, bought, evidence, Policy())
            store_decision(connection, stored, decision, sale_rows(bought, decision))
        seen, after = [], None
        while page := sales.list_sales(connection, CAMPAIGN, 3, after):
            seen += [(row.order_id, row.sale.line) for row in page]
            after = page[-1].cursor
    assert seen == [(f"O{n}", line) for n in range(6, -1, -1) for line in ("L2", "L1")]
