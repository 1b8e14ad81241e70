"""Export and erasure of everything that is stored about a person."""

from datetime import UTC, datetime
from typing import Annotated, Any

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from salepixel.privacy import use_cases
from salepixel.privacy.erase import finish_erasure
from salepixel.privacy.erasures import Erasure
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.api.computations import ACCEPTED, not_computed_yet
from salepixel_plugin.computed import ask, tools
from salepixel_plugin.fields import EmpId, Id
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, writing

ANSWER_SECONDS = 5.0
"""How long a call erases. After that, the worker continues."""

LISTED = 100

Who = Annotated[
    str, Field(min_length=1, max_length=400, description="A contact's reference, or an e-mail address.")
]


class AccountQuery(BaseModel):
    """The account of the contact."""

    model_config = ConfigDict(extra="ignore")
    emp_id: EmpId = Field(alias="empId")


class PersonIn(Input):
    """A person of an account. Sent in the body, because proxies log URLs."""

    emp_id: EmpId = Field(alias="empId")
    contact: Who


class PersonOut(Output):
    """Everything that is stored about a person."""

    emp_id: EmpId = Field(alias="empId")
    exported_at: datetime
    references: list[str] = Field(description="The contact references of the person.")
    tables: dict[str, list[dict[str, Any]]] = Field(description="Rows by table, as they are stored.")


class ErasureOut(Output):
    """A receipt: when a person was erased, and how many rows changed. It does not name the person."""

    id: Id
    emp_id: EmpId = Field(alias="empId")
    begun_at: datetime
    ended_at: datetime | None = Field(
        description="Null while the worker continues the erasure. With an `error`: closed."
    )
    error: str | None = Field(
        description="Why the erasure does not continue: `no_key` if the key of the person's data is missing "
        "in keys.json, otherwise the type of the error. The worker retries it every minute. Null: no error."
    )
    failed_at: datetime | None = Field(description="The time of the first failure with this error.")
    counts: dict[str, int] = Field(description="Table -> rows that were deleted or changed.")


class ErasuresOut(Output):
    """Receipts, newest first."""

    erasures: list[ErasureOut]


@blueprint.get("/contacts/<path:ref>/export")
@blueprint.input(AccountQuery, location="query", arg_name="asked")
@blueprint.output(PersonOut)
@blueprint.doc(security="bearer", responses=ACCEPTED)
def export_contact(ref: str, asked: AccountQuery) -> dict[str, Any] | Response:
    """Everything that is stored about a contact; empty lists for an unknown one.

    If there are more than 200 deliveries, the worker searches them: 202 until the result is ready.
    """
    return _export(asked.emp_id, ref)


@blueprint.post("/contacts/export")
@blueprint.input(PersonIn, arg_name="wanted")
@blueprint.output(PersonOut)
@blueprint.doc(security="bearer", responses={404: "No such account", **ACCEPTED})
def export_person(wanted: PersonIn) -> dict[str, Any] | Response:
    """The same for a person, by reference or e-mail address."""
    return _export(wanted.emp_id, wanted.contact)


@blueprint.delete("/contacts/<path:ref>")
@blueprint.input(AccountQuery, location="query", arg_name="asked")
@blueprint.output(ErasureOut)
@blueprint.doc(security="bearer")
def erase_contact(ref: str, asked: AccountQuery) -> dict[str, Any]:
    """Erase a contact permanently. Idempotent: the receipt of a repeated call counts no rows."""
    return _erase(asked.emp_id, ref)


@blueprint.post("/contacts/erase")
@blueprint.input(PersonIn, arg_name="wanted")
@blueprint.output(ErasureOut)
@blueprint.doc(security="bearer", responses={404: "No such account"})
def erase_person(wanted: PersonIn) -> dict[str, Any]:
    """Erase a person permanently, by reference or e-mail address."""
    return _erase(wanted.emp_id, wanted.contact)


@blueprint.get("/erasures")
@blueprint.input(AccountQuery, location="query", arg_name="asked")
@blueprint.output(ErasuresOut)
@blueprint.doc(security="bearer")
def list_erasures(asked: AccountQuery) -> dict[str, Any]:
    """The newest receipts of an account."""
    with services().database.read() as connection:
        found = use_cases.see_erasures(connection, principal(), asked.emp_id, LISTED)
    return {"erasures": [_as_json(erasure) for erasure in found]}


@blueprint.post("/erasures/<erasure_id>/retry")
@blueprint.output(ErasureOut)
@blueprint.doc(security="bearer", responses={404: "No such erasure"})
def retry_erasure(erasure_id: str) -> dict[str, Any]:
    """Continue an unfinished erasure now. Idempotent."""
    here = services()
    with here.database.write() as connection:
        unfinished = use_cases.resume_erasure(connection, principal(), erasure_id)
    return _as_json(finish_erasure(here.database, here.clicks, unfinished, ANSWER_SECONDS))


@blueprint.post("/erasures/<erasure_id>/close")
@blueprint.output(ErasureOut)
@blueprint.doc(
    security="bearer",
    responses={404: "No such erasure", 409: "Its error is not `no_key`, so it can continue"},
)
def close_erasure(erasure_id: str) -> dict[str, Any]:
    """Close an erasure with the error `no_key`: if the key is lost, it can never finish. Idempotent.

    Erase the person again first.
    """
    with services().database.write() as connection:
        return _as_json(
            use_cases.close_failed_erasure(connection, principal(), erasure_id, datetime.now(UTC))
        )


def _export(emp_id: int, who: str) -> dict[str, Any] | Response:
    now = datetime.now(UTC)
    found = ask(lambda connection: use_cases.find_export(connection, principal(), tools(), emp_id, who, now))
    if found.result is None or found.computation is not None:
        return not_computed_yet(found)
    return found.result


def _erase(emp_id: int, who: str) -> dict[str, Any]:
    here = services()
    with writing(publishes=True) as connection:
        begun = use_cases.begin_erasure(connection, principal(), here.keys, emp_id, who, datetime.now(UTC))
    return _as_json(finish_erasure(here.database, here.clicks, begun, ANSWER_SECONDS))


def _as_json(erasure: Erasure) -> dict[str, Any]:
    return {
        "id": erasure.id,
        "empId": erasure.emp_id,
        "begun_at": erasure.begun_at,
        "ended_at": erasure.ended_at,
        "error": erasure.error or None,
        "failed_at": erasure.failed_at,
        "counts": dict(erasure.counts),
    }
