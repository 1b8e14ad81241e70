"""Orders that began as drafts: they count as placed when the draft was completed."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.order import Order, RefundState
from salepixel.orders.requeue import DueReason, requeue_order
from salepixel.storage.schema import drafts
from salepixel.storage.upsert import insert_into, took_effect


def record_draft(connection: sa.Connection, shop_id: str, order_id: str) -> None:
    """Record that an order was a draft. If the order is stored already, it is decided again."""
    this = {"shop_id": shop_id, "order_id": order_id}
    if took_effect(connection, _insert_draft(connection.dialect.name), this):
        requeue_order(connection, shop_id, order_id, DueReason.WAS_DRAFT)


@cache
def _insert_draft(dialect: str) -> Any:
    return insert_into(dialect, drafts).on_conflict_do_nothing()


def as_completed(order: Order, history: Iterable[RefundState], *, was_draft: bool) -> Order:
    """The order, placed at the time when its draft was completed: the `updated_at` of its first snapshot.

    `history`: its known snapshots, as `refunds.refund_history` reads them. `was_draft`: an earlier snapshot
    showed it as a draft. An order that was no draft is returned unchanged.

    A shop reports only when the draft was created, which may be days before the click on the order.
    Completing a draft changes its `updatedAt`, so no snapshot of the order is older.
    """
    if order.draft is False or not (order.draft or was_draft):
        return order
    changed = [state.updated_at for state in history]
    return replace(order, placed_at=min([*changed, order.updated_at]))


def drafts_among(connection: sa.Connection, keys: Collection[OrderKey]) -> set[OrderKey]:
    """The orders among these that a snapshot showed as a draft."""
    if not keys:
        return set()
    rows = connection.execute(_these_drafts(connection.dialect.name), {"these": as_keys(keys)})
    return {(row.shop_id, row.order_id) for row in rows}


@cache
def _these_drafts(dialect: str) -> Any:
    return sa.select(drafts).where(is_of_orders(dialect, drafts.c.shop_id, drafts.c.order_id))
