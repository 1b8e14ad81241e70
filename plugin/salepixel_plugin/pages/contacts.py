"""A contact: found by reference or e-mail address, with opt-out, clicks, orders and revenue."""

from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.use_cases import see_account
from salepixel.campaigns.use_cases import find_references, switch_tracking
from salepixel.reading.emails import is_email
from salepixel.reading.references import normal_reference
from salepixel.report.use_cases import see_contact
from salepixel_plugin.access import principal
from salepixel_plugin.explanations import VERDICT
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.services import services, writing

_NOBODY = N_("Enter a contact's reference or an e-mail address.")
_UNKNOWN = N_("No contact has this e-mail address.")


@blueprint.get("/accounts/<int:emp_id>/contacts")
def find_contact(emp_id: int) -> Response:
    """The form to find a contact."""
    return _form(emp_id)


@blueprint.post("/accounts/<int:emp_id>/contacts")
def open_contact(emp_id: int) -> Response:
    """The page of the contact that the form names, or a list if several have the address."""
    who = request.form.get("contact", "").strip()
    with services().database.read() as connection:
        found = find_references(connection, principal(), services().keys, emp_id, who)
    if len(found) > 1:
        return _form(emp_id, who, found)
    # A reference may be known only from clicks. An address must not get into the address of a page.
    ref = found[0] if found else "" if is_email(who) else normal_reference(who)
    if not ref:
        return _form(emp_id, who, wrong=language().text(_UNKNOWN if is_email(who) else _NOBODY))
    return cast(Response, redirect(url_for("pages.show_contact", emp_id=emp_id, ref=ref), 303))


@blueprint.get("/accounts/<int:emp_id>/contacts/<path:ref>", merge_slashes=False)
def show_contact(emp_id: int, ref: str) -> Response:
    """What a contact did, campaign by campaign."""
    with services().database.read() as connection:
        view = see_contact(connection, principal(), emp_id, ref)
        account = see_account(connection, principal(), emp_id)
    return page("contact.html", account=account, view=view, verdicts=VERDICT)


@blueprint.post("/accounts/<int:emp_id>/contacts/<path:ref>", merge_slashes=False)
def change_contact(emp_id: int, ref: str) -> Response:
    """Opt a contact out of tracking, or in again."""
    opted_out = request.form.get("tracking") != "on"
    with writing(publishes=True, wakes=True) as connection:
        now = datetime.now(UTC)
        switch_tracking(connection, principal(), services().keys, emp_id, ref, now, opted_out=opted_out)
    return cast(Response, redirect(url_for("pages.show_contact", emp_id=emp_id, ref=ref), 303))


def _form(emp_id: int, who: str = "", found: list[str] | None = None, wrong: str = "") -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    answer = page("contact_find.html", account=account, who=who, found=found or [], wrong=wrong)
    answer.status_code = 422 if wrong else 200
    return answer
