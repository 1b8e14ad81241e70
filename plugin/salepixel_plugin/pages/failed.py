"""Orders that could not be processed, with buttons to retry them."""

from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.store import list_accounts
from salepixel.orders import use_cases
from salepixel.orders.requeue import DueReason
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, page
from salepixel_plugin.paging import cut_page, read_order_cursor, write_cursor
from salepixel_plugin.services import services

PAGE = 50

BECAUSE = {
    "": N_("Not recorded"),
    DueReason.NEW_ORDER: N_("New order"),
    DueReason.ORDER_CHANGED: N_("The shop changed the order"),
    DueReason.EARLIER_SNAPSHOT: N_("An earlier version of the order arrived late"),
    DueReason.WAS_DRAFT: N_("The order was a draft first"),
    DueReason.EARLIER_ORDER: N_("An earlier order of the same customer changed"),
    DueReason.SHOP_REPORTED: N_("The shop also reported the order"),
    DueReason.PIXEL_HIT: N_("A pixel hit names the order"),
    DueReason.CLICKS: N_("Clicks were added or their verdict changed"),
    DueReason.CONTACTS: N_("A contact was added or changed"),
    DueReason.OPTED_IN: N_("A contact opted in again"),
    DueReason.COUPONS: N_("A coupon code was added"),
    DueReason.NEW_CAMPAIGN: N_("A campaign was created"),
    DueReason.SALES_LINK: N_("A sales link was turned on or off"),
    DueReason.ATTRIBUTION_SETTINGS: N_("The attribution settings changed"),
    DueReason.ACCOUNT_SETTINGS: N_("The account's settings changed"),
    DueReason.EXCHANGE_RATES: N_("There are new exchange rates"),
    DueReason.ERASED: N_("A person named in the order was erased"),
    DueReason.BY_HAND: N_("Somebody retried it"),
}
"""Why an order is on the queue, for people."""


@blueprint.get("/orders/failed")
def list_failed() -> Response:
    """The latest failure first."""
    before, after = (read_order_cursor(request.args.get(name) or None) for name in ("cursor", "newer"))
    with services().database.read() as connection:
        found = use_cases.see_failed_orders(connection, principal(), PAGE + 1, before, after)
        names = {account.emp_id: account.name for account in list_accounts(connection, principal())}
    shown, has_newer, has_older = cut_page(found, PAGE, after=before, before=after)
    return page(
        "failed.html",
        emp_id=principal().only_account,
        orders=shown,
        names=names,
        may_retry=any(principal().may_change(one.emp_id) for one in shown),
        because=BECAUSE,
        newer=write_cursor(*shown[0].place) if shown and has_newer else None,
        next=write_cursor(*shown[-1].place) if shown and has_older else None,
    )


@blueprint.post("/orders/failed")
def requeue() -> Response:
    """Retry one order, or all that the API key can read if the form names none."""
    shop_id, order_id = request.form.get("shop"), request.form.get("order")
    only = (shop_id, order_id) if shop_id and order_id else None
    if only is None or all(text.isprintable() for text in only):
        with services().database.write() as connection:
            use_cases.retry_failed(connection, principal(), None, only)
    return cast(Response, redirect(url_for("pages.list_failed"), 303))
