"""What a Saleor order says becomes our order, to the cent; what cannot be read is named."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.orders import Order, OrderLine
from salepixel_plugin.connectors import saleor
from salepixel_plugin.connectors.contract import Delivery, Unreadable
from tests.plugin.saleor import captures

Change = Callable[[dict[str, Any]], object]
HOSTILE_TOKEN = "\ud800\0é" + "x" * 9_000


def hash_email(email: str) -> str:
    return f"hash of {email}"


def read(body: bytes, event: str = "order_updated") -> list[Order]:
    return saleor.read_orders(Delivery(captures.API_URL, event, {}, body), hash_email)


def read_captured(name: str) -> Order:
    (order,) = saleor.read_orders(captures.captured(name).delivery, hash_email)
    return order


def changed(change: Change, name: str = "h_pln_channel_voucher/004-order_updated") -> bytes:
    body = json.loads(captures.captured(name).body)
    change(body["order"])
    return json.dumps(body).encode()


def test_an_order_is_read_whole() -> None:
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
                2,
                Decimal("380.69"),
                "818223582",
            ),
            OrderLine(
                "T3JkZXJMaW5lOjAwMDk5ODMzLWIwZTYtNGU4OC05MjMzLTc4MjE5OGI0YTE2MQ==",
                "Reversed Monotype Tee (XL)",
                1,
                Decimal("99.31"),
                "9182235820",
            ),
        ),
        shipping=Decimal("43.87"),
        email_hash="hash of kupujacy.h@example.pl",
        click_token="TOKEN_PLACEHOLDER_H",
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
def test_each_scenario_is_read_as_it_was(
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
    orders = saleor.read_orders(bulk.delivery, hash_email)
    assert [(order.number, order.paid, order.click_token) for order in orders] == [
        ("44", True, "TOKEN_PLACEHOLDER_D1"),
        ("45", False, "TOKEN_PLACEHOLDER_D2"),
        ("46", True, None),
    ]
    assert {line.sku for order in orders for line in order.lines} == {None}


def test_a_variant_without_a_name_is_not_shown_as_its_id() -> None:
    items = [line.item for line in read_captured("c_cancelled/001-order_created").lines]
    assert all("UHJv" not in item for item in items)
    assert "(" not in items[1]


def test_lifecycle_deliveries_have_no_orders() -> None:
    for captured in captures.LIFECYCLE:
        assert saleor.read_orders(captured.delivery, hash_email) == []


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
            lambda order: order.update(metadata=[{"key": saleor.CLICK_KEY, "value": HOSTILE_TOKEN}]),
            ("click_token", "???" + "x" * 509),
            id="a hostile token is one that cannot be opened",
        ),
        pytest.param(
            lambda order: order.update(metadata=[5, {}, {"key": saleor.CLICK_KEY, "value": {"a": []}}]),
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
            lambda order: order["totalRefunded"].update(amount=1),
            ("refunded", Decimal("1.00")),
            id="whole number",
        ),
    ],
)
def test_odd_but_readable_orders_are_read(change: Change, expected: tuple[str, object]) -> None:
    (order,) = read(changed(change))
    assert getattr(order, expected[0]) == expected[1]


def in_yen(order: dict[str, Any]) -> None:
    for taxed in (order["total"], order["shippingPrice"], *(line["totalPrice"] for line in order["lines"])):
        taxed.update(currency="JPY", gross={"amount": 1980.0})


def test_amounts_have_the_digits_of_their_currency() -> None:
    (order,) = read(changed(in_yen))
    assert (str(order.total), str(order.lines[0].amount)) == ("1980", "1980")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda order: order.pop("id"), "no_id"),
        (lambda order: order.update(id=""), "no_id"),
        (lambda order: order.update(id=5), "no_id"),
        (lambda order: order.update(id="a\0b"), "no_id"),
        (lambda order: order.update(number="\ud800"), "no_number"),
        (lambda order: order.update(userEmail="\ud800@x"), "no_userEmail"),
        (lambda order: order.update(created="yesterday"), "no_created"),
        (lambda order: order.update(created="2026-11-23T10:00:00"), "no_created"),
        (lambda order: order.update(updatedAt=None), "no_updatedAt"),
        (lambda order: order.update(updatedAt="0001-01-01T00:00:00+14:00"), "no_updatedAt"),
        (lambda order: order.update(total=None), "no_total"),
        (lambda order: order["total"].update(currency="EURO"), "bad_currency"),
        (lambda order: order["total"].update(gross=None), "no_amount"),
        (lambda order: order["total"]["gross"].update(amount="523.87"), "bad_amount"),
        (lambda order: order["total"]["gross"].update(amount=True), "bad_amount"),
        (lambda order: order["total"]["gross"].update(amount=1e300), "bad_amount"),
        (lambda order: order["total"]["gross"].update(amount=-5.0), "negative_amount"),
        (lambda order: order["shippingPrice"].update(currency="EUR"), "mixed_currencies"),
        (lambda order: order.update(lines=None), "no_lines"),
        (lambda order: order.update(lines=["a"]), "no_lines"),
        (lambda order: order["lines"][0].update(quantity=1.5), "bad_quantity"),
        (lambda order: order["lines"][0].update(quantity=-1), "bad_quantity"),
        (lambda order: order["lines"][0].update(quantity=10**30), "bad_quantity"),
        (lambda order: order["lines"][0].update(productName=None), "no_productName"),
    ],
)
def test_what_cannot_be_read_is_named(change: Change, reason: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        read(changed(change))
    assert unreadable.value.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        b'{"issuedAt": "2026-11-23T10:00:00Z"}',
        b'{"order": {}}',
        b'{"issuedAt": "2026-11-23T10:00:00Z", "orders": 5}',
    ],
)
def test_a_delivery_without_an_order_is_named(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, inner in items for place in places(inner, (*path, key))]


BULK = json.loads(captures.captured("d_bulk_import_3/001-order_bulk_created").body)


@given(st.sampled_from(places(BULK)), JSON)
def test_anything_anywhere_is_read_or_named(place: tuple[Any, ...], value: Any) -> None:
    body = json.loads(json.dumps(BULK))
    parent = body
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    try:
        orders = read(json.dumps(body, allow_nan=False).encode())
    except Unreadable:
        return
    assert all(order.total >= 0 and order.placed_at.tzinfo is UTC for order in orders)
