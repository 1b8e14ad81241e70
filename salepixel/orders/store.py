"""Orders, their decisions and the sales that follow from them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from salepixel.money.amounts import to_comparable
from salepixel.orders.drafts import record_draft
from salepixel.orders.erased import KEPT_OF_BUYER, as_erased_before
from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.order import Order
from salepixel.orders.refunds import keep_refund_state
from salepixel.orders.requeue import (
    DueReason,
    LaterOrders,
    requeue_later_orders_of_buyers,
    requeue_later_orders_of_customers,
    requeue_order,
    requeue_order_of_earlier_snapshot,
)
from salepixel.reading.names import name_key
from salepixel.reading.order_numbers import order_key
from salepixel.storage.many import POSTGRESQL
from salepixel.storage.schema import due, orders, sales
from salepixel.storage.upsert import insert_into, took_effect

_SNAPSHOT = TypeAdapter(Order)

OrderPlace = tuple[datetime, str, str]
"""The position of an order in a list of an account's orders: placed_at, shop, id."""


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order of a shop. `delivery`: the digest of the delivery with its newest snapshot.

    `healed`: a poll of the shop found it first.
    """

    shop_id: str
    emp_id: int
    order: Order
    delivery: str
    healed: bool = False

    @property
    def key(self) -> OrderKey:
        """Its shop and id."""
        return self.shop_id, self.order.id

    @property
    def place(self) -> OrderPlace:
        """The `after` of the next page, if this order is the last one of a page."""
        return self.order.placed_at, self.shop_id, self.order.id


def store_order(
    connection: sa.Connection,
    shop_id: str,
    emp_id: int,
    order: Order,
    delivery: str,
    *,
    always: bool = False,
    healed_at: datetime | None = None,
) -> bool:
    """Store a snapshot if it is newer than the stored one, and mark the order due; True if it was newer.

    Later orders of its customer and its address become due, too, if these or its time have changed.

    `always`: store it in any case, for an order that is made from its pixel hits.
    `healed_at`: the current time if a poll of the shop found the order. The first time is kept.
    """
    this = {"shop": shop_id, "order": order.id}
    before = connection.execute(_as_before(), this).first()
    if before and before.erased_at and not always:
        order = as_erased_before(order, before._asdict())
    values = {
        "shop_id": shop_id,
        "id": order.id,
        "emp_id": emp_id,
        "number": order.number,
        "number_key": order_key(order.number),
        "placed_at": order.placed_at,
        "updated_at": order.updated_at,
        "issued_at": order.issued_at,
        "email_hash": order.email_hash,
        "snapshot": write_snapshot(order),
        "delivery": delivery,
        "alias_hash": order.alias_hash,
        "customer": order.customer,
        "voucher": name_key(order.voucher) or None,
        "utm_campaign": name_key(order.utm_campaign) or None,
        "payment": order.payment or None,
        "open": order.is_open,
        "healed_at": healed_at,
        "erased_at": order.erased_at,
        "amount": to_comparable(order.total),
        "currency": order.currency,
    }
    other_buyer = before and (before.email_hash, before.placed_at) != (order.email_hash, order.placed_at)
    if other_buyer:
        requeue_later_orders_of_buyers(connection, [(shop_id, order.id)])
    is_newer = took_effect(connection, _upsert_order(connection.dialect.name, always), values)
    if is_newer:
        requeue_order(
            connection, shop_id, order.id, DueReason.ORDER_CHANGED if before else DueReason.NEW_ORDER
        )
    if not always and keep_refund_state(connection, shop_id, order) and not is_newer:
        requeue_order_of_earlier_snapshot(connection, shop_id, order.id)
        if order.draft is not False:  # it may show an earlier completion
            requeue_order(connection, shop_id, order.id, DueReason.EARLIER_SNAPSHOT)
    if order.draft:
        record_draft(connection, shop_id, order.id)
    if (
        is_newer
        and not always
        and before
        and (before.customer, before.placed_at) != (order.customer, order.placed_at)
    ):
        since = min(before.placed_at, order.placed_at)
        customers = sorted({before.customer, order.customer} - {None})
        later = [LaterOrders(shop_id, customer, since, order.id) for customer in customers]
        requeue_later_orders_of_customers(connection, later)
    if other_buyer:
        requeue_later_orders_of_buyers(connection, [(shop_id, order.id)])
    return is_newer


@cache
def _as_before() -> Any:
    this = orders.c.shop_id == sa.bindparam("shop"), orders.c.id == sa.bindparam("order")
    of_buyer = (orders.c[name] for name in KEPT_OF_BUYER)
    return sa.select(orders.c.placed_at, *of_buyer).where(*this).with_for_update()


_COLUMNS = [column.name for column in orders.c]


@cache
def _upsert_order(dialect: str, always: bool) -> Any:
    # Built once: building the statement costs more than executing it, and the shop waits for the answer.
    statement = insert_into(dialect, orders)
    new = statement.excluded
    changed = {name: new[name] for name in _COLUMNS if name not in ("shop_id", "id", "emp_id")}
    changed["healed_at"] = sa.func.coalesce(orders.c.healed_at, new.healed_at)
    is_newer = sa.tuple_(new.updated_at, new.issued_at) > sa.tuple_(orders.c.updated_at, orders.c.issued_at)
    return statement.on_conflict_do_update(
        index_elements=["shop_id", "id"], set_=changed, where=None if always else is_newer
    )


def keep_place(connection: sa.Connection, stored: StoredOrder, order: Order) -> StoredOrder:
    """Store a new `placed_at` of an order, after the completion time of its draft became known."""
    if order == stored.order:
        return stored
    its = orders.c.shop_id == stored.shop_id, orders.c.id == order.id
    values = {"placed_at": order.placed_at, "snapshot": write_snapshot(order)}
    requeue_later_orders_of_buyers(connection, [stored.key])
    connection.execute(sa.update(orders).where(*its).values(values))
    requeue_later_orders_of_buyers(connection, [stored.key])
    if order.customer:
        since = min(order.placed_at, stored.order.placed_at)
        later = LaterOrders(stored.shop_id, order.customer, since, order.id)
        requeue_later_orders_of_customers(connection, [later])
    return replace(stored, order=order)


def write_snapshot(order: Order) -> str:
    """An order as JSON for the column `snapshot`: without fields that have their default, which halves it.

    So the default of a field of Order or OrderLine must never change.
    """
    return _SNAPSHOT.dump_json(order, exclude_defaults=True).decode()


def keep_without_person(connection: sa.Connection, stored: StoredOrder, order: Order) -> StoredOrder:
    """Store an order from which an erased person was removed; it has `erased_at`."""
    its = orders.c.shop_id == stored.shop_id, orders.c.id == order.id
    values = {
        "email_hash": order.email_hash,
        "alias_hash": order.alias_hash,
        "customer": order.customer,
        "voucher": name_key(order.voucher) or None,
        "erased_at": order.erased_at,
        "snapshot": write_snapshot(order),
    }
    connection.execute(sa.update(orders).where(*its).values(values))
    return replace(stored, order=order)


def clear_damaged(connection: sa.Connection, shop_id: str, order_id: str, at: datetime) -> StoredOrder:
    """Remove the buyer from an order with a damaged snapshot; returns the order from its other columns.

    The snapshot is deleted, because the person cannot be found in it. Only the shop can send a new one.
    """
    its = orders.c.shop_id == shop_id, orders.c.id == order_id
    row = connection.execute(sa.select(orders).where(*its)).one()
    hidden = dict.fromkeys(("email_hash", "alias_hash", "customer", "voucher", "amount", "currency"))
    connection.execute(sa.update(orders).where(*its).values(**hidden, snapshot="{}", erased_at=at))
    sold = sa.select(sales.c.currency).where(sales.c.shop_id == shop_id, sales.c.order_id == order_id)
    currency = connection.scalar(sold.limit(1)) or ""
    times = row.placed_at, row.updated_at, row.issued_at
    left = Order(order_id, row.number, currency, *times, Decimal(0), Decimal(0), False, False, lines=())
    return StoredOrder(shop_id, row.emp_id, left, row.delivery, row.healed_at is not None)


def read_snapshot(text: str) -> Order:
    """The order in a column `snapshot`."""
    return _SNAPSHOT.validate_json(text)


def get_order(
    connection: sa.Connection, shop_id: str, order_id: str, *, lock: bool = False
) -> StoredOrder | None:
    """An order by its id. `lock`: no other transaction can change it until this one ends."""
    return get_orders(connection, [(shop_id, order_id)], lock=lock).get((shop_id, order_id))


def get_orders(
    connection: sa.Connection, keys: Collection[OrderKey], *, lock: bool = False, only_due: bool = False
) -> dict[OrderKey, StoredOrder]:
    """The stored orders among these keys, in the sequence of the keys. `lock`: as in `get_order`.

    `only_due`: leave out orders that are not due.
    """
    query = _these_orders(connection.dialect.name, lock=lock, only_due=only_due)
    rows = connection.execute(query, {"these": as_keys(keys)}).all()
    found = {(row.shop_id, row.id): row for row in rows}
    return {key: _stored(found[key]) for key in keys if key in found}


@cache
def _these_orders(dialect: str, *, lock: bool, only_due: bool) -> Any:
    query = sa.select(*_STORED).where(is_of_orders(dialect, orders.c.shop_id, orders.c.id))
    if only_due:
        query = query.where(
            sa.exists().where(due.c.shop_id == orders.c.shop_id, due.c.order_id == orders.c.id)
        )
    if not lock or dialect != POSTGRESQL:
        return query
    # Sorted, so that two transactions that lock the same orders do not deadlock.
    return query.order_by(orders.c.shop_id, orders.c.id).with_for_update(of=orders)


def time_of_order(connection: sa.Connection, shop_id: str, order_id: str) -> datetime | None:
    """When an order was placed, without reading its snapshot; None if it is not stored."""
    this = orders.c.shop_id == shop_id, orders.c.id == order_id
    return connection.scalar(sa.select(orders.c.placed_at).where(*this))


def find_order(connection: sa.Connection, shop_id: str, name: str) -> StoredOrder | None:
    """An order by its id or number; the newest if a shop used a number twice."""
    order_id = find_order_id(connection, shop_id, name)
    return None if order_id is None else get_order(connection, shop_id, order_id)


def find_order_id(connection: sa.Connection, shop_id: str, name: str) -> str | None:
    """The id of the order that `find_order` would return, without reading a snapshot that may be damaged."""
    its_id = sa.select(orders.c.id).where(orders.c.shop_id == shop_id, orders.c.id == name)
    by_number = sa.select(orders.c.id).where(orders.c.shop_id == shop_id, orders.c.number == name)
    newest = by_number.order_by(orders.c.placed_at.desc()).limit(1)
    return connection.scalar(its_id) or connection.scalar(newest)


def orders_from(
    connection: sa.Connection, emp_id: int, since: datetime | None, limit: int, after: OrderPlace | None
) -> list[StoredOrder]:
    """An account's orders placed since then, newest first. `after`: the place of the last order before."""
    key = (orders.c.placed_at, orders.c.shop_id, orders.c.id)
    query = sa.select(*_STORED).where(orders.c.emp_id == emp_id)
    if since is not None:
        query = query.where(orders.c.placed_at >= since)
    if after is not None:
        query = query.where(sa.tuple_(*key) < after)
    query = query.order_by(*(column.desc() for column in key)).limit(limit)
    return [_stored(row) for row in connection.execute(query)]


def open_orders(connection: sa.Connection, shop_id: str, since: datetime, limit: int) -> dict[str, Order]:
    """A shop's newest orders since then that are neither paid nor cancelled, by their ids."""
    still_open = orders.c.shop_id == shop_id, orders.c.open, orders.c.placed_at >= since
    query = sa.select(orders.c.id, orders.c.snapshot).where(*still_open)
    rows = connection.execute(query.order_by(orders.c.placed_at.desc()).limit(limit))
    return {row.id: read_snapshot(row.snapshot) for row in rows}


_STORED = [orders.c[name] for name in ("shop_id", "id", "emp_id", "snapshot", "delivery", "healed_at")]


def _stored(row: sa.Row[Any]) -> StoredOrder:
    order = read_snapshot(row.snapshot)
    return StoredOrder(row.shop_id, row.emp_id, order, row.delivery, row.healed_at is not None)
