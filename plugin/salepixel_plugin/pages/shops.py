"""The shops of an account: connect one, list its Dashboards, pause and remove it."""

import re
from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import BadField, Conflict, NotFound
from salepixel.accounts.principal import Change
from salepixel.accounts.use_cases import see_account
from salepixel.reading.text import read_text
from salepixel.shops import store
from salepixel.shops.dashboards import list_dashboards, proposed_dashboard
from salepixel.shops.shop import Shop, State
from salepixel.shops.use_cases import create_shop, edit_shop, retire_shop, see_shop
from salepixel_plugin.access import principal
from salepixel_plugin.fields import is_url
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, with_script
from salepixel_plugin.saleor.codes import manifest_url
from salepixel_plugin.services import services, writing

STATES = {
    State.WAITING: (N_("Not installed"), "waiting"),
    State.CONNECTED: (N_("Connected"), "done"),
    State.INACTIVE: (N_("Deactivated in the shop"), "broken"),
    State.DISCONNECTED: (N_("App deleted in the shop"), "broken"),
    State.PAUSED: (N_("Paused"), "waiting"),
    State.REMOVED: (N_("Removed"), "off"),
}
_BAD_URL = N_("Enter the address of your Saleor's API, such as https://shop.example/graphql/.")
_BAD_DASHBOARD = N_("Enter up to 5 addresses of Dashboards, such as https://shop.example/dashboard/.")
_REMOVED = N_("This shop was removed. Add it again with its address.")


@blueprint.get("/accounts/<int:emp_id>/shops")
def list_shops(emp_id: int) -> Response:
    """The Saleor shops of an account, with a form for each and one to connect another."""
    return _page(emp_id)


@blueprint.post("/accounts/<int:emp_id>/shops")
def connect_shop(emp_id: int) -> Response:
    """Add a Saleor; the page then has the address to install the app from."""
    api_url = request.form.get("api_url", "").strip()
    if not is_url(api_url):
        return _page(emp_id, {"api_url": language().text(_BAD_URL)}, api_url)
    with writing() as connection:
        create_shop(connection, principal(), emp_id, "saleor", api_url, datetime.now(UTC))
    return _to(emp_id)


@blueprint.post("/accounts/<int:emp_id>/shops/<shop_id>")
def change_shop(emp_id: int, shop_id: str) -> Response:
    """Do what the button says: set the name and the Dashboards, pause, resume or remove."""
    step, now, who = request.form.get("step", ""), datetime.now(UTC), principal()
    try:
        with writing() as connection:
            if see_shop(connection, who, shop_id).emp_id != emp_id:
                raise NotFound("shop")
            if step == "save":
                written = request.form.get("dashboards", "")
                edit_shop(connection, who, shop_id, now, dashboards=re.findall(r"\S+", written))
                edit_shop(connection, who, shop_id, now, name=read_text(request.form.get("name", ""), 200))
            elif step in ("pause", "resume"):
                edit_shop(connection, who, shop_id, now, paused=step == "pause")
            elif step == "remove":
                retire_shop(connection, who, shop_id, now)
    except BadField:
        return _page(emp_id, {shop_id: language().text(_BAD_DASHBOARD)}, written)
    except Conflict:
        return _page(emp_id, {shop_id: language().text(_REMOVED)})
    return _to(emp_id)


def _page(emp_id: int, wrong: dict[str, str] | None = None, sent: str = "") -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
        shops = [shop for shop in store.list_shops(connection, emp_id) if shop.platform == "saleor"]
    may_connect = principal().may_change(emp_id, Change.ACCESS)
    answer = page(
        "shops.html",
        account=account,
        shops=shops,
        states=STATES,
        may_connect=may_connect,
        manifests={shop.id: _manifest(shop) for shop in shops} if may_connect else {},
        dashboards={shop.id: "\n".join(list_dashboards(shop.dashboards)) for shop in shops},
        proposed={shop.id: proposed_dashboard(shop.api_url) for shop in shops},
        wrong=wrong or {},
        sent=sent,
    )
    answer.headers["Content-Security-Policy"] = with_script()
    answer.status_code = 422 if wrong else 200
    return answer


def _manifest(shop: Shop) -> str:
    return manifest_url(services().settings.plugin_url, services().keys, shop.id)


def _to(emp_id: int) -> Response:
    return cast(Response, redirect(url_for("pages.list_shops", emp_id=emp_id), 303))
