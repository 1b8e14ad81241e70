"""The sales API: orders from any system, proved by the account's key."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Annotated, Any, ClassVar, Self

from flask import request
from pydantic import AfterValidator, Field, InstanceOf, WrapValidator, model_validator
from pydantic.json_schema import SkipJsonSchema

from salepixel.clicks.hits import MAX_TEXT
from salepixel.money.amounts import allocate, from_minor, round_money, to_minor
from salepixel.orders import deliveries
from salepixel.orders import store as orders
from salepixel.orders.bounds import MAX_LINES, MAX_REFERENCE_BYTES, OutOfBounds, check_order
from salepixel.orders.order import Order, OrderLine
from salepixel.reading.times import rfc3339
from salepixel.shops import store as shops
from salepixel.wire import jobs
from salepixel_plugin.access import target_account
from salepixel_plugin.api.contacts import Email
from salepixel_plugin.api.door import Input, blueprint
from salepixel_plugin.api.fields import (
    MAX_DIGITS,
    Amount,
    Currency,
    EmpId,
    FilledItem,
    Name,
    OrderNumber,
    Quantity,
    Text,
    Time,
    check_sum,
)
from salepixel_plugin.api.items import BadItem, Stored, each, not_stored, split_items
from salepixel_plugin.services import Services, services

EVENT = "sales_api"
_REPEATED = "This call was received before, and this order is known; nothing changed."

RINGS = 20
"""For so many orders the worker is called one by one; for more, one sweep does them all."""


def _cut(token: str) -> str:
    """A token as it is kept: what is longer than ours are cannot be opened, and costs no order."""
    return token[:MAX_TEXT]


class SaleLineIn(Input):
    """A line of an order."""

    item: FilledItem
    sku: Text | None = None
    quantity: Quantity
    amount: Amount = Field(description="What the buyer pays for the whole line, tax included.")
    net: Amount | None = Field(
        None, description="The same without tax, for accounts that count net; `amount` where not told."
    )
    refunded: Amount | None = Field(
        None, description="What was given back of this line, tax included; not told: its part of the order's."
    )

    @model_validator(mode="after")
    def _is_part_of_the_amount(self) -> Self:
        if max(self.net or 0, self.refunded or 0) > self.amount:
            raise ValueError("`net` and `refunded` cannot be more than `amount`")
        return self


class OrderIn(Input):
    """An order as it is now; sent again after a change it replaces what was sent before."""

    id: OrderNumber
    number: Name | None = Field(None, description="As people know it; the id where there is none.")
    currency: Currency
    placed_at: Time
    updated_at: Time | None = Field(
        None,
        description="The newest counts, of equal ones the one sent later. Without it an order is as of the "
        "call that brings it.",
    )
    paid: bool = True
    cancelled: bool = False
    total: Amount | None = Field(None, description="With shipping; the sum of the lines where not told.")
    refunded: Amount | None = Field(
        None, description="What was given back of the total; the sum of the lines where not told."
    )
    email: Email | None = Field(None, description="Of the buyer; matched as a keyed hash.")
    click: Annotated[str, AfterValidator(_cut)] | None = Field(
        None, description="The click token: `spx` of the page that was reached."
    )
    voucher: Text = Field("", description="The voucher's code.")
    customer: Text | None = Field(None, description="Your id of the buyer, where there is an account.")
    utm_campaign: Text = ""
    payment: Text = Field("", description="How it was paid, as the shop calls it.")
    lines: Annotated[list[SaleLineIn], Field(min_length=1, max_length=500)]

    @property
    def refunded_in_lines(self) -> Decimal:
        """The sum of what was told by line."""
        return sum((line.refunded or Decimal(0) for line in self.lines), Decimal(0))

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        in_lines = sum((line.amount for line in self.lines), Decimal(0))
        check_sum(max(in_lines, self.total or in_lines), self.currency)
        # Shops round each line or the sum: a cent a line is no mistake.
        tolerance = len(self.lines)
        if self.total is not None and (
            to_minor(in_lines, self.currency) - to_minor(self.total, self.currency) > tolerance
        ):
            raise ValueError("`total` is less than the lines; give the lines as paid, after discounts")
        if self.refunded is not None and self.refunded < self.refunded_in_lines:
            raise ValueError("`refunded` is less than what was refunded of the lines")
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
@blueprint.doc(security="bearer", responses={403: "A foreign account", 404: "No such account"})
def add_sales(wanted: SalesIn) -> dict[str, Any]:
    """Add or change orders; `stored` counts those that are newer than what was known.

    Each order is read by itself: `not_stored` names those that were not, with the reason. Idempotent: the
    same body again changes nothing, whatever came since.
    """
    here = services()
    now = datetime.now(UTC)
    good, bad = split_items(wanted.orders, "orders")
    stored, passed = [], bad
    with here.database.write() as connection:
        target_account(connection, wanted.emp_id)
        shop = shops.shop_of_account(connection, wanted.emp_id, "api", now)
        digest = deliveries.delivery_digest(shop.api_url, EVENT, request.get_data())
        is_new = deliveries.store_delivery(
            connection,
            digest=digest,
            shop_id=shop.id,
            event=EVENT,
            headers={"Content-Type": request.headers.get("Content-Type", "")},
            body=request.get_data(),
            at=now,
        )
        for position, told in good:
            known = orders.get_order(connection, shop.id, told.id, lock=True)
            if known and not is_new:
                passed.append(not_stored(position, told.id, "repeated", _REPEATED))
                continue
            since = known.order.updated_at if known else told.placed_at
            order = _order(here, wanted.emp_id, told, since, now + timedelta(microseconds=position))
            try:
                check_order(order, now)
            except OutOfBounds as error:
                passed.append(not_stored(position, told.id, error.reason, _OUT_OF_BOUNDS[error.reason]))
                continue
            if orders.store_order(connection, shop.id, wanted.emp_id, order, digest):
                stored.append(order.id)
            else:
                message = f"A newer state of this order is known, of {rfc3339(since)}."
                passed.append(not_stored(position, told.id, "older_than_known", message))
    _ring(here, shop.id, stored)
    return {"stored": len(stored), "not_stored": sorted(passed, key=itemgetter("position")) or None}


_OUT_OF_BOUNDS = {
    "bad_amount": "Its amounts, or their sum, are more than an order can cost.",
    "bad_quantity": "A line has more items than an order can have.",
    "bad_time": "Its times must be after the year 2000 and not in the future.",
    "long_reference": f"An id, number or other reference has more than {MAX_REFERENCE_BYTES} bytes.",
    "too_many_lines": f"It has more than {MAX_LINES} lines.",
}


def _order(here: Services, emp_id: int, told: OrderIn, known_at: datetime, issued_at: datetime) -> Order:
    """The order as it will be kept. Without `updated_at` it is as of this call: after what is known."""
    amounts = _amounts(told)
    in_lines = sum(amounts, Decimal(0))
    total = in_lines if told.total is None else round_money(told.total, told.currency)
    return Order(
        id=told.id,
        number=told.number or told.id,
        currency=told.currency,
        placed_at=told.placed_at,
        updated_at=told.updated_at or max(told.placed_at, known_at),
        issued_at=issued_at,
        total=total,
        refunded=told.refunded_in_lines if told.refunded is None else told.refunded,
        paid=told.paid,
        cancelled=told.cancelled,
        lines=tuple(
            OrderLine(
                str(number), line.item, line.quantity, amount, line.sku or None, line.net, line.refunded
            )
            for number, (line, amount) in enumerate(zip(told.lines, amounts, strict=True), 1)
        ),
        shipping=max(total - in_lines, Decimal(0)),
        # A cent each at most, by which the shop's rounding made the lines dearer: nobody paid it.
        deducted=max(in_lines - total, Decimal(0)),
        email_hash=here.keys.hash_email(emp_id, told.email) if told.email else None,
        click_token=told.click or None,
        alias_hash=here.keys.hash_alias(emp_id, told.email) if told.email else None,
        voucher=told.voucher,
        customer=told.customer or None,
        utm_campaign=told.utm_campaign,
        payment=told.payment,
    )


def _amounts(told: OrderIn) -> list[Decimal]:
    """The lines' amounts with the currency's digits, so that they add up to what their sum is rounded to."""
    in_lines = sum((line.amount for line in told.lines), Decimal(0))
    weights = [int(line.amount.scaleb(MAX_DIGITS)) for line in told.lines]
    parts = allocate(to_minor(in_lines, told.currency), weights)
    return [from_minor(part, told.currency) for part in parts]


def _ring(here: Services, shop_id: str, order_ids: list[str]) -> None:
    if len(order_ids) > RINGS:
        here.bell.ring(jobs.SWEEP)
        return
    for order_id in order_ids:
        if not here.bell.ring(jobs.RECONCILE, shop_id, order_id):
            return  # Redis is away; the sweep finds the rest, and nobody waits for each time-out
