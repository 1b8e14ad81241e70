"""The outbox: sales that another server was to be told of and did not take, until somebody looks."""

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from salepixel.destinations import outbox
from salepixel.destinations.outbox import DeadLetter
from salepixel_plugin.access import scope, target_account
from salepixel_plugin.api.door import Input, Output, blueprint
from salepixel_plugin.api.fields import UNSET, EmpId, Id, Text
from salepixel_plugin.api.paging import Next, Page, read_cursor, read_time, write_cursor
from salepixel_plugin.services import services


class DeadLetterOut(Output):
    """A request that was given up."""

    id: str = Field(description="Also its idempotency key: the same on every attempt.")
    emp_id: EmpId = Field(alias="empId")
    shop: Id
    order: str = Field(description="The order's number.")
    url: str
    attempts: int
    answer: str = Field(description="The last status or error; or why it was not tried.")
    given_up_at: datetime


class DeadLettersOut(Output):
    """Requests that were given up, newest first."""

    rows: list[DeadLetterOut]
    next: Next


class TryAgain(Input):
    """What to send once more."""

    emp_id: EmpId = Field(alias="empId")
    id: Text = Field(UNSET, description="One of them; without it all of the account.")


class TryAgainOut(Output):
    """How many wait to be sent now; none when nothing like that is given up, or not any more."""

    waiting: int


@blueprint.get("/outbox/dead")
@blueprint.input(Page, location="query", arg_name="page")
@blueprint.output(DeadLettersOut)
@blueprint.doc(security="bearer")
def list_dead(page: Page) -> dict[str, Any]:
    """Sales that were to be forwarded and were given up, of the accounts that the key opens."""
    with services().database.read() as connection:
        found = outbox.list_dead(connection, scope().emp_id, page.limit + 1, read_dead_cursor(page.cursor))
    shown = found[: page.limit]
    return {
        "rows": [_as_json(letter) for letter in shown],
        "next": write_dead_cursor(shown[-1]) if len(found) > page.limit else None,
    }


@blueprint.post("/outbox/dead/retry")
@blueprint.input(TryAgain, arg_name="wanted")
@blueprint.output(TryAgainOut)
@blueprint.doc(security="bearer", responses={403: "A foreign account", 404: "No such account"})
def try_again(wanted: TryAgain) -> dict[str, Any]:
    """Send once more what was given up. What the other server said that it took is left alone."""
    with services().database.write() as connection:
        target_account(connection, wanted.emp_id)
        return {"waiting": outbox.try_again(connection, wanted.emp_id, datetime.now(UTC), wanted.id)}


def write_dead_cursor(last: DeadLetter) -> str:
    """Where a page ended."""
    return write_cursor(last.given_up_at, last.id)


def read_dead_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Where a page ended. Raises a Refusal (422)."""
    if cursor is None:
        return None
    time, letter_id = read_cursor(cursor, 2)
    return read_time(time), letter_id


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
