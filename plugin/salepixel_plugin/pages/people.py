"""Personal data of an account: find, export or erase a person; the receipts; how long data is kept."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from flask import Response, make_response, redirect, request, url_for

from salepixel.accounts.declined import BadField, NotFound
from salepixel.accounts.principal import Change
from salepixel.accounts.use_cases import change_account, see_account
from salepixel.computations.store import State, read_result
from salepixel.computations.use_cases import Computed, see_computation
from salepixel.privacy import use_cases
from salepixel.privacy.access import KIND
from salepixel.privacy.erase import NO_KEY, finish_erasure
from salepixel.privacy.retention import Kept
from salepixel.privacy.use_cases import MAX_DAYS
from salepixel_plugin.access import principal
from salepixel_plugin.computed import ask, tools
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.services import services, writing

LISTED = 50
_DAYS = re.compile(r"[0-9]{1,4}", re.ASCII)
ANSWER_SECONDS = 5.0
"""How long the page erases. After that, the worker continues."""

TABLES = {
    "contacts": N_("Contacts"),
    "recipients": N_("Recipients"),
    "coupons": N_("Coupon codes"),
    "clicks": N_("Clicks"),
    "clickers": N_("Click counts"),
    "buyers": N_("Order counts"),
    "hits": N_("Pixel hits"),
    "orders": N_("Orders"),
    "decisions": N_("Decisions"),
    "candidates": N_("Clicks considered"),
    "sales": N_("Sales"),
    "outbox": N_("Forwarded sales"),
    "unread_orders": N_("Unreadable orders"),
    "deliveries": N_("Messages from the shop"),
    "mails": N_("E-mails of campaigns"),
    "mails not readable": N_("Damaged e-mails of campaigns, not changed"),
    "mail_links": N_("Labels of links"),
    "deliveries not readable": N_("Damaged messages from the shop, not changed"),
}
"""The labels of the tables in a receipt."""

RETENTION = {
    Kept.DELIVERIES: (
        N_("Messages from the shop"),
        N_(
            "What your shop and the sales API sent, kept as proof. After that, only the time and a "
            "checksum are kept. Orders and their decisions do not change."
        ),
    ),
    Kept.FORWARDS: (
        N_("Forwarded sales"),
        N_("The addresses to which sales were forwarded. A sale is never forwarded twice."),
    ),
    Kept.HITS: (
        N_("Ignored pixel hits"),
        N_(
            "Pixel hits that did not count, such as those without a valid signature. After that, "
            "they are deleted."
        ),
    ),
    Kept.BOT_CLICKS: (
        N_("Bot clicks"),
        N_(
            "Clicks of bots, such as security scanners. After that, they are deleted, but reports "
            "still count them. Bot clicks that the page of an order shows are kept as long as human "
            "clicks."
        ),
    ),
    Kept.CLICKS: (
        N_("Clicks and pixel hits"),
        N_(
            "Clicks with contact and time, and pixel hits that count. After that, they are deleted, but "
            "reports still count the clicks. Orders of that time keep their attribution, even if the "
            "attribution settings change; refunds still count. An order that arrives later can be "
            "attributed only by its click token or coupon code."
        ),
    ),
    Kept.CONTACTS: (
        N_("Contacts without activity"),
        N_(
            "Contacts who have not clicked or ordered in that time, and whom you have not uploaded "
            "again. After that, their reference and the hash of their address are deleted, but never "
            "before the clicks of that time. Opt-outs are kept, and so are the references in reports."
        ),
    ),
    Kept.AUDIT: (
        N_("Audit list"),
        N_("Who changed what, and when. It contains names of people and API keys, but no contacts."),
    ),
}
"""The kinds of data with a retention period: label and explanation."""

_NO_DAYS = N_(
    "Enter a whole number of days from %(least)s to %(most)s. To keep the data for ever, leave the field "
    "empty."
)
_NOBODY = N_("Enter a contact's reference or an e-mail address.")
_NOT_SURE = N_("Tick this box to confirm.")


@blueprint.get("/accounts/<int:emp_id>/people")
def show_people(emp_id: int) -> Response:
    """The form to find a person, and the receipts."""
    return _people_page(emp_id)


@blueprint.post("/accounts/<int:emp_id>/people")
def find_person(emp_id: int) -> Response:
    """Count what is stored about a person, and show the buttons that export or erase it. Changes nothing."""
    return _found_page(emp_id, request.form.get("contact", "").strip())


@blueprint.post("/accounts/<int:emp_id>/people/export")
def export_person(emp_id: int) -> Response:
    """Everything that is stored about a person, as a file; or a page that waits for the worker's file."""
    who, now = request.form.get("contact", "").strip(), datetime.now(UTC)
    try:
        found = ask(
            lambda connection: use_cases.find_export(connection, principal(), tools(), emp_id, who, now)
        )
    except BadField:
        return _people_page(emp_id, wrong={"contact": language().text(_NOBODY)}, who=who)
    source = found.computation or found.source
    if source is None:
        return _as_file(found.result or {})
    # The address does not name the person, because proxies log addresses.
    there = url_for("pages.show_export", emp_id=emp_id, computation_id=source.id)
    return cast(Response, redirect(there, 303))


@blueprint.get("/accounts/<int:emp_id>/people/exports/<computation_id>")
def show_export(emp_id: int, computation_id: str) -> Response:
    """The progress of an export, and then the file."""
    with services().database.read() as connection:
        account = change_account(connection, principal(), emp_id, Change.ACCESS)
        computation = see_computation(connection, principal(), computation_id)
        is_done = computation.state is State.DONE
        result = read_result(connection, computation.id) if is_done else None
    if computation.kind != KIND or computation.emp_id != emp_id:
        raise NotFound("computation")
    if result is not None and "file" in request.args:
        return _as_file(result)
    computed = Computed(result, computation.as_of, None if is_done else computation, source=computation)
    return page("person.html", account=account, computed=computed)


def _as_file(found: Mapping[str, object]) -> Response:
    answer = make_response(json.dumps(found, ensure_ascii=False, indent=1))
    answer.headers["Content-Type"] = "application/json; charset=utf-8"
    answer.headers["Content-Disposition"] = 'attachment; filename="person.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/accounts/<int:emp_id>/people/erase")
def erase_person(emp_id: int) -> Response:
    """Erase a person, if the box is ticked."""
    here, who = services(), request.form.get("contact", "").strip()
    if not request.form.get("sure"):
        return _found_page(emp_id, who, wrong={"sure": language().text(_NOT_SURE)})
    with writing(publishes=True) as connection:
        begun = use_cases.begin_erasure(connection, principal(), here.keys, emp_id, who, datetime.now(UTC))
    finish_erasure(here.database, here.clicks, begun, ANSWER_SECONDS)
    return cast(Response, redirect(url_for("pages.show_people", emp_id=emp_id), 303))


@blueprint.post("/accounts/<int:emp_id>/people/erasures/<erasure_id>")
def retry_erasure(emp_id: int, erasure_id: str) -> Response:
    """Continue an erasure that failed."""
    here = services()
    with here.database.write() as connection:
        unfinished = use_cases.resume_erasure(connection, principal(), erasure_id)
    finish_erasure(here.database, here.clicks, unfinished, ANSWER_SECONDS)
    return cast(Response, redirect(url_for("pages.show_people", emp_id=emp_id), 303))


@blueprint.post("/accounts/<int:emp_id>/people/erasures/<erasure_id>/close")
def close_erasure(emp_id: int, erasure_id: str) -> Response:
    """Close a receipt whose key is lost."""
    with services().database.write() as connection:
        use_cases.close_failed_erasure(connection, principal(), erasure_id, datetime.now(UTC))
    return cast(Response, redirect(url_for("pages.show_people", emp_id=emp_id), 303))


@blueprint.get("/accounts/<int:emp_id>/people/<step>")
def show_people_again(emp_id: int, step: str) -> Response:
    """Redirects to the page: after a form with an error, the language switch requests this address."""
    return cast(Response, redirect(url_for("pages.show_people", emp_id=emp_id), 303))


@blueprint.post("/accounts/<int:emp_id>/people/retention")
def change_retention(emp_id: int) -> Response:
    """Change how long data is kept."""
    sent = {kind: request.form.get(kind, "").strip() for kind in Kept}
    with services().database.read() as connection:
        periods = use_cases.see_retention(connection, principal(), emp_id)
    wrong = {
        str(kind): language().text(_NO_DAYS, least=str(periods[kind].least_days), most=str(MAX_DAYS))
        for kind, text in sent.items()
        if text and not _is_days(text, periods[kind].least_days)
    }
    if wrong:
        return _people_page(emp_id, wrong=wrong, sent=sent)
    days = {kind: int(text) if text else None for kind, text in sent.items()}
    with services().database.write() as connection:
        use_cases.change_retention(connection, principal(), emp_id, days)
    return cast(Response, redirect(url_for("pages.show_people", emp_id=emp_id), 303))


def _is_days(text: str, least: int) -> bool:
    return _DAYS.fullmatch(text) is not None and least <= int(text) <= MAX_DAYS


def _found_page(emp_id: int, who: str, wrong: dict[str, str] | None = None) -> Response:
    with services().database.read() as connection:
        try:
            found = use_cases.count_person(connection, principal(), services().keys, emp_id, who)
        except BadField:
            return _people_page(emp_id, who=who, wrong={"contact": language().text(_NOBODY)})
    return _people_page(emp_id, who=who, found=found, wrong=wrong)


def _people_page(
    emp_id: int,
    who: str = "",
    found: dict[str, int] | None = None,
    wrong: dict[str, str] | None = None,
    sent: Mapping[Kept, str] | None = None,
) -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
        receipts = use_cases.see_erasures(connection, principal(), emp_id, LISTED)
        periods = use_cases.see_retention(connection, principal(), emp_id)
    answer = page(
        "people.html",
        account=account,
        receipts=receipts,
        who=who,
        found=found,
        wrong=wrong or {},
        no_key=NO_KEY,
        tables=TABLES,
        retention=RETENTION,
        days=sent or {kind: str(period.days or "") for kind, period in periods.items()},
        least={kind: period.least_days for kind, period in periods.items() if period.least_days > 1},
    )
    answer.status_code = 422 if wrong else 200
    return answer
