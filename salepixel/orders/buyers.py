"""Finds orders by their buyers: those that some contacts may have bought, and those with the same address."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import contacts, coupons, decisions, orders
from salepixel.sums.purchases import BOUGHT, NO_PURCHASE

_BY = (
    (orders.c.email_hash, contacts.c.email_hash, contacts.c.ref),
    (orders.c.alias_hash, contacts.c.alias_hash, contacts.c.ref),
    (orders.c.voucher, coupons.c.code, coupons.c.contact),
)
"""What may connect an order to a contact: the order's column, the contact's column, and the reference."""


def orders_of_contacts(
    connection: sa.Connection, emp_id: int, refs: Collection[str], since: datetime, until: datetime
) -> set[OrderKey]:
    """The orders placed from `since` to `until` inclusive whose buyer may be one of these contacts.

    Starts from the orders or from the contacts, whichever are fewer: a fold has thousands of contacts and
    few orders of the last minutes, a late click has one contact and all orders of two weeks. With one
    statement for both, SQLite took 2.3 times as long for 10 M clicks as for 100 k, and PostgreSQL compared
    each order with each contact.
    """
    own_buyer = _buyer_of(orders).label("buyer")
    placed: sa.Select[Any] = sa.select(
        orders.c.shop_id, orders.c.id, *(by[0] for by in _BY), orders.c.customer, own_buyer
    )
    in_time = orders.c.emp_id == emp_id, orders.c.placed_at >= since, orders.c.placed_at <= until
    first = connection.execute(placed.where(*in_time).limit(len(refs) + 1)).all()
    if len(first) <= len(refs):
        return _among_orders(connection, emp_id, first, set(refs))
    placed_at = _by_contacts(connection, emp_id, refs)
    return {key for key, at in placed_at.items() if since <= at <= until}


def _among_orders(
    connection: sa.Connection, emp_id: int, placed: Sequence[sa.Row[Any]], refs: set[str]
) -> set[OrderKey]:
    """The orders among these that one of the contacts may have bought."""
    found = {(row.shop_id, row.id) for row in placed if row.buyer in refs}
    for of_order, same, contact in _BY:
        values = {row._mapping[of_order] for row in placed} - {None}
        if values:
            query = sa.select(same, contact).where(same.table.c.emp_id == emp_id)
            named = connection.execute(query.where(is_one_of(connection, same, values)))
            theirs = {value for value, ref in named if ref in refs}
            found.update((row.shop_id, row.id) for row in placed if row._mapping[of_order] in theirs)
    for shop_id, customers in _customers(placed):
        query = sa.select(orders.c.customer, _buyer_of(orders)).where(orders.c.shop_id == shop_id)
        named = connection.execute(query.where(is_one_of(connection, orders.c.customer, customers)))
        theirs = {customer for customer, ref in named if ref in refs}
        found.update(
            (row.shop_id, row.id) for row in placed if row.shop_id == shop_id and row.customer in theirs
        )
    return found


def _by_contacts(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> dict[OrderKey, datetime]:
    """All orders that one of the contacts may have bought, with their times.

    The query has no condition for the time. With it, a database without statistics may read all orders of the
    period.
    """
    found: dict[OrderKey, datetime] = {}
    placed: sa.Select[Any] = sa.select(orders.c.shop_id, orders.c.id, orders.c.placed_at, orders.c.customer)
    for of_order, same, contact in _BY:
        query = sa.select(same).where(same.table.c.emp_id == emp_id, is_one_of(connection, contact, refs))
        values = set(connection.scalars(query)) - {None}
        if values:
            theirs = placed.where(orders.c.emp_id == emp_id, is_one_of(connection, of_order, values))
            found |= {(row.shop_id, row.id): row.placed_at for row in connection.execute(theirs)}
    its_order = sa.and_(orders.c.shop_id == decisions.c.shop_id, orders.c.id == decisions.c.order_id)
    named = placed.select_from(decisions.join(orders, its_order)).where(
        decisions.c.emp_id == emp_id, is_one_of(connection, decisions.c.buyer, refs)
    )
    rows = connection.execute(named).all()
    found |= {(row.shop_id, row.id): row.placed_at for row in rows}
    for shop_id, customers in _customers(rows):
        theirs = placed.where(
            orders.c.shop_id == shop_id, is_one_of(connection, orders.c.customer, customers)
        )
        found |= {(row.shop_id, row.id): row.placed_at for row in connection.execute(theirs)}
    return found


def _customers(placed: Iterable[sa.Row[Any]]) -> Iterable[tuple[str, set[str]]]:
    """The shops' own ids of the buyers, by shop."""
    found: dict[str, set[str]] = {}
    for row in placed:
        if row.customer is not None:
            found.setdefault(row.shop_id, set()).add(row.customer)
    return found.items()


def _buyer_of(placed: sa.FromClause) -> sa.ScalarSelect[str]:
    """The contact that an order's own evidence names."""
    its = decisions.c.shop_id == placed.c.shop_id, decisions.c.order_id == placed.c.id
    return sa.select(decisions.c.buyer).where(*its).scalar_subquery()


_SAME, _OTHER = orders.alias("same"), orders.alias("other")


def with_earlier_purchase(connection: sa.Connection, keys: Collection[OrderKey]) -> set[OrderKey]:
    """The orders among these with an earlier purchase by the same e-mail address in the account."""
    if not keys:
        return set()
    rows = connection.execute(_have_earlier(connection.dialect.name), {"these": as_keys(keys)})
    return {(row.shop_id, row.id) for row in rows}


@cache
def _have_earlier(dialect: str) -> Any:
    its = sa.and_(decisions.c.shop_id == _OTHER.c.shop_id, decisions.c.order_id == _OTHER.c.id)
    earlier = (
        sa.exists()
        .select_from(_OTHER.join(decisions, its))
        .where(
            *_is_of_same_buyer(),
            _OTHER.c.placed_at <= _SAME.c.placed_at,  # for the index
            _place(_OTHER) < _place(_SAME),
            decisions.c.outcome.in_(BOUGHT),
            decisions.c.reason.not_in(NO_PURCHASE),
        )
    )
    these = is_of_orders(dialect, _SAME.c.shop_id, _SAME.c.id)
    return sa.select(_SAME.c.shop_id, _SAME.c.id).where(these, earlier)


def later_orders_of_buyers(
    connection: sa.Connection, keys: Collection[OrderKey], buyer_was: str | None = None
) -> list[OrderKey]:
    """The decided orders after these by the same e-mail addresses, sorted.

    `buyer_was`: only those that were decided with this `buyer_is`.
    """
    query = _are_later(connection.dialect.name)
    if buyer_was is not None:
        query = query.where(decisions.c.buyer_is == buyer_was)
    rows = connection.execute(query, {"these": as_keys(keys)})
    return sorted({(row.shop_id, row.id) for row in rows})


@cache
def _are_later(dialect: str) -> Any:
    its = sa.and_(decisions.c.shop_id == _OTHER.c.shop_id, decisions.c.order_id == _OTHER.c.id)
    return (
        sa.select(_OTHER.c.shop_id, _OTHER.c.id)
        .select_from(_SAME.join(_OTHER, sa.and_(*_is_of_same_buyer())).join(decisions, its))
        .where(
            is_of_orders(dialect, _SAME.c.shop_id, _SAME.c.id),
            _OTHER.c.placed_at >= _SAME.c.placed_at,
            _place(_OTHER) > _place(_SAME),
        )
    )


def _is_of_same_buyer() -> tuple[sa.ColumnElement[bool], ...]:
    return _OTHER.c.emp_id == _SAME.c.emp_id, _OTHER.c.email_hash == _SAME.c.email_hash


def _place(some: sa.FromClause) -> sa.Tuple:
    return sa.tuple_(some.c.placed_at, some.c.shop_id, some.c.id)
