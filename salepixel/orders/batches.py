"""Takes due orders in batches. Orders that depend on each other are never decided at the same time.

The decision of an order is evidence for later orders of the same customer, and for the pixel's copy of the
order, which has the same number. And it decides which is the first order with an e-mail address.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.queue import Turn, read_due
from salepixel.reading.order_numbers import order_key
from salepixel.storage.locks import Name, lock_names, try_names
from salepixel.storage.many import POSTGRESQL
from salepixel.storage.schema import orders

Claim = Callable[[sa.Connection, Mapping[OrderKey, Set[Name]]], list[OrderKey]]
"""Locks names for orders; returns the orders with all names locked."""


def due_batches(
    connection: sa.Connection, limit: int, size: int, *, turn: Turn = "all"
) -> Iterator[list[OrderKey]]:
    """The orders that are due now, in batches of at most `size`, in their sequence where possible.

    Orders that depend on each other are in different batches. An order that failed before is alone, because
    it will probably fail again. `limit`, `turn`: as in `queue.due_orders`.
    """
    return _in_batches(read_due(connection, limit, turn=turn), size)


def _in_batches(due: Sequence[sa.Row[Any]], size: int) -> Iterator[list[OrderKey]]:
    while due:
        batch: list[OrderKey] = []
        room = size
        names: set[Name] = set()
        later = []
        for row in due:
            its = _names(row)
            if room and names.isdisjoint(its) and not (row.attempts and batch):
                batch.append((row.shop_id, row.id))
                room = 0 if row.attempts else room - 1
            else:
                later.append(row)
            names |= its
        yield batch
        due = later


def claim_orders(connection: sa.Connection, keys: Collection[OrderKey], claim: Claim) -> list[OrderKey]:
    """Lock the names that these orders share with orders on which they depend.

    Called before they are locked.
    """
    if connection.dialect.name != POSTGRESQL:
        return list(keys)
    its = dict.fromkeys(keys, frozenset[Name]()) | _read_names(connection, keys)
    return claim(connection, its)


def wait_for_names(connection: sa.Connection, names: Mapping[OrderKey, Set[Name]]) -> list[OrderKey]:
    """Lock the names of orders, waiting for each; returns all orders.

    Until this transaction ends, no other transaction decides an order with one of these names.
    """
    lock_names(connection, set().union(*names.values()))
    return list(names)


def take_free_names(connection: sa.Connection, names: Mapping[OrderKey, Set[Name]]) -> list[OrderKey]:
    """Lock the names of orders without waiting; returns the orders with all names locked."""
    locked = try_names(connection, set().union(*names.values()))
    return [key for key, its in names.items() if its <= locked]


def _read_names(connection: sa.Connection, keys: Collection[OrderKey]) -> dict[OrderKey, Set[Name]]:
    rows = connection.execute(_select_names(connection.dialect.name), {"these": as_keys(keys)})
    return {(row.shop_id, row.id): _names(row) for row in rows}


@cache
def _select_names(dialect: str) -> Any:
    columns = (orders.c[name] for name in ("shop_id", "id", "emp_id", "customer", "email_hash", "number_key"))
    return sa.select(*columns).where(is_of_orders(dialect, orders.c.shop_id, orders.c.id))


def _names(row: sa.Row[Any]) -> set[Name]:
    """The names that an order shares with orders on which it depends: its customer, address and number."""
    names: set[Name] = {("number", row.emp_id, name) for name in (row.number_key, order_key(row.id))}
    if row.email_hash is not None:
        names.add(("address", row.emp_id, row.email_hash))
    return names if row.customer is None else names | {("customer", row.shop_id, row.customer)}
