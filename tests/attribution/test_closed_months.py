"""A refund after its sale's month was closed has its own day and changes no closed amount."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.policy import GROSS, Model, Policy, Terms
from salepixel.attribution.decide import decide
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import Sale, sale_rows, with_refunds
from salepixel.clicks.tokens import Verdict
from salepixel.orders.order import Order, OrderLine, RefundState
from salepixel.orders.sold import sold_lines
from tests.make import NOON, click_at, order

DAY = timedelta(days=1)
CLOSED = NOON + 10 * DAY
WHOLE = Decimal("72.10")


def bought(days: float = 0, refunded: Decimal = Decimal(0), **changes: object) -> Order:
    """59.80 for two lines and 12.30 for shipping, reported this many days after it was placed."""
    at = NOON + days * DAY
    values: dict[str, object] = {"total": WHOLE, "shipping": Decimal("12.30"), "refunded": refunded}
    return order(updated_at=at, issued_at=at, **(values | changes))


def reported(days: float, refunded: str, *, cancelled: bool = False) -> RefundState:
    return RefundState(NOON + days * DAY, NOON + days * DAY, Decimal(refunded), cancelled)


def sold(
    its: Order, clicks: int = 1, terms: Terms = GROSS, history: Iterable[RefundState] = ()
) -> list[Sale]:
    """The rows of an order that some clicks share equally."""
    shared = [
        Evidence(Rung.EMAIL, click_at(NOON - (n + 1) * DAY, serial=n), Verdict.HUMAN) for n in range(clicks)
    ]
    decision = decide(1, its, shared, Policy(model=Model.LINEAR))
    return sale_rows(its, decision, terms=terms, history=history)


def by_day(rows: Iterable[Sale]) -> dict[int, str]:
    """What was refunded on each day after the order."""
    found: Counter[int] = Counter()
    for sale in rows:
        for refund in sale.refunds:
            found[(refund.at - NOON).days] += int(refund.amount * 100)
    return {day: f"{Decimal(cents).scaleb(-2):f}" for day, cents in sorted(found.items())}


def by_line(rows: Iterable[Sale]) -> dict[str, str]:
    """What was refunded later of each line."""
    found: dict[str, Decimal] = {}
    for sale in rows:
        found[sale.line] = found.get(sale.line, Decimal(0)) + sale.refunded_later
    return {line: str(amount) for line, amount in sorted(found.items())}


@pytest.mark.parametrize(
    ("known", "later", "expected"),
    [
        # In an open month: on its day.
        ([], [reported(12, "5.00")], {12: "5.00"}),
        ([reported(2, "5.00")], [reported(12, "9.00")], {2: "5.00", 12: "4.00"}),
        (
            [reported(2, "5.00")],
            [reported(12, "9.00"), reported(15, "20.00")],
            {2: "5.00", 12: "4.00", 15: "11.00"},
        ),
        ([reported(2, "5.00")], [reported(12, "0", cancelled=True)], {2: "5.00", 12: "67.10"}),
        # Reported after the closing, for a closed day: it counts on the first open one.
        ([], [reported(3, "5.00")], {10: "5.00"}),
        (
            [reported(2, "5.00")],
            [reported(3, "7.00"), reported(12, "9.00")],
            {2: "5.00", 10: "2.00", 12: "2.00"},
        ),
        # Known before it was closed, of an open day: it gets the day that it really has.
        ([reported(15, "5.00")], [reported(12, "5.00")], {12: "5.00"}),
        # A closed refund keeps its date, and is not counted twice.
        ([reported(4, "5.00")], [reported(2, "5.00")], {4: "5.00"}),
        ([reported(2, "5.00")], [reported(3, "3.00"), reported(12, "6.00")], {2: "5.00", 12: "1.00"}),
        # Taken back: of an open day it never was, what is closed stays.
        ([reported(15, "5.00")], [reported(16, "0")], {}),
        ([reported(2, "5.00")], [reported(16, "0")], {2: "5.00"}),
        ([reported(2, "5.00")], [reported(13, "3.00"), reported(16, "8.00")], {2: "5.00", 16: "3.00"}),
    ],
)
def test_a_refund_after_closing_counts_on_its_own_day(
    known: list[RefundState], later: list[RefundState], expected: dict[int, str]
) -> None:
    with_shipping = Terms(shipping="included")
    closed = sold(newest(known), terms=with_shipping, history=known)
    states = [*known, *later]
    for history in (states, states[::-1], [*states, *states]):
        lines = sold_lines(newest(states), with_shipping, history)
        assert by_day(with_refunds(closed, lines, CLOSED)) == expected


def test_a_refund_after_closing_belongs_to_the_line_that_the_shop_names() -> None:
    shoes, laces = order().lines
    closed = sold(order(updated_at=NOON + 2 * DAY, refunded=Decimal("10.00")))
    assert [str(sale.refunded) for sale in closed] == ["6.66", "3.34"], "of no line, so in proportion"
    named = (shoes, replace(laces, refunded=Decimal("15.00")))
    now = order(updated_at=NOON + 20 * DAY, refunded=Decimal("25.00"), lines=named)
    found = with_refunds(closed, sold_lines(now, history=[reported(2, "10.00")]), CLOSED)
    assert [str(sale.refunded) for sale in found] == ["6.66", "3.34"], "its sums stay"
    assert by_line(found) == {"L1": "3.34", "L2": "11.66"}
    assert by_day(found) == {2: "10.00", 20: "15.00"}


def test_clicks_that_share_a_closed_sale_share_its_refunds() -> None:
    closed = sold(bought(), clicks=3)
    now = bought(20, Decimal("36.10"))
    found = with_refunds(closed, sold_lines(now), CLOSED)
    of_shoes = {str(sale.amount): str(sale.refunded_later) for sale in found if sale.line == "L1"}
    assert of_shoes == {"13.27": "6.65", "13.26": "6.64"}


@pytest.mark.parametrize(
    ("now", "later"),
    [
        ({"currency": "USD", "refunded": Decimal("30.00")}, "0.00"),
        # A line that was put on the order later has no sale.
        (
            {
                "lines": (
                    *order().lines,
                    OrderLine("L3", "Hat", Decimal(1), Decimal(50), refunded=Decimal(50)),
                ),
                "total": Decimal("122.10"),
                "refunded": Decimal("50.00"),
            },
            "0.00",
        ),
        # One that became dearer: no more than it was sold for.
        (
            {
                "lines": (OrderLine("L2", "Laces", Decimal(1), Decimal(90), refunded=Decimal(70)),),
                "total": Decimal("102.30"),
                "refunded": Decimal("70.00"),
            },
            "20.00",
        ),
        ({"lines": (), "refunded": Decimal("12.30"), "total": Decimal("12.30")}, "0.00"),
    ],
)
def test_refunds_of_an_order_changed_after_closing_never_exceed_what_was_sold(
    now: dict[str, object], later: str
) -> None:
    closed = sold(bought())
    found = with_refunds(closed, sold_lines(bought(20, **now)), CLOSED)  # type: ignore[arg-type]
    assert str(sum(sale.refunded_later for sale in found)) == later
    assert [sale._replace(refunds=()) for sale in found] == closed


def newest(states: Sequence[RefundState]) -> Order:
    state = max(states, key=lambda state: state.version, default=reported(0, "0"))
    days = (state.updated_at - NOON) / DAY
    return bought(days, state.refunded, cancelled=state.cancelled)


STATES = st.lists(
    st.builds(
        lambda day, cents, cancelled: reported(day, f"{cents / 100:.2f}", cancelled=cancelled),
        st.integers(0, 40),
        st.integers(0, 8000),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=6,
    unique_by=lambda state: state.version,
)
SPLITS = st.lists(st.one_of(st.none(), st.integers(0, 2000)), min_size=2, max_size=2)
TERMS = st.sampled_from([GROSS, Terms(shipping="included"), Terms("net"), Terms("net", "included")])


def in_lines(its: Order, by_line: list[int | None]) -> Order:
    """An order whose shop reports (in cents) the refund of each line, with and without tax."""
    lines = [
        replace(
            line,
            net=(line.amount / Decimal("1.21")).quantize(Decimal("0.01")),
            refunded=None if cents is None else Decimal(cents) / 100,
        )
        for line, cents in zip(its.lines, by_line, strict=True)
    ]
    return replace(its, lines=tuple(lines))


@given(
    STATES,
    STATES,
    SPLITS,
    SPLITS,
    st.integers(1, 4),
    TERMS,
    st.lists(st.integers(0, 40), max_size=3),
    st.data(),
)
def test_closed_amounts_never_change_whenever_and_however_often_refunds_are_computed(
    known: list[RefundState],
    later: list[RefundState],
    split_then: list[int | None],
    split_now: list[int | None],
    clicks: int,
    terms: Terms,
    closings: list[int],
    data: st.DataObject,
) -> None:
    then = in_lines(newest(known), split_then)
    sales = sold(then, clicks, terms, known)
    closed_before = NOON + DAY
    assert with_refunds(sales, sold_lines(then, terms, known), CLOSED) == sales, (
        "closing itself moves nothing"
    )

    states = [*known, *later]
    now = in_lines(newest(states), split_now)
    lines = sold_lines(now, terms, data.draw(st.permutations(states * 2)))
    found = with_refunds(sales, lines, closed_before)
    assert part(found, before=closed_before) == part(sales, before=closed_before)
    assert all(0 <= total(sale) <= sale.amount for sale in found)
    assert all(refund.amount > 0 for sale in found for refund in sale.refunds)
    closed = sum((refund for day in part(sales, before=closed_before) for refund in day.values()), Decimal(0))
    assert sum(map(total, found)) == max(closed, sum((line.refunded for line in lines), Decimal(0)))

    for day in closings:  # later months are closed, and it is done again
        at = max(closed_before, NOON + day * DAY)
        assert with_refunds(found, lines, at) == found


def part(sales: Sequence[Sale], before: datetime) -> list[dict[datetime, Decimal]]:
    return [{refund.at: refund.amount for refund in sale.refunds if refund.at < before} for sale in sales]


def total(sale: Sale) -> Decimal:
    return sum((refund.amount for refund in sale.refunds), Decimal(0))
