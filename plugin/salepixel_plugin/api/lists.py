"""Lists: CSV files of contacts or of a campaign's recipients, which the worker imports."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from flask import Response, request, url_for
from pydantic import BaseModel, ConfigDict, Field

from salepixel.accounts.declined import Conflict
from salepixel.computations.store import Computation
from salepixel.lists import use_cases
from salepixel.lists.importing import errors_place
from salepixel.lists.incoming import MAX_BYTES
from salepixel.lists.layout import MAX_COLUMNS, Layout, Role
from salepixel.lists.receive import receive_list
from salepixel.lists.sending import send_place
from salepixel.lists.use_cases import ListState
from salepixel.wire import jobs
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, answers_with, blueprint
from salepixel_plugin.api.computations import ACCEPTED, not_computed_yet
from salepixel_plugin.computed import RETRY_SECONDS, ask
from salepixel_plugin.fields import EmpId, Id
from salepixel_plugin.languages import ENGLISH
from salepixel_plugin.lists import chunks_of, labels_of, sealed_file
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services

RoleName = Literal["reference", "email", "consent", "opt_out", "sent_at", "ignored"]


class UploadQuery(BaseModel):
    """The account of a list, and its campaign if it lists recipients."""

    model_config = ConfigDict(extra="ignore")
    emp_id: EmpId = Field(alias="empId")
    campaign: str | None = Field(
        None, description="The campaign whose recipients these are. Omit it for contacts."
    )
    name: Annotated[str, Field(max_length=500)] = Field("list.csv", description="The name of the file.")


class ImportIn(Input):
    """How a list is imported. Fields that you do not send are as `GET /lists/<list_id>` proposes them."""

    separator: Literal[",", ";", "\t", "|"] | None = None
    has_header: bool | None = None
    columns: Annotated[list[RoleName], Field(max_length=MAX_COLUMNS)] | None = Field(
        None, description="The role of each column."
    )


class ColumnOut(Output):
    """A column of a list."""

    name: str = Field(description="Its name in the first line, or empty if the list has no names.")
    role: RoleName


class RowOut(Output):
    """A row of a list, before the import."""

    fields: list[str]
    problem: str | None = Field(description="Why the row would not be imported.")


class BadLineOut(Output):
    """A line that was not imported."""

    line: int
    problem: str


class ImportOut(Output):
    """An import: its progress, and its result when it is done."""

    state: Literal["queued", "running", "done", "failed"]
    done: int = Field(description="How many of `total` lines are done.")
    total: int
    error: str | None
    stored: int | None = Field(description="Contacts that were added or changed.")
    opted_out: int | None = Field(description="Contacts that the list opts out of tracking.")
    not_imported: int | None = Field(description="Lines with errors, as in `errors.csv`.")
    problems: dict[str, int] | None = Field(description="Problem -> number of lines.")
    first: list[BadLineOut] | None = Field(description="The first lines with errors.")


class ListOut(Output):
    """A list. `columns` and `rows` are empty if its file was deleted."""

    id: Id
    emp_id: EmpId = Field(alias="empId")
    campaign: Id | None
    name: str
    encoding: str
    lines: int
    created_at: datetime
    separator: str | None
    has_header: bool | None
    columns: list[ColumnOut]
    rows: list[RowOut] = Field(description="The first rows.")
    started: ImportOut | None = Field(description="Null before the import.")


@blueprint.put("/lists")
@blueprint.input(UploadQuery, location="query", arg_name="asked")
@blueprint.output(ListOut, 201)
@blueprint.doc(security="bearer", responses={403: "A foreign account", 413: "The file is too large"})
def upload_list(asked: UploadQuery) -> dict[str, Any]:
    """Upload a list: the body is the file. The response shows how its columns were recognised.

    CSV in UTF-8, UTF-16 or windows-1252, with commas, semicolons, tabs or bars. Nothing is imported yet.
    """
    request.max_content_length = MAX_BYTES
    here = services()
    new = receive_list(
        here.database,
        principal(),
        here.keys,
        asked.emp_id,
        asked.campaign,
        asked.name,
        chunks_of(request.stream.read),
        datetime.now(UTC),
    )
    return _see(new.id)


@blueprint.get("/lists/<list_id>")
@blueprint.output(ListOut)
@blueprint.doc(security="bearer")
def see_list(list_id: str) -> dict[str, Any]:
    """A list: its columns and first rows, and the progress or the result of its import."""
    return _see(list_id)


@blueprint.post("/lists/<list_id>/import")
@blueprint.input(ImportIn, arg_name="wanted")
@blueprint.output(ListOut, 200)
@blueprint.doc(security="bearer", responses={409: "The file was deleted", **ACCEPTED})
def import_list(list_id: str, wanted: ImportIn) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Import a list. The worker does it; call `GET /lists/<list_id>` for the progress.

    Good lines are imported even if others are bad. Safe to repeat.
    """
    here, columns = services(), wanted.columns
    roles = {place: Role(name) for place, name in enumerate(columns or [])}
    with here.database.write() as connection:
        shown = use_cases.preview_list(
            connection, principal(), here.keys, list_id, wanted.separator, wanted.has_header, roles
        )
        layout = Layout(shown.layout.separator, shown.layout.has_header, shown.layout.roles)
        use_cases.start_import(
            connection, principal(), list_id, layout, labels_of(ENGLISH), datetime.now(UTC)
        )
    here.job_queue.enqueue_once(jobs.COMPUTE)
    there = url_for("api.see_list", list_id=list_id)
    return _see(list_id), 202, {"Location": there, "Retry-After": str(RETRY_SECONDS)}


@blueprint.get("/lists/<list_id>/errors.csv")
@blueprint.doc(security="bearer", responses=answers_with("text/csv", "The lines that were not imported"))
def download_errors(list_id: str) -> Response:
    """The lines that were not imported, unchanged, each with its number and its problem."""
    with services().database.read() as connection:
        computation = _done(use_cases.see_list(connection, principal(), list_id))
    return sealed_file(services().database, computation.id, errors_place(list_id), f"errors-{list_id}.csv")


@blueprint.get("/lists/<list_id>/send.csv")
@blueprint.doc(
    security="bearer",
    responses={**answers_with("text/csv", "The lines without the control group"), **ACCEPTED},
)
def download_send_list(list_id: str) -> Response:
    """The lines of an imported list of recipients without the control group, for the e-mail platform."""
    now = datetime.now(UTC)
    found = ask(lambda connection: use_cases.find_send_list(connection, principal(), list_id, now))
    if found.computation is not None or found.source is None:
        return not_computed_yet(found)
    return sealed_file(services().database, found.source.id, send_place(list_id), f"send-{list_id}.csv")


@blueprint.delete("/lists/<list_id>")
@blueprint.output(ListOut)
@blueprint.doc(security="bearer", responses={409: "The list is being imported"})
def delete_list(list_id: str) -> dict[str, Any]:
    """Delete the file of a list before it expires. Imported contacts stay."""
    before = _see(list_id)
    with services().database.write() as connection:
        use_cases.delete_list(connection, principal(), list_id, datetime.now(UTC))
    return before


def _done(state: ListState) -> Computation:
    if state.computation is None or state.imported is None:
        raise Conflict("list_not_imported")
    return state.computation


def _see(list_id: str) -> dict[str, Any]:
    here = services()
    with here.database.read() as connection:
        state = use_cases.see_list(connection, principal(), list_id)
        shown = None
        if state.is_there:
            given = Layout.from_json(state.computation.parameters["layout"]) if state.computation else None
            shown = use_cases.preview_list(
                connection,
                principal(),
                here.keys,
                list_id,
                given.separator if given else None,
                given.has_header if given else None,
                dict(enumerate(given.roles)) if given else None,
            )
    found = state.found
    return {
        "id": found.id,
        "empId": found.emp_id,
        "campaign": found.campaign_id,
        "name": found.name,
        "encoding": found.encoding,
        "lines": found.lines,
        "created_at": found.created_at,
        "separator": shown and shown.layout.separator,
        "has_header": shown and shown.layout.has_header,
        "columns": [
            {"name": name, "role": str(role)}
            for name, role in zip(shown.names, shown.layout.roles, strict=True)
        ]
        if shown
        else [],
        "rows": [{"fields": fields, "problem": problem} for fields, problem in shown.rows] if shown else [],
        "started": _import_as_json(state),
    }


def _import_as_json(state: ListState) -> dict[str, Any] | None:
    work, done = state.computation, state.imported
    if work is None:
        return None
    return {
        "state": str(work.state),
        "done": work.done,
        "total": work.total or state.found.lines,
        "error": work.error or None,
        "stored": done and done.stored,
        "opted_out": done and done.opted_out,
        "not_imported": done and done.bad,
        "problems": done and done.problems,
        "first": done and [{"line": line, "problem": problem} for line, problem in done.first],
    }
