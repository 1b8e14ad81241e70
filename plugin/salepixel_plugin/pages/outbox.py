"""Sales that another server did not take, and the button that sends them again."""

from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.store import list_accounts
from salepixel.destinations import outbox
from salepixel_plugin.access import scope
from salepixel_plugin.api.outbox import read_dead_cursor, write_dead_cursor
from salepixel_plugin.pages.door import blueprint, page
from salepixel_plugin.services import services

PAGE = 50


@blueprint.get("/outbox")
def list_dead() -> Response:
    """What was given up, newest first."""
    before = read_dead_cursor(request.args.get("cursor"))
    with services().database.read() as connection:
        found = outbox.list_dead(connection, scope().emp_id, PAGE + 1, before)
        names = {account.emp_id: account.name for account in list_accounts(connection, scope())}
    shown = found[:PAGE]
    following = write_dead_cursor(shown[-1]) if len(found) > PAGE else None
    return page("outbox.html", letters=shown, names=names, next=following)


@blueprint.post("/outbox")
def try_again() -> Response:
    """Send one again, or all that the key opens when the form names none."""
    only = request.form.get("id")
    if only is None or only.isalnum():
        with services().database.write() as connection:
            outbox.try_again(connection, scope().emp_id, datetime.now(UTC), only)
    return cast(Response, redirect(url_for("pages.list_dead"), 303))
