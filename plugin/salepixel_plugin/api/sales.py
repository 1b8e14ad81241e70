"""The sales API: orders from any system that has the account's API key."""

from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Annotated, Any, ClassVar, Self

from flask import request
from pydantic import Field, InstanceOf, WrapValidator, model_validator
from pydantic.json_schema import SkipJsonSchema

from salepixel.money.amounts import to_minor
from salepixel.orders.bounds import MAX_LINES, MAX_REFERENCE_BYTES
from salepixel.reading.times import rfc3339
from salepixel.shops import use_cases
from salepixel.shops.reported import ReportedLine, ReportedOrder
from salepixel.shops.use_cases import Unchanged
from salepixel.wire import jobs
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import blueprint
from salepixel_plugin.api.contacts import Email
from salepixel_plugin.api.items import BadItem, Stored, each, not_stored, split_items
from salepixel_plugin.fields import (
    Amount,
    Currency,
    EmpId,
    FilledItem,
    Name,
    OrderNumber,
    Quantity,
    Text,
    Time,
    check_total,
)
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class SaleLineIn(Input):
    """A line of an order."""

    item: FilledItem
    sku: Text | None = None
    quantity: Quantity
    amount: Amount = Field(description="What the buyer pays for the whole line, with tax.")
    net: Amount | None = Field(
        None, description="`amount` without tax, for accounts with `tax` = `net`. By default `amount`."
    )
    refunded: Amount | None = Field(
        None,
        description="The refunds of this line, with tax. By default its share of the order's `refunded`.",
    )

    @model_validator(mode="after")
    def _is_part_of_the_amount(self) -> Self:
        if max(self.net or 0, self.refunded or 0) > self.amount:
            raise ValueError("`net` and `refunded` cannot be more than `amount`")
        return self


class OrderIn(Input):
    """The current state of an order. Send the order again after each change."""

    id: OrderNumber
    number: Name | None = Field(None, description="The number that people see. By default the id.")
    currency: Currency
    placed_at: Time
    updated_at: Time | None = Field(
        None,
        description="When the order last changed; by default the time of the call. The newest state counts; "
        "of equal times, the one that is sent later.",
    )
    paid: bool = True
    cancelled: bool = False
    total: Amount | None = Field(
        None, description="The total with shipping. By default the sum of the lines."
    )
    refunded: Amount | None = Field(
        None, description="All refunds of the order. By default the sum of the lines."
    )
    email: Email | None = Field(
        None, description="The buyer's e-mail address. It is matched as a keyed hash."
    )
    click: str | None = Field(None, description="The click token: `spx` in the URL of the landing page.")
    voucher: Text = Field("", description="The voucher's code.")
    customer: Text | None = Field(
        None, description="Your id of the buyer, if the buyer has a customer account."
    )
    utm_campaign: Text = ""
    payment: Text = Field("", description="The shop's name for the payment method.")
    lines: Annotated[list[SaleLineIn], Field(min_length=1, max_length=500)]

    @property
    def refunded_in_lines(self) -> Decimal:
        """The sum of the refunds of the lines."""
        return sum((line.refunded or Decimal(0) for line in self.lines), Decimal(0))

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        in_lines = sum((line.amount for line in self.lines), Decimal(0))
        check_total(max(in_lines, self.total or in_lines), self.currency)
        # Shops round each line or the sum, so a difference of a cent per line is not an error.
        tolerance = len(self.lines)
        if self.total is not None and (
            to_minor(in_lines, self.currency) - to_minor(self.total, self.currency) > tolerance
        ):
            raise ValueError(
                "`total` is less than the sum of the lines; send the lines as paid, after discounts"
            )
        if self.refunded is not None and self.refunded < self.refunded_in_lines:
            raise ValueError("`refunded` is less than the sum of `refunded` of the lines")
        return self


class SalesIn(Input):
    """Orders of an account."""

    max_bytes: ClassVar[int] = 8_000_000
    emp_id: EmpId = Field(alias="empId")
    orders: Annotated[
        list[Annotated[OrderIn | SkipJsonSchema[InstanceOf[BadItem]], WrapValidator(each(OrderIn, "id"))]],
        Field(max_length=1000),
    ]


@blueprint.post("/sales")
@blueprint.input(SalesIn, arg_name="wanted")
@blueprint.output(Stored)
@blueprint.doc(
    security="bearer", responses={403: "The API key belongs to another account", 404: "No such account"}
)
def add_sales(wanted: SalesIn) -> dict[str, Any]:
    """Add or change orders. `stored` counts the orders that are new or newer than the stored state.

    Each order is validated separately. `not_stored` lists the others with the reason. Idempotent: the same
    call is safe to retry, even after a newer one.
    """
    here, body = services(), request.get_data()
    good, bad = split_items(wanted.orders, "orders")
    reported = [(position, _as_reported(order)) for position, order in good]
    content_type, now = request.headers.get("Content-Type", ""), datetime.now(UTC)
    with here.database.write() as connection:
        receipt = use_cases.report_orders(
            connection, principal(), here.keys, wanted.emp_id, reported, body, content_type, now
        )
    if receipt.stored:
        here.job_queue.enqueue_once(jobs.DRAIN)
    not_stored = sorted([*map(_unchanged, receipt.unchanged), *bad], key=itemgetter("position"))
    return {"stored": len(receipt.stored), "not_stored": not_stored or None}


def _as_reported(order: OrderIn) -> ReportedOrder:
    lines = [ReportedLine(**line.model_dump()) for line in order.lines]
    return ReportedOrder(**order.model_dump(exclude={"lines"}), lines=lines)


def _unchanged(one: Unchanged) -> dict[str, Any]:
    message = _WHY[one.reason]
    if one.known_at is not None:
        message = message % rfc3339(one.known_at)
    return not_stored(one.position, one.order_id, one.reason, message)


_WHY = {
    "repeated": "This call was received before, so nothing changed.",
    "older_than_known": "A newer state of this order is stored, from %s.",
    "bad_amount": "Its amounts, or their sum, are too large for an order.",
    "bad_quantity": "The quantity of a line is too large for an order.",
    "bad_time": "Its times must be in the year 2000 or later, and not in the future.",
    "long_reference": f"An id, number or other reference has more than {MAX_REFERENCE_BYTES} bytes.",
    "too_many_lines": f"It has more than {MAX_LINES} lines.",
}
