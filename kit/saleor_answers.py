"""The stand-in shop's answers to queries for orders: the part of Saleor's schema that we use."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

NO_PERMISSION = {
    "message": "To access this path, you need one of the following permissions: MANAGE_ORDERS",
    "extensions": {"exception": {"code": "PermissionDenied"}},
}
"""Saleor's error for an unknown token, or one without permission."""

NO_ORIGIN = {
    "message": 'Expected a value of type "OrderOriginEnum" but received: ',
    "path": ["orders", "edges", 1, "node", "origin"],
    "extensions": {"exception": {"code": "GraphQLError"}},
}
"""The error of Saleor 3.23.28 for an order with an empty `origin`; then `orders` is null."""

_COUNT = re.compile(
    r"(d\d{8}): orders\(first: 1, (?:filter|where): "
    r'\{\w+: \{gte: "([-\d]{10}).*?", lte: "([-\d]{10}).*?"\}\}\)'
)


def answer_orders(
    asked: Mapping[str, Any], orders: Mapping[str, Mapping[str, Any]], version: str
) -> dict[str, Any]:
    """The `data` for a query: the shop's version, a page of orders, or counts per day."""
    query, values = asked["query"], asked.get("variables") or {}
    if "shop{version}" in query:
        return {"shop": {"version": version}}
    newest_first = sorted(orders.values(), key=lambda order: (order["created"], order["id"]), reverse=True)
    if "SalePixelOrders" in query:
        found = [one for one in newest_first if _is_wanted(one, values["wanted"])]
        if "...Sale" not in query:
            found = [{"id": one["id"], "number": one["number"]} for one in found]
        return {"orders": _page(found, values)}
    return {
        name: {"totalCount": sum(_is_between(order, first, last) for order in newest_first)}
        for name, first, last in _COUNT.findall(query)
    }


def _page(found: list[Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    start, first = int(values["after"] or 0), values["first"]
    nodes = found[start : start + first]
    info = {"hasNextPage": start + first < len(found), "endCursor": f"{start + len(nodes)}"}
    return {"pageInfo": info, "edges": [{"node": node} for node in nodes]}


def _is_wanted(order: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if "ids" in wanted:
        return order["id"] in wanted["ids"]
    between, updated = wanted["updatedAt"], datetime.fromisoformat(order["updatedAt"])
    return datetime.fromisoformat(between["gte"]) <= updated <= datetime.fromisoformat(between["lte"])


def _is_between(order: Mapping[str, Any], first: str, last: str) -> bool:
    created = datetime.fromisoformat(order["created"]).date()
    return date.fromisoformat(first) <= created <= date.fromisoformat(last)
