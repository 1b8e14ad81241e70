"""Orders that could not be processed: retried automatically, then parked until somebody requeues them."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from salepixel.orders import use_cases
from salepixel.orders.queue import FailedOrder
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import UNSET, EmpId, Id, Text
from salepixel_plugin.paging import Next, PageQuery, read_order_cursor, write_cursor
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class FailedOrderOut(Output):
    """An order that could not be processed."""

    emp_id: EmpId = Field(alias="empId")
    shop: Id
    order_id: str
    order: str = Field(description="The order's number.")
    state: Literal["retrying", "parked"] = Field(description="`parked`: no longer retried automatically.")
    attempts: int
    error: str = Field(
        description="The type of the last error and its place in the code, without personal data."
    )
    because: str = Field(description="Why the order was queued; empty if not recorded.")
    failed_at: datetime
    next_attempt_at: datetime | None


class FailedOrdersOut(Output):
    """Orders that could not be processed, the latest failure first."""

    rows: list[FailedOrderOut]
    next: Next


class Requeue(Input):
    """The orders to retry."""

    emp_id: EmpId = Field(alias="empId")
    shop: Text = Field(
        UNSET, description="With `order_id`: one order. Without both: all orders of the account."
    )
    order_id: str = Field(UNSET, max_length=1000)

    @model_validator(mode="after")
    def _names_one_or_all(self) -> Self:
        if (self.shop is None) != (self.order_id is None):
            raise ValueError("send `shop` and `order_id`, or neither")
        return self


class RequeueOut(Output):
    """How many orders are queued again."""

    requeued: int


@blueprint.get("/orders/failed")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(FailedOrdersOut)
@blueprint.doc(security="bearer")
def list_failed(page: PageQuery) -> dict[str, Any]:
    """Orders that could not be processed, of the accounts that the API key can read."""
    with services().database.read() as connection:
        before = read_order_cursor(page.cursor)
        found = use_cases.see_failed_orders(connection, principal(), page.limit + 1, before)
    shown = found[: page.limit]
    return {
        "rows": [_as_json(order) for order in shown],
        "next": write_cursor(*shown[-1].place) if len(found) > page.limit else None,
    }


@blueprint.post("/orders/failed/retry")
@blueprint.input(Requeue, arg_name="wanted")
@blueprint.output(RequeueOut)
@blueprint.doc(
    security="bearer", responses={403: "The API key belongs to another account", 404: "No such account"}
)
def requeue(wanted: Requeue) -> dict[str, Any]:
    """Retry orders that could not be processed; each gets all its attempts again. Idempotent."""
    only = None if wanted.shop is None else (wanted.shop, wanted.order_id)
    with services().database.write() as connection:
        return {"requeued": use_cases.retry_failed(connection, principal(), wanted.emp_id, only)}


def _as_json(order: FailedOrder) -> dict[str, Any]:
    return {
        "empId": order.emp_id,
        "shop": order.shop_id,
        "order_id": order.order_id,
        "order": order.number,
        "state": order.state,
        "attempts": order.attempts,
        "error": order.last_error,
        "because": order.due_because,
        "failed_at": order.failed_at,
        "next_attempt_at": order.next_attempt_at,
    }
