"""The outbox: failed forwards, until somebody retries them."""

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from salepixel.destinations import use_cases
from salepixel.destinations.outbox import DeadLetter
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import UNSET, EmpId, Id, Text
from salepixel_plugin.paging import Next, PageQuery, read_dated_cursor, write_cursor
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class DeadLetterOut(Output):
    """A failed forward: a request that is not retried any more."""

    id: str = Field(description="Also its Idempotency-Key, the same in every attempt.")
    emp_id: EmpId = Field(alias="empId")
    shop: Id
    order: str = Field(description="The order's number.")
    url: str
    attempts: int
    answer: str = Field(description="The last status or error, or why it was not sent.")
    given_up_at: datetime


class DeadLettersOut(Output):
    """Failed forwards, newest first."""

    rows: list[DeadLetterOut]
    next: Next


class Retry(Input):
    """The failed forwards to retry."""

    emp_id: EmpId = Field(alias="empId")
    id: Text = Field(UNSET, description="One failed forward. Without it: all of the account.")


class RetryOut(Output):
    """How many forwards are queued again; 0 if no failed forward matches."""

    waiting: int


@blueprint.get("/outbox/dead")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(DeadLettersOut)
@blueprint.doc(security="bearer")
def list_dead(page: PageQuery) -> dict[str, Any]:
    """Failed forwards of the accounts that the API key can read."""
    with services().database.read() as connection:
        before = read_dated_cursor(page.cursor)
        found = use_cases.see_dead_letters(connection, principal(), page.limit + 1, before)
    shown = found[: page.limit]
    return {
        "rows": [_as_json(letter) for letter in shown],
        "next": write_cursor(*shown[-1].place) if len(found) > page.limit else None,
    }


@blueprint.post("/outbox/dead/retry")
@blueprint.input(Retry, arg_name="wanted")
@blueprint.output(RetryOut)
@blueprint.doc(
    security="bearer", responses={403: "The API key belongs to another account", 404: "No such account"}
)
def retry_forwards(wanted: Retry) -> dict[str, Any]:
    """Retry failed forwards. Forwards that the other server accepted are not sent again."""
    with services().database.write() as connection:
        now = datetime.now(UTC)
        return {"waiting": use_cases.retry_dead(connection, principal(), wanted.emp_id, now, wanted.id)}


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "empId": letter.emp_id,
        "shop": letter.shop_id,
        "order": letter.order_number,
        "url": letter.url,
        "attempts": letter.attempts,
        "answer": letter.answer,
        "given_up_at": letter.given_up_at,
    }
