"""An order's money from all of its snapshots, in whatever sequence they arrive."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.orders.charges import read_ledger
from salepixel.orders.order import Order, RefundState
from tests.make import NOON, order

TOTAL = Decimal("59.80")
States = list[tuple[str, str]]


def states(reported: States) -> list[RefundState]:
    """One snapshot a day: the current charge, and what was refunded."""
    found = []
    for day, (held, refunded) in enumerate(reported):
        at, there, back = NOON + timedelta(days=day), Decimal(held), Decimal(refunded)
        found.append(RefundState(at, at, back, charged=there + back, covers=there))
    return found


def newest(history: list[RefundState]) -> Order:
    last = history[-1]
    assert last.charged is not None
    return replace(
        order(refunded=last.refunded, updated_at=last.updated_at, issued_at=last.issued_at),
        charged=last.charged,
        covers=last.covers,
        paid=last.charged >= TOTAL,
    )


@pytest.mark.parametrize(
    ("reported", "paid", "charged", "refunded", "charged_back"),
    [
        pytest.param([("0", "0")], False, "59.80", "0", "0", id="placed"),
        pytest.param([("0", "0"), ("30", "0")], False, "59.80", "0", "0", id="paid in part"),
        pytest.param([("0", "0"), ("59.80", "0")], True, "59.80", "0", "0", id="paid"),
        pytest.param([("59.80", "0"), ("49.80", "10")], True, "59.80", "10", "0", id="refunded in part"),
        pytest.param([("59.80", "0"), ("0", "59.80")], True, "59.80", "59.80", "0", id="fully refunded"),
        pytest.param([("59.80", "0"), ("49.80", "0")], True, "59.80", "10", "10", id="charged back in part"),
        pytest.param([("59.80", "0"), ("0", "0")], True, "59.80", "59.80", "59.80", id="fully charged back"),
        pytest.param(
            [("59.80", "0"), ("59.80", "10")], True, "59.80", "10", "0", id="refunded, the charge not lowered"
        ),
        pytest.param(
            [("59.80", "0"), ("59.80", "10"), ("49.80", "10")], True, "59.80", "10", "0", id="lowered later"
        ),
        pytest.param(
            [("69.80", "0"), ("59.80", "10")], True, "59.80", "0", "0", id="charged too much, corrected"
        ),
        pytest.param(
            [("59.80", "0"), ("49.80", "10"), ("59.80", "0")], True, "59.80", "0", "0", id="reversed"
        ),
        pytest.param(
            [("59.80", "0"), ("0", "59.80"), ("59.80", "59.80")], True, "59.80", "0", "0", id="charged again"
        ),
        pytest.param(
            [("30", "0"), ("0", "30"), ("29.80", "30")], False, "59.80", "30", "0", id="another card"
        ),
    ],
)
def test_an_order_is_worth_what_was_charged_less_what_was_refunded(
    reported: States, paid: bool, charged: str, refunded: str, charged_back: str
) -> None:
    history = states(reported)
    ledger = read_ledger(newest(history), history)
    assert (ledger.paid, ledger.charged, ledger.refunded[-1], ledger.charged_back) == (
        paid,
        *(Decimal(amount) for amount in (charged, refunded, charged_back)),
    )


AMOUNTS = st.sampled_from(["0", "10", "29.80", "30", "49.80", "59.80", "69.80"])


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=6), st.data())
def test_snapshots_may_arrive_twice_late_and_shuffled(reported: States, data: st.DataObject) -> None:
    history = states(reported)
    shuffled = data.draw(st.permutations(history * 2))
    ledger = read_ledger(newest(history), shuffled)
    assert ledger == read_ledger(newest(history), history)
    assert all(0 <= amount <= TOTAL for amount in ledger.refunded)


SUMS = st.none() | AMOUNTS.map(Decimal)


@given(st.booleans(), SUMS, SUMS, st.lists(st.tuples(AMOUNTS, SUMS, SUMS), max_size=3))
def test_any_combination_of_snapshots_gives_a_valid_ledger(
    paid: bool, charged: Decimal | None, covers: Decimal | None, before: list[tuple[str, Any, Any]]
) -> None:
    reported = [RefundState(NOON, NOON, Decimal(back), False, *rest) for back, *rest in before]
    ledger = read_ledger(replace(order(), paid=paid, charged=charged, covers=covers), reported)
    assert 0 <= ledger.charged <= TOTAL
    assert ledger.part_paid >= 0


def test_a_covered_order_without_a_reported_charge_is_worth_its_total() -> None:
    ledger = read_ledger(replace(order(), paid=False, charged=None, covers=TOTAL))
    assert (ledger.paid, ledger.charged, ledger.refunded) == (True, TOTAL, (Decimal(0),))
