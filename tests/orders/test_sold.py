"""The whole history of an order: what an account counts of it, and the days of its refunds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.policy import GROSS, Policy, Terms
from salepixel.attribution.decide import decide
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import sale_rows
from salepixel.money.amounts import from_minor, to_minor
from salepixel.orders.order import Order, OrderLine, RefundState
from salepixel.orders.sold import Refund, SoldLine, refunded_by_line, sold_lines
from tests.make import NOON, click_at, order

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NET = Terms(tax="net")
ALL = Terms(shipping="included")


def taxed(**changes: Any) -> Order:
    """121.00 for two lines and 12.10 for shipping, tax included."""
    values: dict[str, Any] = {
        "total": Decimal("133.10"),
        "lines": (
            OrderLine("L1", "Red shoes", Decimal(2), Decimal("84.70"), "R-1", net=Decimal("70.00")),
            OrderLine("L2", "Laces", Decimal(1), Decimal("36.30"), net=Decimal("30.00")),
        ),
        "shipping": Decimal("12.10"),
        "shipping_net": Decimal("10.00"),
    }
    return order(**(values | changes))


def amounts(lines: tuple[SoldLine, ...]) -> list[tuple[str, str, str]]:
    return [(line.id, str(line.amount), str(line.refunded)) for line in lines]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (GROSS, [("L1", "84.70", "0.00"), ("L2", "36.30", "0.00")]),
        (NET, [("L1", "70.00", "0.00"), ("L2", "30.00", "0.00")]),
        (ALL, [("L1", "84.70", "0.00"), ("L2", "36.30", "0.00"), ("shipping", "12.10", "0.00")]),
        (
            Terms("net", "included"),
            [("L1", "70.00", "0.00"), ("L2", "30.00", "0.00"), ("shipping", "10.00", "0.00")],
        ),
    ],
)
def test_tax_and_shipping_count_as_the_account_chose(terms: Terms, expected: list[Any]) -> None:
    assert amounts(sold_lines(taxed(), terms)) == expected


def test_an_order_without_shipping_has_no_line_for_it() -> None:
    assert len(sold_lines(taxed(shipping=Decimal(0)), ALL)) == 2


def test_lines_without_a_net_amount_count_at_their_gross_amount() -> None:
    assert [line.amount for line in sold_lines(order(), NET)] == [Decimal("39.80"), Decimal("20.00")]


LIVES = [
    ("created, not paid", {"paid": False}, "paid", None),
    ("created, placing is enough", {"paid": False}, "placed", ("121.00", "0.00")),
    ("paid", {}, "paid", ("121.00", "0.00")),
    ("paid, where placing is enough", {}, "placed", ("121.00", "0.00")),
    ("cancelled or expired, never paid", {"paid": False, "cancelled": True}, "paid", None),
    (
        "cancelled or expired unpaid, where placing was enough",
        {"paid": False, "cancelled": True},
        "placed",
        ("121.00", "121.00"),
    ),
    ("cancelled after it was paid", {"cancelled": True}, "paid", ("121.00", "121.00")),
    ("a tenth refunded", {"refunded": Decimal("13.31")}, "paid", ("121.00", "12.10")),
    ("fully refunded", {"refunded": Decimal("133.10")}, "paid", ("121.00", "121.00")),
    ("refunded more than it cost", {"refunded": Decimal("999.00")}, "paid", ("121.00", "121.00")),
    (
        "a gift card paid a part",
        {"deducted": Decimal("33.10"), "total": Decimal("100.00")},
        "paid",
        ("90.91", "0.00"),
    ),
    (
        "a gift card paid a part, refunded whole",
        {"deducted": Decimal("33.10"), "total": Decimal("100.00"), "refunded": Decimal("100.00")},
        "paid",
        ("90.91", "90.91"),
    ),
    (
        "a gift card paid all",
        {"deducted": Decimal("133.10"), "total": Decimal(0)},
        "paid",
        ("0.00", "0.00"),
    ),
    (
        "given away",
        {
            "lines": (OrderLine("L1", "Sample", Decimal(1), Decimal(0)),),
            "shipping": Decimal(0),
            "total": Decimal(0),
        },
        "paid",
        ("0.00", "0.00"),
    ),
    (
        "edited: one line less",
        {"lines": taxed().lines[:1], "total": Decimal("96.80")},
        "paid",
        ("84.70", "0.00"),
    ),
    ("without lines", {"lines": (), "total": Decimal("12.10")}, "paid", ("0", "0")),
]


@pytest.mark.parametrize(
    ("changes", "sale_when", "sums"), [life[1:] for life in LIVES], ids=[x[0] for x in LIVES]
)
def test_each_state_of_an_order_has_its_amounts(
    changes: dict[str, Any], sale_when: str, sums: tuple[str, str] | None
) -> None:
    bought = taxed(**changes)
    evidence = [Evidence(Rung.TOKEN, click_at(NOON - DAY))]
    decision = decide(1, bought, evidence, Policy(sale_when=sale_when))
    rows = sale_rows(bought, decision)
    assert (decision.credited is not None) == (sums is not None)
    if sums is None:
        assert rows == []
    else:
        assert (
            tuple(str(sum((getattr(row, n) for row in rows), Decimal(0))) for n in ("amount", "refunded"))
            == sums
        )


@pytest.mark.parametrize(
    ("refunded", "reported", "shipping", "expected"),
    [
        ("36.30", ["0.00", "36.30"], "0.00", ["0.00", "36.30"]),
        # More than reported: first over shipping and lines without a reported refund.
        ("48.40", [None, "36.30"], "12.10", ["0.00", "36.30"]),
        ("46.00", [None, "36.30"], None, ["8.49", "36.30"]),
        # Everything is reported, and still more: over the rest.
        ("133.10", ["0.00", "36.30"], "0.00", ["84.70", "36.30"]),
        # Granted, and refunded only in part.
        ("18.15", [None, "36.30"], None, ["0.00", "18.15"]),
        ("40.00", ["20.00", "60.00"], None, ["14.21", "25.79"]),
    ],
)
def test_a_refund_belongs_to_the_line_that_the_shop_names(
    refunded: str, reported: list[str | None], shipping: str | None, expected: list[str]
) -> None:
    lines = tuple(
        replace(line, refunded=None if amount is None else Decimal(amount))
        for line, amount in zip(taxed().lines, reported, strict=True)
    )
    shipping_refunded = None if shipping is None else Decimal(shipping)
    bought = taxed(lines=lines, shipping_refunded=shipping_refunded, refunded=Decimal(refunded))
    assert [str(amount) for amount in refunded_by_line(bought)] == expected


def reported(days: float, refunded: str, *, cancelled: bool = False, again: int = 0) -> RefundState:
    """The state in a snapshot this many days newer than the order; `again`: built this much later."""
    return RefundState(NOON + days * DAY, NOON + days * DAY + again * SECOND, Decimal(refunded), cancelled)


def dated(newest: RefundState, history: list[RefundState], terms: Terms = ALL) -> dict[str, str]:
    """What was refunded on each day after the order (with seconds where it is not that minute)."""
    bought = taxed(
        updated_at=newest.updated_at,
        issued_at=newest.issued_at,
        refunded=newest.refunded,
        cancelled=newest.cancelled,
    )
    by_day: dict[str, Decimal] = {}
    for line in sold_lines(bought, terms, history):
        assert sum((refund.amount for refund in line.refunds), Decimal(0)) == line.refunded
        assert all(refund.amount > 0 for refund in line.refunds)
        for refund in line.refunds:
            key = str(refund.at - NOON)
            by_day[key] = by_day.get(key, Decimal(0)) + refund.amount
    return {day: str(amount) for day, amount in sorted(by_day.items())}


@pytest.mark.parametrize(
    ("newest", "history", "expected"),
    [
        (reported(0, "0"), [], {}),
        (reported(3, "10.00"), [], {"3 days, 0:00:00": "10.00"}),
        (reported(3, "10.00"), [reported(0, "0"), reported(1, "10.00")], {"1 day, 0:00:00": "10.00"}),
        (
            reported(5, "133.10"),
            [reported(0, "0"), reported(1, "12.50"), reported(2, "60.00")],
            {"1 day, 0:00:00": "12.50", "2 days, 0:00:00": "47.50", "5 days, 0:00:00": "73.10"},
        ),
        # Cancelling gives back the rest on its day.
        (
            reported(4, "10.00", cancelled=True),
            [reported(1, "10.00"), reported(0, "0")],
            {"1 day, 0:00:00": "10.00", "4 days, 0:00:00": "123.10"},
        ),
        # A refund that failed later was none.
        (reported(3, "0"), [reported(1, "10.00")], {}),
        (reported(3, "15.00"), [reported(1, "10.00"), reported(2, "0")], {"3 days, 0:00:00": "15.00"}),
        # No refund is dated before the purchase.
        (reported(2, "15.00"), [reported(-40, "10.00")], {"0:00:00": "10.00", "2 days, 0:00:00": "5.00"}),
        # Saleor expires an order and leaves its updatedAt: it was when the delivery was built.
        (reported(0, "0", cancelled=True, again=7), [reported(0, "0")], {"0:00:07": "133.10"}),
    ],
)
def test_each_refund_has_its_day(
    newest: RefundState, history: list[RefundState], expected: dict[str, str]
) -> None:
    assert dated(newest, history) == expected
    assert dated(newest, [*reversed(history), newest, *history]) == expected


STATES = st.builds(
    lambda day, refunded, cancelled: RefundState(
        NOON + day * DAY, NOON + day * DAY, Decimal(refunded) / 100, cancelled
    ),
    st.integers(1, 5),
    st.integers(0, 15_000),
    st.booleans(),
)


@given(
    st.lists(STATES, max_size=6, unique_by=lambda state: state.version),
    st.data(),
    st.sampled_from([GROSS, NET, ALL, Terms("net", "included")]),
)
def test_the_days_of_refunds_do_not_depend_on_the_sequence_of_snapshots(
    states: list[RefundState], data: st.DataObject, terms: Terms
) -> None:
    newest = max(states, key=lambda state: state.version, default=reported(0, "0"))
    shuffled = data.draw(st.permutations(states * 2))
    assert dated(newest, shuffled, terms) == dated(newest, states, terms)


AMOUNTS = st.integers(0, 10**6).map(lambda cents: Decimal(cents).scaleb(-2))


@given(
    st.lists(st.tuples(AMOUNTS, st.integers(0, 30)), min_size=1, max_size=6),
    AMOUNTS,
    AMOUNTS,
    AMOUNTS,
    st.lists(STATES, max_size=4),
    st.booleans(),
)
def test_lines_with_shipping_add_up_to_the_order(
    lines: list[tuple[Decimal, int]],
    shipping: Decimal,
    gift_card: Decimal,
    refunded: Decimal,
    history: list[RefundState],
    cancelled: bool,
) -> None:
    whole = sum((amount for amount, _ in lines), shipping)
    deducted = min(gift_card, whole)
    bought = order(
        lines=tuple(
            OrderLine(str(n), "x", Decimal(1), amount, net=amount * (100 - tax) / 100)
            for n, (amount, tax) in enumerate(lines)
        ),
        shipping=shipping,
        deducted=deducted,
        total=whole - deducted,
        refunded=refunded,
        cancelled=cancelled,
        updated_at=NOON + 9 * DAY,
    )
    sold = sold_lines(bought, ALL, history)
    assert sum(line.amount for line in sold) == bought.total
    refund = bought.total if cancelled else min(refunded, bought.total)
    assert sum(line.refunded for line in sold) == refund
    by_line = {line.id: line.refunded for line in sold}
    assert tuple(by_line[line.id] for line in bought.lines) == refunded_by_line(bought)
    without_tax = sold_lines(bought, Terms("net", "included"), history)
    for gross, net in zip(sold, without_tax, strict=True):
        assert 0 <= net.refunded <= net.amount <= gross.amount
        assert (net.refunded == net.amount) or gross.refunded < gross.amount
        assert sum((refund.amount for refund in net.refunds), Decimal(0)) == net.refunded


@given(
    st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=4),
    st.integers(0, 10**6),
    st.sampled_from([GROSS, NET, ALL, Terms("net", "included")]),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_what_a_line_counts_without_refunds_is_exact(
    lines: list[tuple[int, int]], deducted: int, terms: Terms, currency: str
) -> None:
    bought = order(
        currency=currency,
        lines=tuple(
            OrderLine(
                f"L{n}",
                "x",
                Decimal(1),
                from_minor(amount, currency),
                net=from_minor(min(net, amount), currency),
            )
            for n, (amount, net) in enumerate(lines)
        ),
        deducted=from_minor(deducted, currency),
    )
    for line, part, paid in zip(
        sold_lines(bought, terms), bought.parts(), bought.paid_by_part(), strict=False
    ):
        net, gross = to_minor(part.net or Decimal(0), currency), to_minor(part.amount, currency)
        share = Fraction(net, gross) if terms.tax == "net" and gross else Fraction(1)
        assert line.amount == from_minor(floor(paid * share + Fraction(1, 2)), currency)
        assert (line.refunded, line.refunds) == (Decimal(0), ())


def test_clicks_that_share_a_line_share_each_of_its_refunds() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    line = SoldLine(
        "L1",
        "x",
        None,
        Decimal(1),
        Decimal("10.00"),
        Decimal("3.00"),
        (Refund(at, Decimal("1.00")), Refund(at + DAY, Decimal("2.00"))),
        "EUR",
    )
    assert line.refunds_by_click([1000]) == [{at: 100, at + DAY: 200}]
    assert line.refunds_by_click([500, 500]) == [{at: 50, at + DAY: 100}, {at: 50, at + DAY: 100}]
    # A third each is 0.34, 0.33 and 0.33 of the first euro; all days and all clicks add up.
    assert line.refunds_by_click([334, 333, 333]) == [
        {at: 34, at + DAY: 66},
        {at: 33, at + DAY: 67},
        {at: 33, at + DAY: 67},
    ]
    assert line.refunds_by_click([150, 0]) == [{at: 100, at + DAY: 50}, {at: 0, at + DAY: 0}], "no more"
    assert line.refunds_by_click([]) == []
