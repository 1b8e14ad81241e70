"""The figures of an overview, computed from counts."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.report.figures import (
    Audience,
    Buyers,
    Counted,
    Name,
    Purchases,
    Sold,
    clicks_in,
    figures_of,
    recipients_of,
    sold_in,
    spans_of,
)

FIRST = date(2026, 11, 1)
DAY = timedelta(days=1)


def counted(*, orders: int = 2, human: int = 10, sent: int = 100, days: int = 3, net: str = "50") -> Counted:
    sold = {"EUR": {FIRST: Sold(orders, Decimal("60.00"), Decimal("10.00"))}} if orders else {}
    earned = Sold(orders, Decimal("60.00"), Decimal("10.00"))
    all_sold = Sold(8, Decimal("210.00"), Decimal("10.00"))
    bought = {"EUR": {FIRST: Buyers(orders - 1, 1)}} if orders else {}
    people = Audience(1, sent, 8, 2, {"EUR": Decimal(net)})
    clicks = {FIRST + DAY: (human, 3)} if human else {}
    return Counted(
        FIRST, FIRST + (days - 1) * DAY, sold, clicks, people, bought, {"EUR": Purchases(all_sold, earned)}
    )


def test_each_figure_is_computed_as_its_sentence_says() -> None:
    assert {one.name: one.value for one in figures_of(counted(), "EUR")} == {
        Name.NET_REVENUE: Decimal("50.00"),
        Name.ORDERS: 2,
        Name.SHARE_OF_REVENUE: Decimal("0.25"),
        Name.FIRST_ORDERS: 1,
        Name.RETURNING_ORDERS: 1,
        Name.SHARE_OF_ORDERS: Decimal("0.25"),
        Name.AVERAGE_ORDER_VALUE: Decimal("25.00"),
        Name.REFUNDS: Decimal("10.00"),
        Name.HUMAN_CLICKS: 10,
        Name.REVENUE_PER_CLICK: Decimal("5.00"),
        Name.CLICKERS: 8,
        Name.CLICK_RATE: Decimal("0.08"),
        Name.CONVERSION_RATE: Decimal("0.02"),
        Name.REVENUE_PER_RECIPIENT: Decimal("0.50"),
    }


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        ({"orders": 0}, {Name.AVERAGE_ORDER_VALUE, Name.FIRST_ORDERS, Name.RETURNING_ORDERS}),
        ({"human": 0}, {Name.REVENUE_PER_CLICK}),
        ({"sent": 0}, {Name.CLICK_RATE, Name.CONVERSION_RATE, Name.REVENUE_PER_RECIPIENT}),
    ],
)
def test_a_figure_without_a_value_is_left_out(without: dict[str, Any], missing: set[Name]) -> None:
    assert set(Name) - {one.name for one in figures_of(counted(**without), "EUR")} == missing


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [(4, 2, Decimal(1)), (1, 2, Decimal("-0.5")), (2, 2, Decimal(0)), (2, 0, None), (0, 2, Decimal(-1))],
)
def test_a_change_is_a_share_of_the_value_before(now: int, before: int, change: Decimal | None) -> None:
    found = figures_of(counted(orders=now), "EUR", counted(orders=before))
    (orders,) = (one for one in found if one.name is Name.ORDERS)
    assert orders.change == change
    assert all(one.change is None for one in figures_of(counted(), "EUR"))


def test_currencies_are_never_added_up() -> None:
    both = {
        code: {FIRST: Sold(n, Decimal(10 * n), Decimal(0))} for n, code in enumerate(("USD", "EUR", "JPY"), 1)
    }
    found = Counted(FIRST, FIRST, both, {})
    assert found.currencies == ["JPY", "EUR", "USD"], "the one with the most orders first"
    assert found.total("EUR") == Sold(2, Decimal(20), Decimal(0))
    assert found.total("KES").orders == 0


@given(st.integers(1, 2000))
def test_spans_hold_each_day_once_and_are_few(days: int) -> None:
    last = FIRST + (days - 1) * DAY
    spans = spans_of(FIRST, last)
    held = [span.first + n * DAY for span in spans for n in range((span.last - span.first).days + 1)]
    assert held == [FIRST + n * DAY for n in range(days)]
    assert len(spans) <= 106


@given(st.dictionaries(st.integers(0, 400), st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_spans_add_up_to_the_total(by_day: dict[int, tuple[int, int]]) -> None:
    clicks = {FIRST + n * DAY: counts for n, counts in by_day.items()}
    sold = {FIRST + n * DAY: Sold(a, Decimal(a + b), Decimal(b)) for n, (a, b) in by_day.items()}
    whole = Counted(FIRST, FIRST + 400 * DAY, {"EUR": sold}, clicks)
    spans = spans_of(whole.first, whole.last)
    assert sum(human for human, _ in clicks_in(whole, spans)) == whole.human
    assert sum(bot for _, bot in clicks_in(whole, spans)) == whole.bot
    assert sum(one.net for one in sold_in(whole, "EUR", spans)) == whole.total("EUR").net


@pytest.mark.parametrize(
    ("sent_to", "clickers", "buyers", "recipients"),
    [
        (None, 0, 0, 0),
        (100, 0, 0, 100),
        (100, 100, 3, 100),
        (100, 101, 3, 0),  # forwarded, or the number is wrong
        (100, 3, 101, 0),
    ],
)
def test_rates_are_shares_of_the_recipients_and_never_above_one(
    sent_to: int | None, clickers: int, buyers: int, recipients: int
) -> None:
    assert recipients_of(sent_to, clickers, buyers) == recipients
