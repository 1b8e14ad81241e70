"""Each refund is stored once with its day, whichever snapshot reports it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.accounts.policy import Policy
from salepixel.attribution.decide import decide
from salepixel.attribution.decisions import store_decision
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import sale_rows
from salepixel.money.rates import SHIPPED
from salepixel.orders import refunds
from salepixel.orders import store as orders
from salepixel.orders.order import Order, OrderLine
from salepixel.orders.queue import due_orders
from salepixel.report import sales
from salepixel.report.periods import Period
from salepixel.report.totals import converted, totals
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import CAMPAIGN, NOON, click_at, order

DAY = timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)
LIFE = [
    order(paid=False),
    order(updated_at=NOON + 1 * DAY, refunded=Decimal("10.00")),
    order(updated_at=NOON + 2 * DAY, refunded=Decimal("10.00")),
    order(updated_at=NOON + 3 * DAY, refunded=Decimal("59.80")),
]


def reconcile(connection: sa.Connection, order_id: str = "O1") -> None:
    stored = orders.get_order(connection, "s1", order_id)
    assert stored is not None
    decision = decide(1, stored.order, [Evidence(Rung.TOKEN, click_at(NOON - DAY))], Policy())
    history = refunds.refund_history(connection, "s1", stored.order)
    store_decision(connection, stored, decision, sale_rows(stored.order, decision, history=history))


def by_day(connection: sa.Connection) -> dict[str, str]:
    found = {}
    for day in range(5):
        period = Period(MIDNIGHT + day * DAY, MIDNIGHT + (day + 1) * DAY)
        for total in sales.totals_by_refund_date(connection, CAMPAIGN, period):
            found[f"{day}"] = f"{total.gross} - {total.refunded} = {total.net}"
    return found


EXPECTED = {"0": "59.80 - 0.00 = 59.80", "1": "0.00 - 10.00 = -10.00", "3": "0.00 - 49.80 = -49.80"}


@pytest.mark.parametrize("arrival", list(permutations(LIFE)))
def test_each_refund_has_its_day_whichever_snapshot_arrives_first(
    sqlite: Database, arrival: tuple[Order, ...]
) -> None:
    with sqlite.write() as connection:
        for snapshot in (*arrival, *arrival):
            orders.store_order(connection, "s1", 1, snapshot, "")
            if due_orders(connection, 1):
                reconcile(connection)
        assert by_day(connection) == EXPECTED
        (total,) = sales.sale_totals(connection, CAMPAIGN)
        assert (total.gross, total.refunded) == (Decimal("59.80"), Decimal("59.80"))


def test_days_are_the_same_on_both_databases(database: Database) -> None:
    with database.write() as connection:
        for snapshot in reversed(LIFE):
            orders.store_order(connection, "s1", 1, snapshot, "")
        reconcile(connection)
        assert by_day(connection) == EXPECTED
        rows = [row.sale for row in sales.all_sales(connection, CAMPAIGN)]
        assert {row.refunded_at for row in rows} == {NOON + 3 * DAY}
        assert sales.totals_by_refund_date(connection, CAMPAIGN) == totals(rows)


def test_a_late_snapshot_with_a_refund_makes_its_order_due(database: Database) -> None:
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, LIFE[3], "")
        reconcile(connection)
        assert not orders.store_order(connection, "s1", 1, LIFE[1], "")
        assert due_orders(connection, 9) == [("s1", "O1")]
        reconcile(connection)
        assert not orders.store_order(connection, "s1", 1, LIFE[1], "")
        assert due_orders(connection, 9) == []


def test_a_late_snapshot_without_a_refund_does_not(database: Database) -> None:
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, order(updated_at=NOON + DAY), "")
        reconcile(connection)
        orders.store_order(connection, "s1", 1, LIFE[0], "")
        assert due_orders(connection, 9) == []


def test_a_repeated_refund_is_stored_once_with_its_first_day(database: Database) -> None:
    with database.write() as connection:
        # A call of the sales API without updated_at: the time of the call counts.
        for day in (5, 2, 9, 2):
            again = order(issued_at=NOON + day * DAY, refunded=Decimal("10.00"))
            orders.store_order(connection, "s1", 1, again, "")
        orders.store_order(connection, "s1", 1, order(issued_at=NOON + DAY), "")
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.refunds)) == 2
        reconcile(connection)
        assert by_day(connection)["2"] == "0.00 - 10.00 = -10.00"


@pytest.mark.parametrize(
    ("reported", "kept"),
    [
        ({"refunded": Decimal("30.00")}, []),
        ({"refunded": Decimal(0)}, [(Decimal(0), False)]),
        ({"refunded": Decimal("30.00"), "cancelled": True}, [(Decimal(0), True)]),
        ({"refunded": Decimal(3000), "currency": "JPY"}, [(Decimal(3000), False)]),
    ],
)
def test_refunds_in_another_currency_are_known_only_if_none_or_all(
    database: Database, reported: dict[str, Any], kept: list[Any]
) -> None:
    corrected = order(currency="JPY", total=Decimal(5980), updated_at=NOON + 9 * DAY)
    with database.write() as connection:
        refunds.keep_refund_state(connection, "s1", order(updated_at=NOON + DAY, **reported))
        history = refunds.refund_history(connection, "s1", corrected)
    assert [(state.refunded, state.cancelled) for state in history] == kept


def test_correcting_a_currency_keeps_the_days_of_refunds_in_the_right_one(
    database: Database,
) -> None:
    # In the same version of the order, as by a call of the sales API without updated_at.
    wrong, right = order(refunded=Decimal("30.00")), order(refunded=Decimal(3000), currency="JPY")
    with database.write() as connection:
        for snapshot in (
            wrong,
            replace(right, issued_at=NOON + DAY),
            replace(right, issued_at=NOON + 2 * DAY),
        ):
            refunds.keep_refund_state(connection, "s1", snapshot)
        (state,) = refunds.refund_history(connection, "s1", right)
    assert state.issued_at == NOON + DAY


def test_a_changed_decision_removes_the_refunds_of_its_sales(database: Database) -> None:
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, LIFE[3], "")
        reconcile(connection)
        stored = orders.get_order(connection, "s1", "O1")
        assert stored is not None
        store_decision(connection, stored, decide(1, stored.order, [], Policy()), [])
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.sale_refunds)) == 0


def test_a_large_order_is_converted_into_a_currency_of_low_value(database: Database) -> None:
    lines = (OrderLine("L1", "A ship", Decimal(1), Decimal("900000000000.00")),)
    bought = order(lines=lines, total=Decimal("900000000000.00"), refunded=Decimal("1.00"))
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, bought, "")
        stored = orders.get_order(connection, "s1", "O1")
        assert stored is not None
        decision = decide(1, bought, [Evidence(Rung.TOKEN, click_at(NOON - DAY))], Policy())
        rate = SHIPPED.rate("EUR", "IDR", SHIPPED.last_day())
        rows = sale_rows(bought, decision, rate=rate)
        store_decision(connection, stored, decision, rows)
        total = sales.converted_total(connection, CAMPAIGN, "IDR")
    assert total == converted(rows, "IDR")
    assert total.gross > 10**15


def test_the_stored_converted_sum_is_the_sum_of_its_rows(database: Database) -> None:
    day = SHIPPED.last_day()
    with database.write() as connection:
        accounts.add_account(connection, accounts.Account(1, "Shoes", "EUR", NOON))
        for number, currency in enumerate(("EUR", "USD", "JPY", "KES")):
            bought = order(id=currency, number=str(number), currency=currency, refunded=Decimal(7))
            orders.store_order(connection, "s1", 1, bought, "")
            stored = orders.get_order(connection, "s1", currency)
            assert stored is not None
            decision = decide(1, bought, [Evidence(Rung.TOKEN, click_at(NOON - DAY))], Policy())
            rows = sale_rows(bought, decision, rate=SHIPPED.rate(currency, "EUR", day))
            store_decision(connection, stored, decision, rows)
        rows = [row.sale for row in sales.all_sales(connection, CAMPAIGN)]
        total = sales.converted_total(connection, CAMPAIGN, "EUR")
        assert total == converted(rows, "EUR")
        assert total.without_rate == ("KES",)
        in_euro = sum(r.converted or 0 for r in rows if r.currency == "EUR")
        assert in_euro == Decimal("59.80") < total.gross
        assert sales.converted_total(connection, CAMPAIGN, "USD").without_rate == ("EUR", "JPY", "KES", "USD")
