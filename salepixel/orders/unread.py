"""Orders that could not be read in a poll of a shop: shown to people, and requested again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.storage.schema import shops, unread_orders
from salepixel.storage.upsert import insert, took_effect


@dataclass(frozen=True, slots=True)
class UnreadOrder:
    """An unreadable order. `number` and `detail` (the shop's message) may be empty."""

    shop_id: str
    order_id: str
    number: str
    reason: str
    detail: str
    since: datetime


def keep_unread(connection: sa.Connection, order: UnreadOrder, next_at: datetime) -> bool:
    """Store an unreadable order and its next attempt; True if it is new here."""
    values = {name: getattr(order, name) for name in UnreadOrder.__slots__} | {"next_at": next_at}
    statement = insert(connection, unread_orders).values(values)
    if took_effect(connection, statement.on_conflict_do_nothing()):
        return True
    this = unread_orders.c.shop_id == order.shop_id, unread_orders.c.order_id == order.order_id
    changed = {"reason": order.reason, "detail": order.detail, "next_at": next_at}
    connection.execute(sa.update(unread_orders).where(*this).values(changed))
    return False


def forget_unread(connection: sa.Connection, shop_id: str, ids: Iterable[str]) -> None:
    """Delete these orders of a shop: they were read, or the shop no longer has them."""
    named = unread_orders.c.order_id.in_(list(ids))
    connection.execute(sa.delete(unread_orders).where(unread_orders.c.shop_id == shop_id, named))


def unread_due(connection: sa.Connection, shop_id: str, now: datetime, limit: int) -> list[str]:
    """The ids of a shop's orders to request again, the longest waiting first."""
    due = unread_orders.c.shop_id == shop_id, unread_orders.c.next_at <= now
    query = sa.select(unread_orders.c.order_id).where(*due).order_by(unread_orders.c.next_at)
    return list(connection.scalars(query.limit(limit)))


def list_unread(connection: sa.Connection, emp_id: int, limit: int) -> list[UnreadOrder]:
    """An account's orders that could not be read, newest first."""
    columns = [unread_orders.c[name] for name in UnreadOrder.__slots__]
    query = sa.select(*columns).join(shops, shops.c.id == unread_orders.c.shop_id)
    query = query.where(shops.c.emp_id == emp_id).order_by(unread_orders.c.since.desc(), *columns[:2])
    return [UnreadOrder(*row) for row in connection.execute(query.limit(limit))]
