"""The account switch of the menu."""

from typing import cast

from flask import Response, redirect, request, url_for

from salepixel_plugin.pages.blueprint import blueprint
from salepixel_plugin.pages.menu import is_place, sections_at


@blueprint.get("/switch")
def switch_account() -> Response:
    """Redirects to the same page of another account; if there is none, to its first page."""
    emp_id, page = request.args.get("to", ""), request.args.get("page", "")
    if not (emp_id.isascii() and emp_id.isdigit() and len(emp_id) <= 10):
        return cast(Response, redirect(url_for("pages.list_campaigns"), 303))
    there = page if is_place(page) else sections_at(None)[0].endpoint
    return cast(Response, redirect(url_for(there, emp_id=int(emp_id)), 303))
