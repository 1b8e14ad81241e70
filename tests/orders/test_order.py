"""Refunds of an order are known for each line, to the cent."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.orders.charges import read_ledger
from salepixel.orders.order import OrderLine, RefundState
from salepixel.orders.sold import refunded_by_line
from tests.make import NOON, order


@pytest.mark.parametrize(
    ("refunded", "shipping", "by_line"),
    [
        ("0.00", "0.00", ["0.00", "0.00"]),
        ("59.80", "0.00", ["39.80", "20.00"]),
        ("29.90", "0.00", ["19.90", "10.00"]),
        ("64.80", "5.00", ["39.80", "20.00"]),
        ("0.01", "0.00", ["0.01", "0.00"]),
        ("999.00", "0.00", ["39.80", "20.00"]),
    ],
)
def test_a_refund_is_spread_over_lines_and_shipping(refunded: str, shipping: str, by_line: list[str]) -> None:
    got = refunded_by_line(order(refunded=Decimal(refunded), shipping=Decimal(shipping)))
    assert [str(amount) for amount in got] == by_line


def test_a_cancelled_order_counts_as_fully_refunded() -> None:
    assert refunded_by_line(order(cancelled=True)) == (Decimal("39.80"), Decimal("20.00"))


@given(st.lists(st.decimals(0, 10**6, places=2), min_size=1, max_size=10), st.decimals(0, 10**7, places=2))
def test_no_line_is_refunded_more_than_it_cost(amounts: list[Decimal], refunded: Decimal) -> None:
    lines = tuple(OrderLine(str(i), "x", Decimal(1), amount) for i, amount in enumerate(amounts))
    by_line = refunded_by_line(order(lines=lines, refunded=refunded))
    assert all(0 <= part <= line.amount for part, line in zip(by_line, lines, strict=True))
    assert sum(by_line) == min(refunded, sum(amounts))


def reported(refunded: str, charged: str | None) -> RefundState:
    """The state in a snapshot: what was refunded and what was charged by then."""
    return RefundState(NOON, NOON, Decimal(refunded), charged=None if charged is None else Decimal(charged))


@pytest.mark.parametrize(
    ("refunded", "charged", "history", "paid"),
    [
        pytest.param("0", None, [], True, id="the shop reports it"),
        pytest.param("0", None, [reported("30", "30")], True, id="the shop finally reports it"),
        pytest.param("59.80", "59.80", [reported("0", "0"), reported("0", None)], True, id="fully refunded"),
        pytest.param("10", "59.80", [], True, id="refunded in part, nothing else known"),
        pytest.param(
            "10", "59.80", [reported("0", "30"), reported("10", "59.80")], True, id="paid in two charges"
        ),
        pytest.param(
            "30", "59.80", [reported("0", "30"), reported("30", "30")], False, id="one instead of the other"
        ),
        pytest.param(
            "10", "79.80", [reported("30", "30")], False, id="more than the rest, less than the total"
        ),
        pytest.param(
            "10", "99.80", [reported("30", "30")], True, id="paid again in full, then refunded in part"
        ),
        pytest.param("0", "59.80", [reported("30", "30")], True, id="the first one was never refunded"),
        pytest.param(
            "10", "59.80", [reported("10", "59.80")] * 2, True, id="a higher total for a while, never paid"
        ),
    ],
)
def test_an_order_is_paid_once_its_whole_total_was_charged_at_one_time(
    refunded: str, charged: str | None, history: list[RefundState], paid: bool
) -> None:
    bought = order(refunded=Decimal(refunded), charged=None if charged is None else Decimal(charged))
    assert read_ledger(bought, history).paid is paid
    assert not read_ledger(replace(bought, paid=False), history).paid
