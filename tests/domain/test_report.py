"""The report is rows and sums, net of refunds, one sum per currency."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from salepixel.attribution import Policy, decide
from salepixel.evidence import Evidence, Rung
from salepixel.orders import Order
from salepixel.report import Sale, Status, sale_rows, totals
from tests.make import NOON, click_at, order


def sold(o: Order, verified: bool = True) -> list[Sale]:
    evidence = [Evidence(Rung.TOKEN, click_at(NOON - timedelta(hours=1)))]
    return sale_rows(o, decide(1, o, evidence, Policy()), verified=verified)


def test_a_sale_names_contact_item_quantity_amount_and_date() -> None:
    first, second = sold(order())
    assert (first.contact, first.item, first.sku, first.quantity) == ("ana", "Red shoes", "R-1", 2)
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
def test_each_row_says_the_state_of_its_money(
    changes: dict[str, Any], verified: bool, status: Status
) -> None:
    assert {sale.status for sale in sold(order(**changes), verified)} == {status}


def test_an_order_without_a_click_gives_no_row() -> None:
    assert sale_rows(order(), decide(1, order(), [], Policy())) == []


def test_currencies_are_never_added_up() -> None:
    rows = sold(order(refunded=Decimal("10.00"))) + sold(order(id="O2", number="2", currency="USD"))
    euro, dollar = totals(rows)
    assert (euro.currency, euro.orders, euro.quantity) == ("EUR", 1, 3)
    assert (euro.gross, euro.refunded, euro.net) == (Decimal("59.80"), Decimal("10.00"), Decimal("49.80"))
    assert (dollar.currency, dollar.net) == ("USD", Decimal("59.80"))
