"""Unreadable parts of an order have a reason, and nothing is guessed."""

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salepixel.shops.contract import Unreadable
from tests.plugin.saleor import captures
from tests.plugin.saleor.captures import Change, changed, read


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
        (lambda order: order.update(created="0001-01-01T00:00:00+00:00"), "bad_time"),
        (lambda order: order.update(created="9999-12-31T23:59:59+00:00"), "bad_time"),
        (lambda order: order.update(updatedAt="9999-12-31T23:59:59+00:00"), "bad_time"),
        (lambda order: order.update(id="x" * 20_000), "long_reference"),
        (lambda order: order.update(number="x" * 20_000), "long_reference"),
        (lambda order: order["lines"][0].update(id="x" * 20_000), "long_reference"),
        (lambda order: order["total"]["gross"].update(amount=999999999999.995), "bad_amount"),
        (lambda order: order["totalRefunded"].update(amount=999999999999.995), "bad_amount"),
        (lambda order: order["totalCharged"].update(amount=999999999999.995), "bad_amount"),
        (lambda order: order.update(totalRefundPending={"amount": 999999999999.995}), "bad_amount"),
        (
            lambda order: order["lines"][0]["totalPrice"]["gross"].update(amount=999999999999.995),
            "bad_amount",
        ),
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
        (lambda order: order["lines"][0]["totalPrice"]["net"].update(amount="1"), "bad_amount"),
        (lambda order: order.update(grantedRefunds=["a"]), "bad_refund"),
        (lambda order: order.update(grantedRefunds=[{"amount": {"amount": 1}, "lines": [{}]}]), "bad_refund"),
        (lambda order: order.update(grantedRefunds=[{"amount": None}]), "no_amount"),
    ],
)
def test_unreadable_values_have_a_reason(change: Change, reason: str) -> None:
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
def test_a_delivery_without_an_order_has_a_reason(body: bytes) -> None:
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
@example(("orders", 1, "chargeStatus"), [])
def test_any_value_in_any_field_is_parsed_or_has_a_reason(place: tuple[Any, ...], value: Any) -> None:
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
