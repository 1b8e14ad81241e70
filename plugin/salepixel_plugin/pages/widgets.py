"""Widgets in Saleor's Dashboard: beside an order, beside a customer, and on its first page.

The Dashboard sends a form into a frame (IframePost.tsx of saleor-dashboard 3.23.27), with a token in place
of a session. So another site cannot misuse these forms, and they need no other protection against it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Response, request, url_for

from salepixel.accounts.declined import Declined, NotFound
from salepixel.accounts.principal import Principal
from salepixel.attribution.decided import Undecidable
from salepixel.attribution.use_cases import see_decided
from salepixel.campaigns import store
from salepixel.report import sales
from salepixel.report.use_cases import see_customer
from salepixel.shops.dashboards import page_in_dashboard
from salepixel.shops.shop import Shop
from salepixel_plugin.access import Refusal, allow
from salepixel_plugin.explanations import explain_decided, explain_failure
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, say
from salepixel_plugin.pages.frame import framed, not_connected
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.saleor.dashboard import connected_shop, principal_of
from salepixel_plugin.services import services

CAMPAIGNS = 5
_NO_TOKEN = N_("You need the permission to manage orders in Saleor to see this.")
_NO_CONTACTS = N_("You need the permission to manage customers in Saleor to see contacts.")
_NO_ORDER = N_(
    "This order is not in the report yet. Orders arrive within seconds, or when Salepixel "
    "next asks the shop for missing orders."
)


@blueprint.post("/saleor/app/<shop_id>/widgets/order")
def show_order_widget(shop_id: str) -> Response:
    """Which e-mail earned the order on whose page the Dashboard is, and why."""
    return _widget(shop_id, _order)


@blueprint.post("/saleor/app/<shop_id>/widgets/customer")
def show_customer_widget(shop_id: str) -> Response:
    """The e-mails in which a customer clicked, the orders that they earned, and the opt-out."""
    return _widget(shop_id, _customer)


@blueprint.post("/saleor/app/<shop_id>/widgets/home")
def show_home_widget(shop_id: str) -> Response:
    """The newest campaigns with their revenue."""
    return _widget(shop_id, _home)


def _order(shop: Shop, who: Principal) -> Response:
    order_id = request.form.get("orderId", "")
    with services().database.read() as connection:
        try:
            decided = see_decided(connection, who, shop.id, order_id, datetime.now(UTC))
        except NotFound:
            return _message(shop, 200, language().text(_NO_ORDER))
        if isinstance(decided, Undecidable):
            return _message(shop, 200, explain_failure(decided.number, decided.error, language()))
        ids = {item["campaign"] for item in decided.decision["candidates"] if item["credited"]} - {None}
        found = [store.get_campaign(connection, campaign_id) for campaign_id in sorted(ids)]
    return framed(
        shop,
        "order_widget.html",
        "widget.js",
        decision=decided.decision,
        sentence=explain_decided(decided, language()),
        credited=[campaign for campaign in found if campaign],
        there=_inside(shop, "pages.explain_order", shop_id=shop.id, name=decided.stored.order.id),
    )


def _customer(shop: Shop, who: Principal) -> Response:
    if not who.sees_contacts(shop.emp_id):
        return _message(shop, 403, language().text(_NO_CONTACTS))
    with services().database.read() as connection:
        views = see_customer(connection, who, shop.id, request.form.get("customerId", ""))
    there = [_inside(shop, "pages.show_contact", emp_id=shop.emp_id, ref=view.ref) for view in views]
    return framed(shop, "customer_widget.html", "widget.js", views=views, there=there)


def _home(shop: Shop, who: Principal) -> Response:
    with services().database.read() as connection:
        found = store.list_campaigns(connection, shop.emp_id, CAMPAIGNS, None, archived=False)
        totals = sales.totals_of_campaigns(connection, [campaign.id for campaign in found])
    there = {one.id: _inside(shop, "pages.overview", campaign_id=one.id) for one in found}
    return framed(shop, "home_widget.html", "widget.js", campaigns=found, totals=totals, there=there)


def _widget(shop_id: str, show: Callable[[Shop, Principal], Response]) -> Response:
    shop = connected_shop(shop_id)
    if shop is None:
        return not_connected(shop_id)
    token = request.form.get("accessToken", "")
    if token in ("", "null"):  # the Dashboard has none if the user lacks the widget's permission
        return _message(shop, 403, language().text(_NO_TOKEN))
    try:
        shop, who = principal_of(shop_id, token)
        allow(who)
        return show(shop, who)
    except Refusal as refusal:
        return _message(shop, refusal.status, say(refusal))
    except Declined as declined:
        translated = as_refusal(declined)
        return _message(shop, translated.status, say(translated))


def _message(shop: Shop, status: int, message: str) -> Response:
    answer = framed(shop, "widget.html", "widget.js", message=message)
    answer.status_code = status
    return answer


def _inside(shop: Shop, endpoint: str, **values: Any) -> str | None:
    sent_by = request.headers.get("Origin", "")  # a browser sends it with a form
    return page_in_dashboard(shop.dashboards, shop.app_id, url_for(endpoint, **values), sent_by)
