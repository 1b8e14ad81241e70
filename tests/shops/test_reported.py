"""An order that a program reports: cents add up, and what is not reported follows from the rest."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from salepixel.clicks.hits import MAX_TEXT
from salepixel.keys import Keys
from salepixel.shops.reported import ReportedLine, ReportedOrder, order_of_report

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def lines(*amounts: str) -> list[ReportedLine]:
    return [ReportedLine("Shoes", Decimal(1), Decimal(amount)) for amount in amounts]


@pytest.mark.parametrize(
    ("amounts", "total", "kept", "shipping", "deducted"),
    [
        (["39.80", "20.00"], None, ["39.80", "20.00"], "0", "0"),
        (["39.80", "20.00"], "64.75", ["39.80", "20.00"], "4.95", "0"),
        (["0.005", "0.005"], None, ["0.01", "0.00"], "0", "0"),
        (["10.00", "10.00"], "19.99", ["10.00", "10.00"], "0", "0.01"),
    ],
)
def test_lines_shipping_and_rounding_differences_add_up_to_the_total(
    keys: Keys, amounts: list[str], total: str | None, kept: list[str], shipping: str, deducted: str
) -> None:
    reported = ReportedOrder(
        "1", "EUR", NOON, lines(*amounts), total=None if total is None else Decimal(total)
    )
    order = order_of_report(keys, 7, reported, NOON, NOON)
    assert [line.amount for line in order.lines] == list(map(Decimal, kept))
    assert (order.shipping, order.deducted) == (Decimal(shipping), Decimal(deducted))
    assert order.total == sum(map(Decimal, kept)) + order.shipping - order.deducted


@pytest.mark.parametrize("known", [NOON - timedelta(days=1), NOON + timedelta(days=1)])
def test_without_updated_at_the_time_of_the_report_counts(keys: Keys, known: datetime) -> None:
    reported = ReportedOrder("1", "EUR", NOON, lines("5"))
    assert order_of_report(keys, 7, reported, known, NOON).updated_at == max(known, NOON)


def test_an_overlong_click_token_loses_no_order(keys: Keys) -> None:
    reported = ReportedOrder("1", "EUR", NOON, lines("5"), click="x" * (MAX_TEXT + 1))
    assert order_of_report(keys, 7, reported, NOON, NOON).click_token == "x" * MAX_TEXT
