"""The manifest: what a Saleor reads before it installs us. Never read again after the installation."""

from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from flask import Response, jsonify, request

from salepixel.connectors.saleor_api import order_fields, read_version
from salepixel_plugin.services import services

ORDER_EVENTS = (
    "ORDER_CREATED",
    "ORDER_CONFIRMED",
    "ORDER_PAID",
    "ORDER_FULLY_PAID",
    "ORDER_UPDATED",
    "ORDER_REFUNDED",
    "ORDER_FULLY_REFUNDED",
    "ORDER_CANCELLED",
    "ORDER_EXPIRED",
    "ORDER_METADATA_UPDATED",
    "ORDER_BULK_CREATED",
)
LIFECYCLE_EVENTS = ("APP_INSTALLED", "APP_STATUS_CHANGED", "APP_DELETED")

_HAS_NEW_TAB = (3, 22)


def give_manifest() -> Response:
    """GET /saleor/manifest, for the Saleor version in the request's Saleor-Schema-Version."""
    asking = read_version(request.headers.get("Saleor-Schema-Version", ""))
    return jsonify(build_manifest(services().settings.plugin_url, asking))


def build_manifest(plugin_url: str, schema: tuple[int, int]) -> dict[str, Any]:
    """The manifest for a version of Saleor's schema, such as (3, 23)."""
    orders = _text("subscription.graphql") + order_fields(schema)
    return {
        "id": "salepixel",
        "name": "Salepixel",
        "version": version("salepixel"),
        "about": "Shows which e-mail campaign earned each order, and why.",
        "author": "Salepixel",
        "requiredSaleorVersion": ">=3.14 <4",
        # Enough for the subscription below (measured on 3.23.28).
        "permissions": ["MANAGE_ORDERS"],
        "appUrl": f"{plugin_url}/",
        "tokenTargetUrl": f"{plugin_url}/saleor/register",
        "extensions": _extensions(plugin_url, schema),
        "webhooks": [
            _webhook("orders", ORDER_EVENTS, orders, plugin_url),
            # An own entry, for a shop before 3.23.5 sends these to apps with MANAGE_APPS only: what it
            # refuses here must not touch the orders.
            _webhook("lifecycle", LIFECYCLE_EVENTS, _text("subscription_lifecycle.graphql"), plugin_url),
        ],
    }


def _extensions(plugin_url: str, schema: tuple[int, int]) -> list[dict[str, Any]]:
    # A Dashboard may fail on a target that it does not know. Ours opens in a tab of its own because our
    # pages let nobody frame them.
    if schema < _HAS_NEW_TAB:
        return []
    link = {
        "label": "E-mail sales",
        "mount": "NAVIGATION_ORDERS",
        "target": "NEW_TAB",
        "permissions": ["MANAGE_ORDERS"],
        "url": f"{plugin_url}/",
        "options": {"newTabTarget": {"method": "GET"}},
    }
    return [link]


def _webhook(name: str, events: tuple[str, ...], query: str, plugin_url: str) -> dict[str, Any]:
    return {
        "name": name,
        "asyncEvents": list(events),
        "query": query,
        "targetUrl": f"{plugin_url}/saleor/webhooks",
        "isActive": True,
    }


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
