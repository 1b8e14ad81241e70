"""A delivery as people see it: no credentials, and no buyers for a reader who may not see contacts."""

import json
from decimal import Decimal

import pytest

from kit.saleor_orders import Line, Orders
from salepixel.orders.shown import HIDDEN, show_body, show_headers

SALES_API = {
    "empId": 7,
    "orders": [
        {
            "id": "o-1",
            "email": "ana@shop.test",
            "customer": {"id": "u-1"},
            "note": "Call 600 100 200",
            "phone": 600100200,
            "lines": [{"item": "Red shoes", "quantity": 2, "amount": "39.80"}],
        }
    ],
}


def test_credentials_are_hidden_from_everybody() -> None:
    headers = {"Authorization": "Bearer x", "COOKIE": "a=b", "Saleor-Signature": "sig", "X-Api-Key": "k"}
    shown = show_headers(headers)
    assert shown == {
        "Authorization": HIDDEN,
        "COOKIE": HIDDEN,
        "Saleor-Signature": "sig",
        "X-Api-Key": HIDDEN,
    }


@pytest.mark.parametrize("text", ["ana@shop.test", "u-1", "600 100 200", "600100200"])
def test_without_the_right_to_contacts_nothing_names_the_buyer(text: str) -> None:
    body = json.dumps(SALES_API).encode()
    assert text in show_body(body, with_buyers=True)
    shown = show_body(body, with_buyers=False)
    assert text not in shown
    for kept in ("o-1", "Red shoes", "39.80", '"quantity": 2'):
        assert kept in shown


def test_an_order_of_saleor_keeps_what_was_bought() -> None:
    orders = Orders("default-channel", "EUR")
    order = orders.order("1042", [Line("Red shoes", 2, Decimal("39.80"), "R-1")], email="ana@shop.test")
    shown = show_body(json.dumps({"order": order}).encode(), with_buyers=False)
    assert "ana@shop.test" not in shown
    for kept in ("1042", "Red shoes", "R-1", "39.8"):
        assert kept in shown


@pytest.mark.parametrize("body", [b"ana@shop.test", b"\xff\xfe", b"[" * 100_000, b'"ana"'])
def test_a_body_that_is_no_order_is_shown_only_to_those_who_may_see_contacts(body: bytes) -> None:
    assert show_body(body, with_buyers=False).strip('"') == HIDDEN
    assert show_body(body, with_buyers=True)
