"""Evidence from other orders: earlier buyers of the same customer, and whether a shop reported the order."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.orders.keys import OrderKey
from salepixel.orders.store import StoredOrder
from salepixel.reading.order_numbers import order_key
from salepixel.storage.many import among, as_rows, as_values, table_of
from salepixel.storage.schema import UtcTime, as_micros, decisions, orders, shops

_ITS_DECISION = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)


def buyers_known_before(connection: sa.Connection, asked: Sequence[StoredOrder]) -> dict[OrderKey, list[str]]:
    """For each order, the contacts named by the evidence of its customer's earlier orders in the shop."""
    found: dict[OrderKey, list[str]] = {stored.key: [] for stored in asked}
    rows = [
        {
            "shop": stored.shop_id,
            "id": stored.order.id,
            "customer": stored.order.customer,
            "placed": as_micros(stored.order.placed_at),
        }
        for stored in asked
        if stored.order.customer
    ]
    if rows:
        query = _buyers_before(connection.dialect.name)
        for row in connection.execute(query, {"asked": as_rows(rows)}).all():
            found[row.shop, row.id].append(row.buyer)
    return {key: sorted(buyers) for key, buyers in found.items()}


@cache
def _buyers_before(dialect: str) -> Any:
    asked = table_of(dialect, "asked", shop=sa.Text, id=sa.Text, customer=sa.Text, placed=UtcTime)
    earlier = sa.and_(
        orders.c.shop_id == asked.c.shop,
        orders.c.customer == asked.c.customer,
        sa.tuple_(orders.c.placed_at, orders.c.id) < sa.tuple_(asked.c.placed, asked.c.id),
    )
    query = sa.select(asked.c.shop, asked.c.id, decisions.c.buyer).distinct()
    query = query.select_from(asked.join(orders, earlier).join(decisions, _ITS_DECISION))
    return query.where(decisions.c.buyer != "")


def reported_by_shops(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> set[str]:
    """The ids or numbers among these that a shop of the account reported, not only its pixel.

    An order is included once it is decided. Deciding it requeues the pixel's copy, so nothing counts twice.
    """
    if not refs:
        return set()
    keys = {ref: order_key(ref) for ref in refs}
    dialect = connection.dialect.name
    given = {"ids": as_values(dialect, keys), "keys": as_values(dialect, set(keys.values()))}
    rows = connection.execute(_reported(dialect), {"emp_id": emp_id, **given}).all()
    ids, numbers = {row.id for row in rows}, {row.number_key for row in rows}
    return {ref for ref, key in keys.items() if ref in ids or key in numbers}


@cache
def _reported(dialect: str) -> Any:
    its_shops = sa.select(shops.c.id).where(
        shops.c.emp_id == sa.bindparam("emp_id"), shops.c.platform != "pixel"
    )
    decided = sa.select(orders.c.id, orders.c.number_key).select_from(orders.join(decisions, _ITS_DECISION))
    ours = decided.where(orders.c.shop_id.in_(its_shops))
    # Two queries, because each uses its own index: a shop may have millions of orders.
    by_id, by_number = among(dialect, orders.c.id, "ids"), among(dialect, orders.c.number_key, "keys")
    return sa.union_all(ours.where(by_id), ours.where(by_number))
