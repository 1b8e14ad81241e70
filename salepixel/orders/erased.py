"""Orders of erased people: amounts are stored, buyers are not."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.accounts.erased import Kind, Trace, erased_among, has_erased, lock_erased
from salepixel.keys import Keys
from salepixel.orders.order import Order
from salepixel.orders.redacted import addresses_in
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import orders


class Buyer(NamedTuple):
    """What identifies the buyer of an order: hashes of the address, and the shop's own id."""

    order_id: str
    email_hash: str | None
    alias_hash: str | None
    customer: str | None


def traces_of_buyer(shop_id: str, buyer: Buyer) -> list[Trace]:
    """The entries in the list of the erased that would match this buyer."""
    found = [
        (Kind.ADDRESS, buyer.email_hash),
        (Kind.MAILBOX, buyer.alias_hash),
        (Kind.CUSTOMER, buyer.customer and f"{shop_id} {buyer.customer}"),
    ]
    return [Trace(kind, value) for kind, value in found if value]


def erased_orders(
    connection: sa.Connection, keys: Keys, shop_id: str, emp_id: int, buyers: Iterable[Buyer]
) -> dict[str, datetime]:
    """The orders among these with an erased buyer, or that named an erased person; with the time of the
    erasure (UTC).

    Locks the list of the erased until the transaction ends, so that the orders can be stored.
    """
    lock_erased(connection, emp_id)
    if not has_erased(connection, emp_id):
        return {}
    traces = {buyer.order_id: traces_of_buyer(shop_id, buyer) for buyer in buyers}
    query = sa.select(orders.c.id, orders.c.erased_at).where(
        orders.c.shop_id == shop_id,
        is_one_of(connection, orders.c.id, traces),
        orders.c.erased_at.is_not(None),
    )
    found: dict[str, datetime] = {row.id: row.erased_at for row in connection.execute(query)}
    known = erased_among(connection, keys, emp_id, {one for its in traces.values() for one in its})
    for order_id, its in traces.items():
        if times := [known[one] for one in its if one in known]:
            found.setdefault(order_id, min(times))
    return found


def names_erased(connection: sa.Connection, keys: Keys, emp_id: int, body: bytes) -> bool:
    """Whether a body without an order, such as a draft, contains the address of an erased person."""
    if not has_erased(connection, emp_id):
        return False
    found = addresses_in(body.decode(errors="replace"))
    traces = {
        Trace(kind, value)
        for text in found
        for kind, value in zip((Kind.ADDRESS, Kind.MAILBOX), keys.hash_address(emp_id, text), strict=True)
    }
    return bool(erased_among(connection, keys, emp_id, traces))


def hide_erased(
    connection: sa.Connection, keys: Keys, shop_id: str, emp_id: int, reported: Sequence[Order]
) -> tuple[Order, ...]:
    """These orders, ready to be stored: orders of erased people without the buyer, and with `erased_at`."""
    buyers = [Buyer(order.id, order.email_hash, order.alias_hash, order.customer) for order in reported]
    found = erased_orders(connection, keys, shop_id, emp_id, buyers)
    return tuple(without_buyer(one, found[one.id]) if one.id in found else one for one in reported)


def without_buyer(order: Order, at: datetime) -> Order:
    """An order without what identifies its buyer. Removes the code, too: it may be a personal one."""
    hidden: dict[str, Any] = dict.fromkeys(("email_hash", "alias_hash", "customer", "click_token"))
    return replace(order, **hidden, voucher="", erased_at=order.erased_at or at)


def as_erased_before(order: Order, kept: Mapping[str, Any]) -> Order:
    """A newer snapshot of an order that named an erased person, with only the buyer's data that was kept
    then.

    `kept`: columns of the stored order. If another person bought it, that buyer's data stays.
    """
    return replace(
        order,
        email_hash=kept["email_hash"],
        alias_hash=kept["alias_hash"],
        customer=kept["customer"],
        voucher=kept["voucher"] or "",
        click_token=None,
        erased_at=kept["erased_at"],
    )


KEPT_OF_BUYER = ("email_hash", "alias_hash", "customer", "voucher", "erased_at")
"""The columns that `as_erased_before` takes."""


def ids_of_erased(reported: Iterable[Order]) -> Collection[str]:
    """The ids of the orders that `hide_erased` changed."""
    return {order.id for order in reported if order.erased_at}
