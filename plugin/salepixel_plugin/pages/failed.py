"""Orders that could not be decided, and the button that tries them again."""

from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.store import list_accounts
from salepixel.orders import queue
from salepixel_plugin.access import scope
from salepixel_plugin.api.failed import read_failed_cursor
from salepixel_plugin.api.paging import write_cursor
from salepixel_plugin.pages.door import blueprint, page
from salepixel_plugin.services import services

PAGE = 50


@blueprint.get("/orders/failed")
def list_failed() -> Response:
    """What failed last comes first."""
    before = read_failed_cursor(request.args.get("cursor"))
    with services().database.read() as connection:
        found = queue.list_failed(connection, scope().emp_id, PAGE + 1, before)
        names = {account.emp_id: account.name for account in list_accounts(connection, scope())}
    shown = found[:PAGE]
    following = write_cursor(*shown[-1].place) if len(found) > PAGE else None
    return page("failed.html", orders=shown, names=names, next=following)


@blueprint.post("/orders/failed")
def requeue() -> Response:
    """Try one again, or all that the key opens when the form names none."""
    shop_id, order_id = request.form.get("shop"), request.form.get("order")
    only = (shop_id, order_id) if shop_id and order_id else None
    if only is None or all(text.isprintable() for text in only):
        with services().database.write() as connection:
            queue.requeue(connection, scope().emp_id, only)
    return cast(Response, redirect(url_for("pages.list_failed"), 303))
