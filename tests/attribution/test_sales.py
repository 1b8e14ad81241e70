"""The report is rows and sums, net of refunds, one sum per currency."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from salepixel.accounts.policy import Model, Policy
from salepixel.attribution.decide import decide
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import Sale, Status, sale_rows
from salepixel.clicks.tokens import Verdict
from salepixel.orders.order import Order, OrderLine
from salepixel.report.totals import totals
from tests.make import NOON, click_at, order


def sold(o: Order, verified: bool = True) -> list[Sale]:
    evidence = [Evidence(Rung.TOKEN, click_at(NOON - timedelta(hours=1)))]
    return sale_rows(o, decide(1, o, evidence, Policy()), verified=verified)


def test_a_sale_names_contact_item_quantity_amount_and_date() -> None:
    first, second = sold(order())
    assert (first.contact, first.item, first.sku, first.quantity) == ("ana", "Red shoes", "R-1", Decimal(2))
    assert (first.amount, first.currency, first.purchased_at) == (Decimal("39.80"), "EUR", NOON)
    assert (first.order, first.evidence, first.confidence) == ("1042", Rung.TOKEN, 0.99)
    assert second.item == "Laces"


@pytest.mark.parametrize(
    ("changes", "verified", "status"),
    [
        ({}, True, Status.CONFIRMED),
        ({"refunded": Decimal("10.00")}, True, Status.CONFIRMED),
        ({"refunded": Decimal("59.80")}, True, Status.REFUNDED),
        ({"cancelled": True}, True, Status.CANCELLED),
        ({}, False, Status.UNVERIFIED),
    ],
)
def test_each_row_shows_its_payment_status(changes: dict[str, Any], verified: bool, status: Status) -> None:
    assert {sale.status for sale in sold(order(**changes), verified)} == {status}


@pytest.mark.parametrize("model", list(Model))
@pytest.mark.parametrize("clicks", [1, 3, 4, 7])
def test_no_share_is_refunded_more_than_it_was_worth(model: Model, clicks: int) -> None:
    """Largest remainder alone could: in four parts, one of 11 cents may exceed one of 12 cents."""
    evidence = [
        Evidence(Rung.EMAIL, click_at(NOON - timedelta(hours=n), serial=n), Verdict.HUMAN)
        for n in range(1, clicks + 1)
    ]
    for cents in range(40):
        for given_back in {0, cents // 3, cents - 2, cents - 1, cents} - {-1, -2}:
            cost, refunded = Decimal(cents).scaleb(-2), Decimal(given_back).scaleb(-2)
            bought = order(total=cost, refunded=refunded, lines=(OrderLine("L1", "x", Decimal(1), cost),))
            rows = sale_rows(bought, decide(1, bought, evidence, Policy(model=model)))
            assert all(row.refunded <= row.amount for row in rows)
            assert sum(row.amount for row in rows) == cost
            assert sum(row.refunded for row in rows) == refunded
            assert all(sum(r.amount for r in row.refunds) == row.refunded for row in rows)


def test_a_later_refund_does_not_change_the_amount() -> None:
    evidence = [
        Evidence(Rung.EMAIL, click_at(NOON - timedelta(hours=n), serial=n), Verdict.HUMAN)
        for n in range(1, 5)
    ]
    of_refunds = [order(), order(refunded=Decimal("19.99")), order(refunded=Decimal("59.79"))]
    amounts = [
        [row.amount for row in sale_rows(o, decide(1, o, evidence, Policy(model=Model.POSITION)))]
        for o in of_refunds
    ]
    assert amounts[1:] == amounts[:1] * 2


@pytest.mark.parametrize(
    ("quantity", "shared"), [("3", ["1", "2"]), ("1", ["0", "1"]), ("0.5", ["0.25", "0.25"])]
)
def test_shared_pieces_stay_whole_and_weights_are_divided(quantity: str, shared: list[str]) -> None:
    clicks = [click_at(NOON - timedelta(days=days), serial=days) for days in (1, 2)]
    evidence = [Evidence(Rung.EMAIL, click, Verdict.HUMAN) for click in clicks]
    bought = order(lines=(OrderLine("L1", "Cheese", Decimal(quantity), Decimal("59.80")),))
    rows = sale_rows(bought, decide(1, bought, evidence, Policy(model=Model.LINEAR)))
    assert sorted(str(row.quantity) for row in rows) == shared
    assert [total.quantity for total in totals(rows)] == [Decimal(quantity)]


def test_an_order_without_a_click_creates_no_row() -> None:
    assert sale_rows(order(), decide(1, order(), [], Policy())) == []


def test_currencies_are_never_added_up() -> None:
    rows = sold(order(refunded=Decimal("10.00"))) + sold(order(id="O2", number="2", currency="USD"))
    euro, dollar = totals(rows)
    assert (euro.currency, euro.orders, euro.quantity) == ("EUR", 1, Decimal(3))
    assert (euro.gross, euro.refunded, euro.net) == (Decimal("59.80"), Decimal("10.00"), Decimal("49.80"))
    assert (dollar.currency, dollar.net) == ("USD", Decimal("59.80"))
