"""A Saleor order becomes our order, to the cent."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from salepixel.orders.order import Order, OrderLine
from salepixel.shops.saleor import order as saleor_order
from tests.plugin.saleor import captures
from tests.plugin.saleor.captures import Change, changed, read

HOSTILE_TOKEN = "\ud800\0é" + "x" * 9_000


def read_captured(name: str) -> Order:
    (order,) = captures.read_all(captures.captured(name).delivery)
    return order


def test_every_field_of_an_order_is_parsed() -> None:
    assert read_captured("h_pln_channel_voucher/004-order_updated") == Order(
        id="T3JkZXI6ZjI0YjNjMTAtMzcwOS00ZDUyLWEyYzYtMWVjYzUxNmIzMjkz",
        number="43",
        currency="PLN",
        placed_at=datetime(2026, 11, 23, 10, 2, 36, 830499, UTC),
        updated_at=datetime(2026, 11, 23, 10, 2, 40, 251456, UTC),
        issued_at=json_time("h_pln_channel_voucher/004-order_updated"),
        total=Decimal("523.87"),
        refunded=Decimal("0.00"),
        paid=True,
        cancelled=False,
        lines=(
            OrderLine(
                "T3JkZXJMaW5lOjFlODVjNTZmLWZkYjYtNDk4MS1iMDE4LTY1MTg1NjkxYzQ0MA==",
                "Blue Plimsolls (40)",
                Decimal(2),
                Decimal("380.69"),
                "818223582",
                Decimal("309.50"),
            ),
            OrderLine(
                "T3JkZXJMaW5lOjAwMDk5ODMzLWIwZTYtNGU4OC05MjMzLTc4MjE5OGI0YTE2MQ==",
                "Reversed Monotype Tee (XL)",
                Decimal(1),
                Decimal("99.31"),
                "9182235820",
                Decimal("80.74"),
            ),
        ),
        shipping=Decimal("43.87"),
        email_hash="hash of kupujacy.h@example.pl",
        alias_hash="mailbox of kupujacy.h@example.pl",
        click_token="TOKEN_PLACEHOLDER_H",
        shipping_net=Decimal("35.67"),
        voucher="DISCOUNT",
        charged=Decimal("523.87"),
        covers=Decimal("523.87"),
    )


def json_time(name: str) -> datetime:
    return datetime.fromisoformat(json.loads(captures.captured(name).body)["issuedAt"])


@pytest.mark.parametrize(
    ("name", "paid", "refunded", "cancelled", "token"),
    [
        ("a_anonymous_checkout_marked_paid/001-order_created", False, "0.00", False, "A"),
        ("a_anonymous_checkout_marked_paid/003-order_fully_paid", True, "0.00", False, "A"),
        ("b_customer_two_charges_refunds/003-order_paid", False, "0.00", False, "B"),
        ("b_customer_two_charges_refunds/006-order_fully_paid", True, "0.00", False, "B"),
        ("b_customer_two_charges_refunds/008-order_refunded", True, "12.50", False, "B"),
        ("b_customer_two_charges_refunds/014-order_fully_refunded", True, "198.31", False, "B"),
        ("c_cancelled/003-order_cancelled", False, "0.00", True, "C"),
        ("e_draft_order_completed/004-order_updated", True, "0.00", False, None),
        ("f_metadata_after_creation/001-order_created", False, "0.00", False, None),
        ("f_metadata_after_creation/003-order_metadata_updated", False, "0.00", False, "F"),
        ("f_metadata_after_creation/005-order_metadata_updated", False, "0.00", False, "F2"),
        ("g_retry_500_then_200/007-order_fully_paid", True, "0.00", False, "G"),
    ],
)
def test_each_recorded_scenario_is_parsed_correctly(
    name: str, paid: bool, refunded: str, cancelled: bool, token: str | None
) -> None:
    order = read_captured(name)
    expected = None if token is None else f"TOKEN_PLACEHOLDER_{token}"
    assert (order.paid, order.refunded, order.cancelled, order.click_token) == (
        paid,
        Decimal(refunded),
        cancelled,
        expected,
    )


def test_a_bulk_import_is_several_orders() -> None:
    bulk = captures.captured("d_bulk_import_3/001-order_bulk_created")
    orders = captures.read_all(bulk.delivery)
    assert [(order.number, order.paid, order.click_token) for order in orders] == [
        ("44", True, "TOKEN_PLACEHOLDER_D1"),
        ("45", False, "TOKEN_PLACEHOLDER_D2"),
        ("46", True, None),
    ]
    assert {line.sku for order in orders for line in order.lines} == {None}


def test_an_unnamed_variant_is_not_shown_as_its_id() -> None:
    items = [line.item for line in read_captured("c_cancelled/001-order_created").lines]
    assert all("UHJv" not in item for item in items)
    assert "(" not in items[1]


def test_lifecycle_deliveries_have_no_orders() -> None:
    for captured in captures.LIFECYCLE:
        assert captures.read_all(captured.delivery) == []


@pytest.mark.parametrize("status", ["CANCELED", "EXPIRED"])
def test_an_order_that_ended_unfulfilled_is_cancelled(status: str) -> None:
    assert read(changed(lambda order: order.update(status=status)))[0].cancelled


def test_drafts_are_ignored() -> None:
    assert read(changed(lambda order: order.update(status="DRAFT", number=None))) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda order: order.update(userEmail=""), ("email_hash", None), id="no e-mail"),
        pytest.param(lambda order: order.update(userEmail=None), ("email_hash", None), id="null e-mail"),
        pytest.param(lambda order: order.pop("metadata"), ("click_token", None), id="no metadata"),
        pytest.param(
            lambda order: order.update(metadata=[{"key": saleor_order.CLICK_KEY, "value": HOSTILE_TOKEN}]),
            ("click_token", "???" + "x" * 509),
            id="a hostile token is an invalid one",
        ),
        pytest.param(
            lambda order: order.update(metadata=[5, {}, {"key": saleor_order.CLICK_KEY, "value": {"a": []}}]),
            ("click_token", "?"),
            id="odd metadata",
        ),
        pytest.param(
            lambda order: order.update(isPaid=False, chargeStatus="OVERCHARGED"),
            ("paid", True),
            id="overcharged",
        ),
        pytest.param(
            lambda order: order.update(created="2026-11-23T01:30:00+02:00"),
            ("placed_at", datetime(2026, 11, 22, 23, 30, tzinfo=UTC)),
            id="times become UTC",
        ),
        pytest.param(
            lambda order: order.update(created="2026-11-23T01:30:00Z"),
            ("placed_at", datetime(2026, 11, 23, 1, 30, tzinfo=UTC)),
            id="Z is UTC",
        ),
        pytest.param(
            lambda order: (order["totalRefunded"].update(amount=1), order["totalCharged"].update(amount=522)),
            ("refunded", Decimal("1.00")),
            id="whole number",
        ),
    ],
)
def test_odd_but_readable_orders_are_parsed(change: Change, expected: tuple[str, object]) -> None:
    (order,) = read(changed(change))
    assert getattr(order, expected[0]) == expected[1]


def in_yen(order: dict[str, Any]) -> None:
    for taxed in (order["total"], order["shippingPrice"], *(line["totalPrice"] for line in order["lines"])):
        taxed.update(currency="JPY", gross={"amount": 1980.0})


def test_amounts_have_the_digits_of_their_currency() -> None:
    (order,) = read(changed(in_yen))
    assert (str(order.total), str(order.lines[0].amount)) == ("1980", "1980")


@pytest.mark.parametrize(
    ("written", "item"),
    [
        ("Red\u00a0\u200bshoes\n", "Red shoes"),
        ("Tea\0\ud800", "Tea\ufffd\ufffd"),
        ("x" * 300, "x" * 255),
        ("Camise\u0301ta", "Camiséta"),
    ],
)
def test_no_product_name_loses_an_order(written: str, item: str) -> None:
    (order,) = read(
        changed(
            lambda order: order["lines"][0].update(productName=written, variantName="", productSku=written)
        )
    )
    assert (order.lines[0].item, order.lines[0].sku) == (item, item)
