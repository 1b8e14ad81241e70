"""A stored delivery as people see it: without credentials; without buyers, if the reader may not see them."""

import json
from collections.abc import Mapping
from typing import Any

HIDDEN = "•••"

_CREDENTIALS = frozenset(("authorization", "proxy-authorization", "cookie", "x-api-key"))
"""Headers that no reader sees."""

_PLAIN = frozenset(
    (
        *("__typename", "amount", "authorizeStatus", "chargeStatus", "code", "created", "currency", "empId"),
        *("event", "gross", "id", "isPaid", "issuedAt", "item", "lines", "net", "number", "orders", "origin"),
        *("paymentStatus", "placed_at", "price", "productName", "productSku", "quantity", "refunded", "sku"),
        *("status", "total", "type", "updated_at", "updatedAt", "variantName", "version"),
    )
)
"""Fields whose texts and numbers say nothing about a buyer, in deliveries of Saleor and of the sales API."""

_OF_BUYER = frozenset(("user", "customer", "metadata", "giftCards"))
"""Fields that are about the buyer, with all that is in them."""


def show_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers as received, without credentials."""
    return {name: HIDDEN if name.lower() in _CREDENTIALS else value for name, value in headers.items()}


def show_body(body: bytes, *, with_buyers: bool) -> str:
    """A body as text: JSON indented, anything else as received.

    Without buyers, only the values of fields in _PLAIN stay: a field that is not known may name somebody.
    """
    try:
        content = json.loads(body)
        if not with_buyers:
            content = _without_buyers(content, plain=False)
        return json.dumps(content, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace") if with_buyers else HIDDEN


def _without_buyers(node: Any, *, plain: bool) -> Any:
    if isinstance(node, dict):
        return {
            name: HIDDEN if name in _OF_BUYER else _without_buyers(inner, plain=name in _PLAIN)
            for name, inner in node.items()
        }
    if isinstance(node, list):
        return [_without_buyers(inner, plain=plain) for inner in node]
    return node if plain or isinstance(node, bool) or node is None else HIDDEN
