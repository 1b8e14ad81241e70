"""Failed forwards, with buttons to retry them."""

from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.store import list_accounts
from salepixel.destinations import use_cases
from salepixel_plugin.access import principal
from salepixel_plugin.pages.blueprint import blueprint, page
from salepixel_plugin.paging import cut_page, read_dated_cursor, write_cursor
from salepixel_plugin.services import services

PAGE = 50


@blueprint.get("/outbox")
def list_dead() -> Response:
    """Failed forwards, newest first."""
    before, after = (read_dated_cursor(request.args.get(name) or None) for name in ("cursor", "newer"))
    with services().database.read() as connection:
        found = use_cases.see_dead_letters(connection, principal(), PAGE + 1, before, after)
        names = {account.emp_id: account.name for account in list_accounts(connection, principal())}
    shown, has_newer, has_older = cut_page(found, PAGE, after=before, before=after)
    return page(
        "outbox.html",
        emp_id=principal().only_account,
        letters=shown,
        names=names,
        may_retry=any(principal().may_change(one.emp_id) for one in shown),
        newer=write_cursor(*shown[0].place) if shown and has_newer else None,
        next=write_cursor(*shown[-1].place) if shown and has_older else None,
    )


@blueprint.post("/outbox")
def retry_forwards() -> Response:
    """Retry one forward, or all that the API key can read if the form names none."""
    only = request.form.get("id")
    if only is None or only.isalnum():
        with services().database.write() as connection:
            use_cases.retry_dead(connection, principal(), None, datetime.now(UTC), only)
    return cast(Response, redirect(url_for("pages.list_dead"), 303))
