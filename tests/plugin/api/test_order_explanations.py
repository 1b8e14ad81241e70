"""The API's explanation of a partly paid order, and of one that replaces goods of another."""

from dataclasses import replace
from decimal import Decimal

import pytest

from salepixel.orders import store as orders
from salepixel.orders.order import Order
from tests.plugin.conftest import Office


def keep(office: Office, shop: str, order: Order) -> None:
    with office.database.write() as connection:
        orders.store_order(connection, shop, 7, order, "", always=True)
    office.reconcile(shop, order.id)


def stored(office: Office, shop: str, order_id: str) -> Order:
    with office.database.read() as connection:
        found = orders.get_order(connection, shop, order_id)
    assert found is not None
    return found.order


def test_a_partly_paid_order_shows_how_much_is_paid(office: Office) -> None:
    shop, order_id = office.order()
    whole = stored(office, shop, order_id)
    owes = replace(whole, paid=False, charged=Decimal("10.00"), covers=Decimal("10.00"))
    keep(office, shop, owes)
    path = f"/orders/{shop}/{order_id}/decision"
    decision = office.get(path)
    assert (decision["outcome"], decision["reason"]) == ("pending", "unpaid")
    assert "€10.00 of €39.80 are paid" in decision["explanation"]
    assert "se han pagado" in office.get(f"{path}?lang=es")["explanation"]
    keep(office, shop, replace(owes, charged=Decimal(0), covers=Decimal(0)))
    explanation = "Order 1042 is not paid yet. Its attribution is decided once it is paid."
    assert office.get(path)["explanation"] == explanation


@pytest.mark.parametrize("original", ["o-0", ""])
def test_a_replacement_names_the_order_whose_goods_it_replaces(office: Office, original: str) -> None:
    shop, order_id = office.order()
    keep(office, shop, replace(stored(office, shop, order_id), replaces=original))
    decision = office.get(f"/orders/{shop}/{order_id}/decision")
    assert (decision["reason"], decision["replaces"]) == ("replacement", original)
    assert decision["explanation"].startswith("Order 1042 replaces goods of an earlier order")


def test_an_ordinary_purchase_replaces_nothing(office: Office) -> None:
    shop, order_id = office.order()
    assert office.get(f"/orders/{shop}/{order_id}/decision")["replaces"] is None
