"""When and how much was refunded, from all known snapshots of an order."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.money.amounts import from_minor, to_minor
from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.order import Order, RefundState
from salepixel.storage.schema import refunds
from salepixel.storage.upsert import insert_into, took_effect


def keep_refund_state(connection: sa.Connection, shop_id: str, order: Order) -> bool:
    """Store the refunds in a snapshot, even if it is not the newest; False if they are stored already."""
    values = {
        "shop_id": shop_id,
        "order_id": order.id,
        "updated_at": order.updated_at,
        "issued_at": order.issued_at,
        "refunded": to_minor(order.refunded, order.currency),
        "cancelled": order.cancelled,
        "currency": order.currency,
        "charged": None if order.charged is None else to_minor(order.charged, order.currency),
        "covers": None if order.covers is None else to_minor(order.covers, order.currency),
    }
    return took_effect(connection, _insert_state(connection.dialect.name), values)


@cache
def _insert_state(dialect: str) -> Any:
    # An order that is sent again every day adds no rows. The earliest `issued_at` and the greatest sums are
    # the same in any sequence.
    statement = insert_into(dialect, refunds)
    new, kept = statement.excluded, refunds.c
    more = {name: _more(new[name], kept[name]) for name in ("charged", "covers")}
    is_greater = [sa.or_(new[name] > kept[name], _is_first(new[name], kept[name])) for name in more]
    return statement.on_conflict_do_update(
        index_elements=["shop_id", "order_id", "updated_at", "refunded", "cancelled", "currency"],
        set_={
            "issued_at": sa.case((new.issued_at < kept.issued_at, new.issued_at), else_=kept.issued_at),
            **more,
        },
        where=sa.or_(new.issued_at < kept.issued_at, *is_greater),
    )


def _more(new: Any, kept: Any) -> Any:
    return sa.case((sa.or_(new > kept, kept.is_(None)), new), else_=kept)


def _is_first(new: Any, kept: Any) -> Any:
    return sa.and_(kept.is_(None), new.is_not(None))


def refund_history(connection: sa.Connection, shop_id: str, order: Order) -> list[RefundState]:
    """The refunds in the known snapshots of an order, as far as they are in its currency."""
    return refund_histories(connection, {(shop_id, order.id): order.currency})[shop_id, order.id]


def refund_histories(
    connection: sa.Connection, currencies: Mapping[OrderKey, str]
) -> dict[OrderKey, list[RefundState]]:
    """The refund history of each of these orders. `currencies`: the currency of each order."""
    found: dict[OrderKey, list[RefundState]] = {key: [] for key in currencies}
    query = _states_of(connection.dialect.name)
    for row in connection.execute(query, {"these": as_keys(currencies)}).all():
        key = row.shop_id, row.order_id
        if state := _state(row, currencies[key]):
            found[key].append(state)
    return found


def _state(row: sa.Row[Any], currency: str) -> RefundState | None:
    refunded, charged, covers = row.refunded, row.charged, row.covers
    if row.currency not in ("", currency):
        # The shop has corrected the currency since. Zero and "in full" mean the same in every currency.
        if refunded and not row.cancelled:
            return None
        refunded, charged, covers = 0, None, None
    return RefundState(
        row.updated_at,
        row.issued_at,
        from_minor(refunded, currency),
        row.cancelled,
        None if charged is None else from_minor(charged, currency),
        None if covers is None else from_minor(covers, currency),
    )


@cache
def _states_of(dialect: str) -> Any:
    return sa.select(refunds).where(is_of_orders(dialect, refunds.c.shop_id, refunds.c.order_id))
