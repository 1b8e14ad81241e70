"""The limits of an order, so that databases can store it and rules can decide it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from salepixel.money.amounts import MAX_AMOUNT, BadMoney, round_money
from salepixel.money.quantities import MAX_QUANTITY
from salepixel.orders.order import Order

MAX_REFERENCE_BYTES = 1000
"""The limit for ids, numbers and other texts with an index, in UTF-8.

An entry of a PostgreSQL index may have 2,704 bytes, and the key of a sale holds two of these.
"""

MAX_LINES = 20_000
MAX_QUANTITY_OF_SHOP = 1000 * MAX_QUANTITY
"""Saleor's own limit is near 2**31. In thousandths, this is far below 64 bits."""

FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""The earliest time of an order. Click ids begin in 1970, and a window cannot begin before the year 1."""

CLOCKS = timedelta(days=31)
"""How far a shop's time may be ahead. A snapshot of the year 9999 would always be the newest one."""


class OutOfBounds(ValueError):
    """An order that cannot be stored or decided. `reason` is the name that is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_order(order: Order, now: datetime) -> Order:
    """Return the order unchanged. Raises OutOfBounds: bad_amount, bad_quantity, bad_time, long_reference,
    too_many_lines.

    `now`: aware UTC. The limit applies to rounded amounts, because an amount that rounds up to it could not
    be read again.
    """
    if len(order.lines) > MAX_LINES:
        raise OutOfBounds("too_many_lines")
    if any(len(text.encode()) > MAX_REFERENCE_BYTES for text in _references(order)):
        raise OutOfBounds("long_reference")
    times = order.placed_at, order.updated_at, order.issued_at
    if not all(FIRST_DAY <= time <= now + CLOCKS for time in times):
        raise OutOfBounds("bad_time")
    if not all(0 <= line.quantity <= MAX_QUANTITY_OF_SHOP for line in order.lines):
        raise OutOfBounds("bad_quantity")
    try:
        amounts = [round_money(amount, order.currency) for amount in _amounts(order)]
    except (BadMoney, ArithmeticError) as error:
        raise OutOfBounds("bad_amount") from error
    if not all(0 <= amount < MAX_AMOUNT for amount in amounts):
        raise OutOfBounds("bad_amount")
    return order


def _references(order: Order) -> Iterator[str]:
    yield from (order.id, order.number, order.utm_campaign, order.replaces or "")
    # In capital letters, as in the index: some letters have more bytes there.
    yield order.voucher.upper()
    yield from (text for text in (order.customer, order.email_hash, order.alias_hash, order.replaces) if text)
    for line in order.lines:
        yield from (line.id, line.sku or "")


def _amounts(order: Order) -> Iterator[Decimal]:
    yield from (order.total, order.refunded, order.shipping, order.deducted, order.by_gift_card)
    # Parts are added up before they are limited to the whole, so their sum must fit too.
    yield sum((line.amount for line in order.lines), order.shipping)
    yield sum((line.refunded or Decimal(0) for line in order.lines), order.shipping_refunded or Decimal(0))
    yield sum((line.granted for line in order.lines), order.shipping_granted)
    for amount in (order.shipping_net, order.shipping_refunded, order.charged, order.covers):
        if amount is not None:
            yield amount
    for line in order.lines:
        amounts = line.amount, line.net, line.refunded, line.granted
        yield from (amount for amount in amounts if amount is not None)
