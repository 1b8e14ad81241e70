"""The report as a page of Saleor's Dashboard: a frame with a short script, which fetches our pages.

The script sends the Dashboard's token with each call (static/frame.js). Only the Dashboards that the shop's
account listed may show the frame.
"""

import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

from flask import Response, g, request, url_for

from salepixel.shops.dashboards import origins_of
from salepixel.shops.shop import Shop
from salepixel.shops.store import get_shop
from salepixel.storage.ids import is_id
from salepixel_plugin.access import Refusal
from salepixel_plugin.pages.blueprint import blueprint, language, page, refuse
from salepixel_plugin.saleor.dashboard import NOT_CONNECTED, connected_shop
from salepixel_plugin.services import services

THEMES = ("light", "dark")
_OF_DASHBOARD = frozenset(
    ("domain", "saleorApiUrl", "id", "theme", "locale", "featureFlags", "orderId", "lang", "appPath")
)
"""The parameters that a Dashboard adds to the address of a frame (AppIFrame.tsx of 3.23.27)."""


@blueprint.get("/saleor/app/<shop_id>", strict_slashes=False)
@blueprint.get("/saleor/app/<shop_id>/<path:inside>")
def show_frame(shop_id: str, inside: str = "") -> Response:
    """The frame, empty until its script has a token. `inside`: the path of the page to show first."""
    g.pop("salepixel_asked_language", None)
    shop = connected_shop(shop_id)
    if shop is None:
        return not_connected(shop_id)
    theme = request.args.get("theme", "")
    return framed(
        shop,
        "frame.html",
        "frame.js",
        shop_id=shop.id,
        start=_start(shop, inside),
        theme=theme if theme in THEMES else "",
        plugin_url=services().settings.plugin_url,
    )


def framed(shop: Shop, template: str, script: str, **values: object) -> Response:
    """A page that only the shop's Dashboards may show, with a script of ours; nobody without a Dashboard."""
    origins = origins_of(shop.dashboards)
    ancestors = " ".join(origins) or "'none'"
    answer = page(template, dashboards=origins, version=_version(script), **values)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )
    return answer


def not_connected(shop_id: str) -> Response:
    """A sentence, which the Dashboards of a shop whose app or connection was removed may show."""
    with services().database.read() as connection:
        shop = get_shop(connection, shop_id) if is_id(shop_id) else None
    if shop is None:
        return refuse(Refusal(404, "not_connected", NOT_CONNECTED))
    answer = framed(shop, "widget.html", "widget.js", message=language().text(NOT_CONNECTED))
    answer.status_code = 404
    return answer


def _start(shop: Shop, inside: str) -> str:
    if order := request.args.get("orderId"):
        return url_for("pages.explain_order", shop_id=shop.id, name=order)
    path = quote(inside.lstrip("/"))
    kept = [(name, text) for name, text in request.args.items(multi=True) if name not in _OF_DASHBOARD]
    return f"/{path}" + (f"?{urlencode(kept)}" if kept else "")


@cache
def _version(name: str) -> str:
    return hashlib.sha256((Path(__file__).parent / "static" / name).read_bytes()).hexdigest()[:8]
