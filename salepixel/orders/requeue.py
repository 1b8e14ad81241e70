"""Marks orders due, with the reason. Each function is named after what changed, and takes plain values.

The queue (queue.py) stores the reason with the order until it is decided. Only storing an order
(orders/store.py) marks an order due elsewhere.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.accounts.scope import Scope
from salepixel.accounts.store import lock_account
from salepixel.orders.buyers import later_orders_of_buyers, orders_of_contacts
from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.queue import because, mark_due, marks_due, retry_failed
from salepixel.reading.order_numbers import order_key
from salepixel.storage.many import among, as_values, is_one_of
from salepixel.storage.schema import (
    NAMED_BY_ORDER,
    candidates,
    orders,
    refunds,
    shops,
)


class DueReason(StrEnum):
    """Why an order is on the queue. Stored and shown: docs/reference/reasons.md."""

    NEW_ORDER = "new_order"
    ORDER_CHANGED = "order_changed"
    EARLIER_SNAPSHOT = "earlier_snapshot"
    WAS_DRAFT = "was_draft"
    EARLIER_ORDER = "earlier_order"
    SHOP_REPORTED = "shop_reported"
    PIXEL_HIT = "pixel_hit"
    CLICKS = "clicks"
    CONTACTS = "contacts"
    OPTED_IN = "opted_in"
    COUPONS = "coupons"
    NEW_CAMPAIGN = "new_campaign"
    SALES_LINK = "sales_link"
    ATTRIBUTION_SETTINGS = "attribution_settings"
    ACCOUNT_SETTINGS = "account_settings"
    EXCHANGE_RATES = "exchange_rates"
    ERASED = "erased"
    BY_HAND = "by_hand"


def requeue_order(connection: sa.Connection, shop_id: str, order_id: str, why: DueReason) -> None:
    """Mark one order due."""
    connection.execute(
        _marks_this(connection.dialect.name), {"shop": shop_id, "order": order_id, **because(why)}
    )


@cache
def _marks_this(dialect: str) -> Any:
    return marks_due(dialect, orders.c.shop_id == sa.bindparam("shop"), orders.c.id == sa.bindparam("order"))


def requeue_orders(connection: sa.Connection, pairs: Sequence[tuple[str, str]], why: DueReason) -> None:
    """Mark orders due, given as (shop id, order id)."""
    if pairs:
        connection.execute(_marks_these(connection.dialect.name), {"these": as_keys(pairs), **because(why)})


@cache
def _marks_these(dialect: str) -> Any:
    return marks_due(dialect, is_of_orders(dialect, orders.c.shop_id, orders.c.id))


def requeue_failed(connection: sa.Connection, scope: Scope, only: tuple[str, str] | None = None) -> int:
    """Requeue orders that could not be decided, at the request of a person; returns how many.

    All such orders of one account or of all accounts, or the one order `only` (shop id, order id).
    """
    return retry_failed(connection, DueReason.BY_HAND, scope, only)


def requeue_account(connection: sa.Connection, emp_id: int) -> None:
    """Mark every order of an account due, because its settings changed. Locks the account."""
    lock_account(connection, emp_id, exclusive=True)
    mark_due(connection, DueReason.ACCOUNT_SETTINGS, orders.c.emp_id == emp_id)


def requeue_orders_since(
    connection: sa.Connection, emp_id: int, since: datetime | None, why: DueReason
) -> None:
    """Mark the orders of an account due that were placed since a time; all orders if `since` is None."""
    is_since = sa.true() if since is None else orders.c.placed_at >= since
    mark_due(connection, why, orders.c.emp_id == emp_id, is_since)


def requeue_orders_of_open_months(
    connection: sa.Connection, emp_id: int, closed_before: datetime | None, why: DueReason
) -> None:
    """Mark the orders of an account due whose decision may still change; `closed_before` None: all.

    In a closed month these are the orders without full payment.
    """
    requeue_orders_since(connection, emp_id, closed_before, why)
    if closed_before is not None:
        ours = sa.select(shops.c.id).where(shops.c.emp_id == emp_id)
        unpaid = orders.c.shop_id.in_(ours), orders.c.open, orders.c.placed_at < closed_before
        mark_due(connection, why, *unpaid)


class LaterOrders(NamedTuple):
    """The orders of a shop's customer that were placed since a time, except `order_id`.

    `order_id` identifies the contact of this customer, and it has changed.
    """

    shop_id: str
    customer: str
    since: datetime
    order_id: str


def requeue_later_orders_of_customers(connection: sa.Connection, some: Sequence[LaterOrders]) -> None:
    """Mark later orders of customers due."""
    if some:
        its_reason = because(DueReason.EARLIER_ORDER)
        values = [
            {"shop": one.shop_id, "of_customer": one.customer, "since": one.since, "order": one.order_id}
            | its_reason
            for one in some
        ]
        connection.execute(_are_later(connection.dialect.name), values)


@cache
def _are_later(dialect: str) -> Any:
    its = orders.c.shop_id == sa.bindparam("shop"), orders.c.customer == sa.bindparam("of_customer")
    later = orders.c.placed_at >= sa.bindparam("since"), orders.c.id != sa.bindparam("order")
    return marks_due(dialect, *its, *later)


def requeue_later_orders_of_buyers(
    connection: sa.Connection, keys: Collection[OrderKey], buyer_was: str | None = None
) -> None:
    """Mark the orders due after these by the same e-mail addresses: which is the first one may have changed.

    `buyer_was`: only those that were decided with this `buyer_is`.
    """
    if keys:
        requeue_orders(
            connection, later_orders_of_buyers(connection, keys, buyer_was), DueReason.EARLIER_ORDER
        )


def requeue_order_of_earlier_snapshot(connection: sa.Connection, shop_id: str, order_id: str) -> None:
    """Mark an order due if an earlier snapshot that arrived late may change its amounts.

    The snapshot may show an earlier refund date, or that the order was paid.
    """
    this = {"shop": shop_id, "order": order_id}
    statement = _money_may_change(connection.dialect.name)
    connection.execute(statement, this | because(DueReason.EARLIER_SNAPSHOT))


@cache
def _money_may_change(dialect: str) -> Any:
    its = refunds.c.shop_id == sa.bindparam("shop"), refunds.c.order_id == sa.bindparam("order")
    is_refunded = sa.exists().where(*its, sa.or_(refunds.c.refunded > 0, refunds.c.cancelled))
    this = orders.c.shop_id == sa.bindparam("shop"), orders.c.id == sa.bindparam("order")
    return marks_due(dialect, *this, sa.or_(is_refunded, orders.c.open))


def requeue_orders_of_pixel_hit(connection: sa.Connection, emp_id: int, ref: str) -> None:
    """Mark the orders of an account due that have the id of a pixel hit, or its number in any spelling."""
    its_shops = list(connection.scalars(sa.select(shops.c.id).where(shops.c.emp_id == emp_id)))
    # Two statements, because each uses its own index: an account may have millions of orders.
    for its_name in (orders.c.id == ref, orders.c.number_key == order_key(ref)):
        mark_due(connection, DueReason.PIXEL_HIT, orders.c.shop_id.in_(its_shops), its_name)


def requeue_pixel_duplicates(connection: sa.Connection, emp_id: int, names: Collection[str]) -> None:
    """Mark the pixel's copies of orders due: a shop reports these ids and numbers, so no copy must count."""
    dialect = connection.dialect.name
    given = {"of_account": emp_id, "keys": as_values(dialect, {order_key(name) for name in names})}
    connection.execute(_are_duplicates(dialect), given | because(DueReason.SHOP_REPORTED))


@cache
def _are_duplicates(dialect: str) -> Any:
    pixels = sa.select(shops.c.id).where(
        shops.c.emp_id == sa.bindparam("of_account"), shops.c.platform == "pixel"
    )
    return marks_due(dialect, orders.c.shop_id.in_(pixels), among(dialect, orders.c.number_key, "keys"))


def requeue_orders_naming_clicks(connection: sa.Connection, ids: Collection[bytes]) -> None:
    """Mark the orders due that name one of these clicks, by token or by the pixel's cookie."""
    if not ids:
        return
    # One range query, not one per click: clicks come by the thousand, and few after their order.
    between = candidates.c.click_id.between(min(ids), max(ids))
    query = sa.select(candidates.c.click_id, candidates.c.shop_id, candidates.c.order_id)
    rows = connection.execute(query.where(between, NAMED_BY_ORDER))
    named = sorted({(row.shop_id, row.order_id) for row in rows if row.click_id in ids})
    requeue_orders(connection, named, DueReason.CLICKS)


def requeue_orders_of_clickers(
    connection: sa.Connection, emp_id: int, refs: Collection[str], since: datetime, until: datetime
) -> None:
    """Mark the orders due, placed from `since` to `until` inclusive, that these contacts may have bought."""
    found = orders_of_contacts(connection, emp_id, refs, since, until)
    # Sorted, so that two workers that change the same rows do not deadlock.
    requeue_orders(connection, sorted(found), DueReason.CLICKS)


def requeue_orders_of_contacts(
    connection: sa.Connection, emp_id: int, hashes: Collection[str], refs: Collection[str]
) -> None:
    """Mark the orders due with one of these addresses, or whose decision names one of these contacts.

    `hashes`: hashes of the addresses and of their mailboxes. `refs`: the contacts' references.
    """
    for column in (orders.c.email_hash, orders.c.alias_hash):
        is_theirs = is_one_of(connection, column, hashes)
        mark_due(connection, DueReason.CONTACTS, orders.c.emp_id == emp_id, is_theirs)
    named = sa.select(candidates.c.shop_id, candidates.c.order_id).where(
        candidates.c.emp_id == emp_id,
        candidates.c.contact
        != sa.text("''"),  # repeats the index's condition; otherwise the index is not used
        is_one_of(connection, candidates.c.contact, refs),
    )
    mark_due(connection, DueReason.CONTACTS, sa.tuple_(orders.c.shop_id, orders.c.id).in_(named))


def requeue_orders_of_opted_out(connection: sa.Connection, emp_id: int) -> None:
    """Mark the orders due that have an opted-out candidate. Such a candidate does not name its contact."""
    theirs = sa.select(candidates.c.shop_id, candidates.c.order_id).where(
        candidates.c.emp_id == emp_id, candidates.c.opted_out
    )
    mark_due(connection, DueReason.OPTED_IN, sa.tuple_(orders.c.shop_id, orders.c.id).in_(theirs))


def requeue_orders_with_codes(connection: sa.Connection, emp_id: int, codes: Collection[str]) -> None:
    """Mark the orders due that used one of these codes, normalised by `reading.names.name_key`."""
    used = is_one_of(connection, orders.c.voucher, codes)
    mark_due(connection, DueReason.COUPONS, orders.c.emp_id == emp_id, used)


def requeue_orders_naming_campaign(
    connection: sa.Connection, emp_id: int, utm_key: str, since: datetime
) -> None:
    """Mark the orders due that name a campaign, normalised by `name_key`, and were placed since a time."""
    naming = orders.c.utm_campaign == utm_key, orders.c.placed_at >= since
    mark_due(connection, DueReason.NEW_CAMPAIGN, orders.c.emp_id == emp_id, *naming)
