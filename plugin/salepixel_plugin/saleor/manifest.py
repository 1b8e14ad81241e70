"""The manifest: Saleor reads it once, to install the app.

Each shop has its own manifest: its code is in `tokenTargetUrl`, its id is in the webhooks' URL and in the
app's id, which must be unique in a Saleor that serves several accounts.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from flask import Response, jsonify, request

from salepixel.accounts import store as accounts
from salepixel.shops import store as shops
from salepixel.shops.saleor.api import PERMISSION, order_fields, read_version
from salepixel_plugin.rejections import seconds_limited
from salepixel_plugin.saleor.codes import read_code
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

_HAS_WIDGETS = (3, 22)
_HAS_HOMEPAGE = (3, 23)
_NAME_CHARS = 60
"""Saleor's limit for the name of an app."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The shop and the account name of an app, and the code of the shop."""

    shop: str
    account: str
    code: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Pages of the operator that the Dashboard links to; empty: our own page about the app."""

    homepage: str = ""
    privacy: str = ""
    support: str = ""


OUR_PAGES = Addresses()


def give_manifest() -> Response | tuple[Response, int]:
    """GET /saleor/manifest?code=, for the Saleor version in the request's Saleor-Schema-Version.

    It is also returned without a valid code. Then the registration fails with a message that says what to do.
    """
    if pause := seconds_limited("saleor_manifest"):
        message = "Too many requests came from your network. Try again in a minute."
        answer = jsonify(message=message, reason="too_many_requests")
        answer.headers["Retry-After"] = str(pause)
        return answer, 429
    asking = read_version(request.headers.get("Saleor-Schema-Version", ""))
    installation = _find_installation(request.args.get("code", ""))
    here = services().settings
    addresses = Addresses(here.homepage_url, here.privacy_url, here.support_url)
    return jsonify(build_manifest(here.plugin_url, asking, installation, addresses))


def _find_installation(code: str) -> Installation | None:
    shop_id = read_code(services().keys, code)
    if shop_id is None:
        return None
    with services().database.read() as connection:
        shop = shops.get_shop(connection, shop_id)
        account = accounts.get_account(connection, shop.emp_id) if shop else None
    return Installation(shop_id, account.name, code) if account else None


def build_manifest(
    plugin_url: str,
    schema: tuple[int, int],
    installation: Installation | None = None,
    addresses: Addresses = OUR_PAGES,
) -> dict[str, Any]:
    """The manifest for a version of Saleor's schema, such as (3, 23)."""
    orders = _text("subscription.graphql") + order_fields(schema)
    register, webhooks = f"{plugin_url}/saleor/register", f"{plugin_url}/saleor/webhooks"
    app_id, name, app_url = "salepixel", "Salepixel", f"{plugin_url}/"
    if installation:
        register += f"?code={installation.code}"
        webhooks += f"?shop={installation.shop}"
        app_id += f"-{installation.shop}"
        app_url = f"{plugin_url}/saleor/app/{installation.shop}"
        name += f" ({installation.account})"
    return {
        "id": app_id,
        "name": name[:_NAME_CHARS],
        "version": version("salepixel"),
        "about": "Shows which e-mail campaign earned each order, and why.",
        "author": "Salepixel",
        "requiredSaleorVersion": ">=3.14 <4",
        # Enough for the subscription below (measured on 3.23.28).
        "permissions": [PERMISSION],
        "appUrl": app_url,
        "homepageUrl": addresses.homepage or f"{plugin_url}/about",
        "dataPrivacyUrl": addresses.privacy or f"{plugin_url}/about#privacy",
        "supportUrl": addresses.support or f"{plugin_url}/about#support",
        # Saleor accepts only a square PNG of at least 256 pixels (saleor/app/validators.py).
        "brand": {"logo": {"default": f"{plugin_url}/assets/logo.png"}},
        "tokenTargetUrl": register,
        "extensions": _extensions(app_url, schema) if installation else [],
        "webhooks": [
            _webhook("orders", ORDER_EVENTS, orders, webhooks),
            # A separate webhook: before 3.23.5, Saleor sends these only to apps with MANAGE_APPS. If it
            # refuses this webhook, the one for orders still works.
            _webhook("lifecycle", LIFECYCLE_EVENTS, _text("subscription_lifecycle.graphql"), webhooks),
        ],
    }


def _extensions(app_url: str, schema: tuple[int, int]) -> list[dict[str, Any]]:
    """What the Dashboard of this version knows. An older Dashboard may fail on an unknown mount or target."""
    report = _extension("E-mail sales", "NAVIGATION_ORDERS", "APP_PAGE", "/")
    why = "E-mail that earned this order"
    if schema < _HAS_WIDGETS:
        return [report, _extension(why, "ORDER_DETAILS_MORE_ACTIONS", "POPUP", app_url)]
    widget = {"widgetTarget": {"method": "POST"}}
    found = [
        report,
        _extension(why, "ORDER_DETAILS_WIDGETS", "WIDGET", f"{app_url}/widgets/order", widget),
        _extension(
            "E-mails of this customer",
            "CUSTOMER_DETAILS_WIDGETS",
            "WIDGET",
            f"{app_url}/widgets/customer",
            widget,
        ),
    ]
    if schema >= _HAS_HOMEPAGE:
        options = {"homeWidgetTarget": {"method": "POST", "fullscreen": False}}
        home = _extension("E-mail sales", "HOMEPAGE_WIDGETS", "WIDGET", f"{app_url}/widgets/home", options)
        found.append(home)
    return found


def _extension(
    label: str, mount: str, target: str, url: str, options: dict[str, Any] | None = None
) -> dict[str, Any]:
    extension = {
        "label": label,
        "mount": mount,
        "target": target,
        "permissions": [PERMISSION],
        "url": url,
    }
    return extension | ({"options": options} if options else {})


def _webhook(name: str, events: tuple[str, ...], query: str, target: str) -> dict[str, Any]:
    return {
        "name": name,
        "asyncEvents": list(events),
        "query": query,
        "targetUrl": target,
        "isActive": True,
    }


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
