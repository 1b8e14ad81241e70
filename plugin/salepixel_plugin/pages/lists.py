"""Lists: upload a CSV file, see how its columns are read, have it imported, and download the bad lines."""

from datetime import UTC, datetime
from typing import cast

import sqlalchemy as sa
from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import Conflict, Invalid
from salepixel.accounts.use_cases import see_account
from salepixel.campaigns.use_cases import see_campaign
from salepixel.computations.use_cases import Computed
from salepixel.lists import use_cases
from salepixel.lists.importing import errors_place
from salepixel.lists.incoming import MAX_BYTES
from salepixel.lists.layout import MAX_COLUMNS, Layout, Role
from salepixel.lists.receive import receive_list
from salepixel.lists.sending import send_place
from salepixel.lists.use_cases import ListState, Preview
from salepixel.wire import jobs
from salepixel_plugin.access import principal
from salepixel_plugin.computed import ask
from salepixel_plugin.lists import PROBLEMS, ROLES, SEPARATORS, chunks_of, labels_of, sealed_file
from salepixel_plugin.pages.blueprint import blueprint, language, page, say
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services

_FORM_BYTES = MAX_BYTES + 100_000  # the file and the other fields


@blueprint.get("/accounts/<int:emp_id>/lists")
def new_list(emp_id: int) -> Response:
    """The form to upload a list of contacts."""
    return _form(emp_id, None)


@blueprint.post("/accounts/<int:emp_id>/lists")
def upload_list(emp_id: int) -> Response:
    """Store an uploaded list, of contacts or of a campaign's recipients."""
    request.max_content_length = _FORM_BYTES
    campaign_id, file = request.form.get("campaign") or None, request.files.get("file")
    here = services()
    try:
        if file is None:
            raise Invalid("list_empty")
        chunks, now = chunks_of(file.stream.read), datetime.now(UTC)
        name = file.filename or ""
        new = receive_list(here.database, principal(), here.keys, emp_id, campaign_id, name, chunks, now)
    except Invalid as declined:
        return _form(emp_id, campaign_id, say(as_refusal(declined)))
    return _to(new.id)


@blueprint.get("/lists/<list_id>")
def show_list(list_id: str) -> Response:
    """How a list is read, then the progress of its import, then its result."""
    with services().database.read() as connection:
        state = use_cases.see_list(connection, principal(), list_id)
    work = state.computation
    is_shown = state.is_there and (work is None or (not work.is_under_way and "again" in request.args))
    return _preview(state) if is_shown else _progress(state)


@blueprint.post("/lists/<list_id>")
def change_list(list_id: str) -> Response:
    """Import a list as the form says, show it read in another way, or delete its file."""
    here, step, now = services(), request.form.get("step", ""), datetime.now(UTC)
    with here.database.read() as connection:
        state = use_cases.see_list(connection, principal(), list_id)
    if step == "delete":
        with here.database.write() as connection:
            use_cases.delete_list(connection, principal(), list_id, now)
        return _back(state)
    if step == "look":
        return _preview(state)
    try:
        with here.database.write() as connection:
            shown = _look(connection, list_id)
            layout = Layout(shown.layout.separator, shown.layout.has_header, shown.layout.roles)
            use_cases.start_import(connection, principal(), list_id, layout, labels_of(language()), now)
    except (Invalid, Conflict) as declined:
        return _preview(state, say(as_refusal(declined)))
    here.job_queue.enqueue_once(jobs.COMPUTE)
    return _to(list_id)


@blueprint.get("/lists/<list_id>/errors")
def download_errors(list_id: str) -> Response:
    """The lines that were not imported, as a file."""
    with services().database.read() as connection:
        state = use_cases.see_list(connection, principal(), list_id)
    if state.computation is None or state.imported is None:
        raise Conflict("list_not_imported")
    name = f"errors-{list_id}.csv"
    return sealed_file(services().database, state.computation.id, errors_place(list_id), name)


@blueprint.get("/lists/<list_id>/send")
def show_send_list(list_id: str) -> Response:
    """The list without the control group: how far the file is, and then the file."""
    now = datetime.now(UTC)
    found = ask(lambda connection: use_cases.find_send_list(connection, principal(), list_id, now))
    if "file" in request.args and found.source is not None and found.computation is None:
        name = f"send-{list_id}.csv"
        return sealed_file(services().database, found.source.id, send_place(list_id), name)
    with services().database.read() as connection:
        state = use_cases.see_list(connection, principal(), list_id)
        campaign = see_campaign(connection, principal(), state.found.campaign_id or "")
    return page("list_send.html", state=state, campaign=campaign, computed=found)


def _to(list_id: str) -> Response:
    return cast(Response, redirect(url_for("pages.show_list", list_id=list_id), 303))


def _back(state: ListState) -> Response:
    there = url_for("pages.new_list", emp_id=state.found.emp_id)
    if state.found.campaign_id:
        there = url_for("pages.recipients", campaign_id=state.found.campaign_id)
    return cast(Response, redirect(there, 303))


def _look(connection: sa.Connection, list_id: str) -> Preview:
    """The list as the form says; without a form, or with another separator, as it is proposed."""
    separator, has_header, roles = None, None, {}
    if request.method == "POST":
        separator, has_header = request.form.get("separator"), "has_header" in request.form
        if request.form.get("seen") == _seen(separator, has_header=has_header):
            sent = {place: request.form.get(f"role-{place}", "") for place in range(MAX_COLUMNS)}
            roles = {place: Role(name) for place, name in sent.items() if name in list(Role)}
    keys = services().keys
    return use_cases.preview_list(connection, principal(), keys, list_id, separator, has_header, roles)


def _seen(separator: str | None, *, has_header: bool) -> str:
    """What the roles of a form are for: with another separator there are other columns."""
    return f"{list(SEPARATORS).index(separator) if separator in SEPARATORS else ''}{int(has_header)}"


def _preview(state: ListState, wrong: str = "") -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), state.found.emp_id)
        shown = _look(connection, state.found.id)
        campaign_id = state.found.campaign_id
        campaign = see_campaign(connection, principal(), campaign_id) if campaign_id else None
    answer = page(
        "list.html",
        account=account,
        campaign=campaign,
        state=state,
        shown=shown,
        seen=_seen(shown.layout.separator, has_header=shown.layout.has_header),
        separators=SEPARATORS,
        roles=ROLES,
        problems=PROBLEMS,
        has_open_references=any("@" in ref for ref in _references(shown)),
        wrong=wrong,
    )
    answer.status_code = 422 if wrong else 200
    return answer


def _references(shown: Preview) -> list[str]:
    place = shown.layout.place_of(Role.REFERENCE)
    return [] if place is None else [fields[place] for fields, _ in shown.rows if place < len(fields)]


def _progress(state: ListState) -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), state.found.emp_id)
        campaign_id = state.found.campaign_id
        campaign = see_campaign(connection, principal(), campaign_id) if campaign_id else None
    computed = Computed(state.imported, None, None if state.imported else state.computation)
    if computed.computation is not None and computed.computation.is_under_way:
        services().job_queue.enqueue_once(jobs.COMPUTE)
    return page(
        "list_imported.html",
        account=account,
        campaign=campaign,
        state=state,
        computed=computed,
        problems=PROBLEMS,
    )


def _form(emp_id: int, campaign_id: str | None, wrong: str = "") -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
        campaign = see_campaign(connection, principal(), campaign_id) if campaign_id else None
    answer = page("list_new.html", account=account, campaign=campaign, wrong=wrong)
    answer.status_code = 422 if wrong else 200
    return answer
