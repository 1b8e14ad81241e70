"""What was refunded of an order is known line by line, to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.orders import OrderLine
from tests.make import order


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
    got = order(refunded=Decimal(refunded), shipping=Decimal(shipping)).refunded_by_line()
    assert [str(amount) for amount in got] == by_line


def test_a_cancelled_order_counts_as_refunded_whole() -> None:
    assert order(cancelled=True).refunded_by_line() == (Decimal("39.80"), Decimal("20.00"))


@given(st.lists(st.decimals(0, 10**6, places=2), min_size=1, max_size=10), st.decimals(0, 10**7, places=2))
def test_no_line_is_refunded_more_than_it_cost(amounts: list[Decimal], refunded: Decimal) -> None:
    lines = tuple(OrderLine(str(i), "x", 1, amount) for i, amount in enumerate(amounts))
    by_line = order(lines=lines, refunded=refunded).refunded_by_line()
    assert all(0 <= part <= line.amount for part, line in zip(by_line, lines, strict=True))
    assert sum(by_line) == min(refunded, sum(amounts))
