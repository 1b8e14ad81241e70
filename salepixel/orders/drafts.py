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
    """Store that an order was a draft; if the order is stored already, it is decided again."""
    this = {"shop_id": shop_id, "order_id": order_id}
    if took_effect(connection, _insert_draft(connection.dialect.name), this):
        requeue_order(connection, shop_id, order_id, DueReason.WAS_DRAFT)


@cache
def _insert_draft(dialect: str) -> Any:
    return insert_into(dialect, drafts).on_conflict_do_nothing()


def as_completed(order: Order, history: Iterable[RefundState], *, was_draft: bool) -> Order:
    """The order as placed when its draft was completed, if it was one: when its first snapshot was changed.

    `history`: its known snapshots, as `refunds.refund_history` reads them. `was_draft`: an earlier snapshot
    said so.

    A shop reports only when the draft was written, which may be days before the click that it carries.
    Completing it is a change, so no snapshot of the order is older than that (`updatedAt`).
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
