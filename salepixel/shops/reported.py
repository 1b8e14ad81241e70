"""An order as an account's own programs report it, without an app in the shop."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from salepixel.clicks.hits import MAX_TEXT
from salepixel.keys import Keys
from salepixel.money.amounts import allocate, from_minor, round_money, to_minor
from salepixel.orders.order import Order, OrderLine

MAX_DIGITS = 6
"""Decimal places of an amount; longer ones are rounded: programs with floats send 59.849999999999994."""


@dataclass(frozen=True, slots=True)
class ReportedLine:
    """A line of an order. Amounts are for its whole quantity; `net` is without tax, None if not given."""

    item: str
    quantity: Decimal
    amount: Decimal
    sku: str | None = None
    net: Decimal | None = None
    refunded: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ReportedOrder:
    """The current state of an order. None and empty mean: not given. Times are UTC."""

    id: str
    currency: str
    placed_at: datetime
    lines: Sequence[ReportedLine]
    number: str | None = None
    updated_at: datetime | None = None
    paid: bool = True
    cancelled: bool = False
    total: Decimal | None = None
    refunded: Decimal | None = None
    email: str | None = None
    click: str | None = None
    voucher: str = ""
    customer: str | None = None
    utm_campaign: str = ""
    payment: str = ""


def order_of_report(
    keys: Keys, emp_id: int, reported: ReportedOrder, known_at: datetime, issued_at: datetime
) -> Order:
    """The order to store. Without `updated_at`, it is dated by this report, so newer than the stored one."""
    amounts = _amounts(reported)
    in_lines = sum(amounts, Decimal(0))
    total = in_lines if reported.total is None else round_money(reported.total, reported.currency)
    refunded = sum((line.refunded or Decimal(0) for line in reported.lines), Decimal(0))
    return Order(
        id=reported.id,
        number=reported.number or reported.id,
        currency=reported.currency,
        placed_at=reported.placed_at,
        updated_at=reported.updated_at or max(reported.placed_at, known_at),
        issued_at=issued_at,
        total=total,
        refunded=refunded if reported.refunded is None else reported.refunded,
        paid=reported.paid,
        cancelled=reported.cancelled,
        lines=tuple(
            OrderLine(
                str(number), line.item, line.quantity, amount, line.sku or None, line.net, line.refunded
            )
            for number, (line, amount) in enumerate(zip(reported.lines, amounts, strict=True), 1)
        ),
        shipping=max(total - in_lines, Decimal(0)),
        # The shop rounded each line up by at most a cent, which nobody paid.
        deducted=max(in_lines - total, Decimal(0)),
        email_hash=keys.hash_email(emp_id, reported.email) if reported.email else None,
        # A text longer than our tokens is no token. It is dropped, and the order is kept.
        click_token=(reported.click or "")[:MAX_TEXT] or None,
        alias_hash=keys.hash_alias(emp_id, reported.email) if reported.email else None,
        voucher=reported.voucher,
        customer=reported.customer or None,
        utm_campaign=reported.utm_campaign,
        payment=reported.payment,
    )


def _amounts(reported: ReportedOrder) -> list[Decimal]:
    """The lines' amounts, rounded to the currency's digits so that they add up to the rounded total."""
    in_lines = sum((line.amount for line in reported.lines), Decimal(0))
    weights = [int(line.amount.scaleb(MAX_DIGITS)) for line in reported.lines]
    parts = allocate(to_minor(in_lines, reported.currency), weights)
    return [from_minor(part, reported.currency) for part in parts]
