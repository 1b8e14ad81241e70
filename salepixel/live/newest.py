"""Reads the newest clicks, pixel hits, deliveries and orders of an account."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.clicks.tokens import time_of_click
from salepixel.storage.schema import campaigns, clicks, deliveries, hits, links, orders
from salepixel.storage.schema import shops as shops_table

CAMPAIGNS = 10
"""The number of campaigns whose clicks are read: those with the newest clicks."""

MOST_CAMPAIGNS = 1000
"""The number of newest campaigns that are searched for the newest clicks: one step in an index for each."""

NEWEST_ORDERS = 200
"""The number of newest orders that are searched for those of the shown deliveries."""


class LiveClick(NamedTuple):
    """A click. `at` is UTC; `verdict` and `reasons` as stored; `sells`: its link is a sales link."""

    id: bytes
    at: datetime
    campaign_id: str
    campaign: str
    link: str
    contact: str
    verdict: str
    reasons: tuple[str, ...]
    sells: bool


class LiveHit(NamedTuple):
    """A pixel hit. `ignored`: why it does not count, or empty. `problem`: that, or what could not be read."""

    id: bytes
    at: datetime
    order_ref: str
    product: str
    amount: Decimal | None
    currency: str
    ignored: str
    problem: str
    click_token: str


class LiveDelivery(NamedTuple):
    """A verified delivery. `unread`: why no order was read from it, or empty. `number`: of its order."""

    at: datetime
    shop_id: str
    event: str
    unread: str
    order_id: str
    number: str


def newest_clicks(connection: sa.Connection, emp_id: int, limit: int) -> list[LiveClick]:
    """The newest clicks of an account, newest first, from the CAMPAIGNS that were clicked last."""
    c, k = campaigns.c, clicks.c
    last = sa.select(k.id).where(k.campaign_id == c.id).order_by(k.id.desc()).limit(1).scalar_subquery()
    newest = sa.select(c.id).where(c.emp_id == emp_id).order_by(c.created_at.desc(), c.id.desc())
    chosen = newest.limit(MOST_CAMPAIGNS).subquery()
    found = connection.execute(sa.select(c.id, last.label("last")).where(c.id.in_(sa.select(chosen.c.id))))
    clicked = sorted(((row.last, row.id) for row in found if row.last is not None), reverse=True)
    rows = [
        row
        for _, campaign_id in clicked[:CAMPAIGNS]
        for row in connection.execute(_clicks_of_campaign(limit), {"campaign": campaign_id})
    ]
    return [_click(row) for row in sorted(rows, key=lambda row: row.id, reverse=True)[:limit]]


def clicks_of(connection: sa.Connection, emp_id: int, contact: str, limit: int) -> list[LiveClick]:
    """The newest clicks of a contact, newest first."""
    its = sa.and_(clicks.c.emp_id == emp_id, clicks.c.contact == contact)
    return [_click(row) for row in connection.execute(_clicks(its, limit))]


@cache
def _clicks_of_campaign(limit: int) -> sa.Select[Any]:
    # Built once: building it for each campaign took longer than to execute it.
    return _clicks(clicks.c.campaign_id == sa.bindparam("campaign"), limit)


def _clicks(its: sa.ColumnElement[bool], limit: int) -> sa.Select[Any]:
    k = clicks.c
    newest = sa.select(clicks).where(its).order_by(k.id.desc()).limit(limit).subquery("newest")
    n = newest.c
    joined = newest.outerjoin(campaigns, campaigns.c.id == n.campaign_id)
    joined = joined.outerjoin(links, links.c.id == n.link_id)
    columns = n.id, n.campaign_id, n.contact, n.verdict, n.reasons
    named = campaigns.c.name, links.c.label, links.c.url, links.c.sale_pixel
    return sa.select(*columns, *named).select_from(joined).order_by(n.id.desc())


def _click(row: sa.Row[Any]) -> LiveClick:
    return LiveClick(
        row.id,
        time_of_click(row.id),
        row.campaign_id,
        row.name or "",
        row.label or row.url or "",
        row.contact,
        row.verdict,
        tuple(row.reasons.split()),
        row.sale_pixel is None or bool(row.sale_pixel),
    )


def newest_hits(connection: sa.Connection, emp_id: int, limit: int, since: bytes = b"") -> list[LiveHit]:
    """The newest pixel hits of an account, also ignored ones, newest first. `since`: the lowest id."""
    h = hits.c
    query = sa.select(hits).where(h.emp_id == emp_id, h.id >= since).order_by(h.id.desc()).limit(limit)
    return [
        LiveHit(
            row.id,
            time_of_click(row.id),
            row.order_ref,
            row.product,
            Decimal(row.amount) if row.amount else None,
            row.currency,
            row.ignored,
            row.problem,
            row.click_token,
        )
        for row in connection.execute(query)
    ]


def newest_deliveries(connection: sa.Connection, emp_id: int, limit: int) -> list[LiveDelivery]:
    """The newest deliveries of an account's shops, newest first."""
    d = deliveries.c
    ids = connection.scalars(sa.select(shops_table.c.id).where(shops_table.c.emp_id == emp_id)).all()
    columns = d.digest, d.shop_id, d.event, d.unread, d.received_at
    rows = [
        row
        for shop_id in ids
        for row in connection.execute(
            sa.select(*columns).where(d.shop_id == shop_id).order_by(d.received_at.desc()).limit(limit)
        )
    ]
    shown = sorted(rows, key=lambda row: row.received_at, reverse=True)[:limit]
    known = _orders_of(connection, emp_id, [row.digest for row in shown])
    nothing = ("", "")
    return [
        LiveDelivery(row.received_at, row.shop_id, row.event, row.unread, *known.get(row.digest, nothing))
        for row in shown
    ]


def _orders_of(connection: sa.Connection, emp_id: int, digests: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Digest -> (id, number) of the order whose newest state this delivery reported, if it is a new order."""
    o = orders.c
    query = sa.select(o.delivery, o.id, o.number).where(o.emp_id == emp_id)
    newest = connection.execute(query.order_by(o.placed_at.desc()).limit(NEWEST_ORDERS))
    wanted = set(digests)
    return {row.delivery: (row.id, row.number) for row in newest if row.delivery in wanted}
