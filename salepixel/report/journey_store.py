"""Journeys of an account's contacts, from the clicks and the credited orders, some contacts at a time."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.policy import CLOCK_SKEW, Policy
from salepixel.clicks.tokens import Click, Verdict, least_id_at
from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.outcome import Outcome
from salepixel.report.journeys import Journey, Purchase, Touch, journeys_of
from salepixel.storage.many import among, as_values
from salepixel.storage.schema import EPOCH, as_micros, candidates, clicks, decisions, links, sales

_CREDITED = (Outcome.ATTRIBUTED, Outcome.LIKELY)

CLICKS_AT_ONCE = 1000
"""Clicks of one page: some 50 ms if many led to orders. A contact with more of them is read whole."""

ORDERS_AT_ONCE = 1000
"""The orders of one page."""


@dataclass(frozen=True, slots=True)
class Span:
    """The range of the journeys: orders of an account placed from `first` to `last`, by its settings."""

    emp_id: int
    first: datetime
    last: datetime
    policy: Policy

    @property
    def until(self) -> datetime:
        """The end of one longest window after it: clicks of the period may have led to orders until then."""
        return self.last + self.policy.longest_window


@dataclass(frozen=True, slots=True)
class Page:
    """The journeys of some contacts, each with its own text. `after`: the place where the next page begins.

    `looked_at`: the number of examined clicks or orders, for the progress.
    """

    contacts: list[tuple[str, list[Journey]]]
    after: str | None
    looked_at: int


def read_journeys(connection: sa.Connection, span: Span) -> Iterator[list[Journey]]:
    """All journeys of a period, one list per contact with journeys."""
    for read in (anonymous_page, contact_page):
        after: str | None = ""
        while after is not None:
            page = read(connection, span, after)
            after = page.after
            yield from (journeys for _, journeys in page.contacts)


def anonymous_page(connection: sa.Connection, span: Span, after: str) -> Page:
    """The journeys of orders without a contact, among the next orders in the sequence of their times.

    Two of them may have different buyers, so each has its own journey.
    """
    d, key = decisions.c, (decisions.c.placed_at, decisions.c.shop_id, decisions.c.order_id)
    query = sa.select(*key, d.contact, d.outcome).where(
        d.emp_id == span.emp_id, d.placed_at >= span.first, d.placed_at < span.until
    )
    if after:
        placed_at, shop_id, order_id = after.split(" ", 2)
        start = EPOCH + timedelta(microseconds=int(placed_at))
        place = sa.literal(start, d.placed_at.type), sa.literal(shop_id), sa.literal(order_id)
        # The first condition is for the index.
        query = query.where(d.placed_at >= start, sa.tuple_(*key) > sa.tuple_(*place))
    rows = connection.execute(query.order_by(*key).limit(ORDERS_AT_ONCE)).all()
    nobodys = [(r.shop_id, r.order_id) for r in rows if not r.contact and r.outcome in _CREDITED]
    found = []
    for order, purchase in _purchases(connection, span, nobodys).items():
        if journeys := journeys_of([], [purchase], span.first, span.last, span.policy):
            found.append((" ".join(order), journeys))
    is_last = len(rows) < ORDERS_AT_ONCE
    last = None if is_last else f"{as_micros(rows[-1].placed_at)} {rows[-1].shop_id} {rows[-1].order_id}"
    return Page(found, last, len(rows))


def contact_page(connection: sa.Connection, span: Span, after: str) -> Page:
    """The journeys of the next contacts, sorted by reference."""
    c = clicks.c
    theirs = sa.select(c.contact).where(c.emp_id == span.emp_id, c.contact > after)
    until = connection.scalar(theirs.order_by(c.contact, c.id).offset(CLICKS_AT_ONCE).limit(1))
    bought: dict[str, list[Purchase]] = {}
    orders = _orders_of(connection, span, after, until)
    for purchase in _purchases(connection, span, orders).values():
        bought.setdefault(purchase.contact, []).append(purchase)
    bought.pop("", None)  # those without a contact are on a page of `anonymous_page`
    clicked = {contact: touches for touches, contact in _touches(connection, span, after, until)}
    elsewhere = _credited_to_nobody(connection, span, clicked)
    found = []
    for contact in sorted(clicked.keys() | bought.keys()):
        touches = [touch for touch in clicked.get(contact, ()) if touch.click_id not in elsewhere]
        its = bought.get(contact, [])
        if journeys := journeys_of(touches, its, span.first, span.last, span.policy):
            found.append((contact, journeys))
    return Page(found, until, CLICKS_AT_ONCE)


def _between(column: sa.Column[str], after: str, until: str | None) -> list[sa.ColumnElement[bool]]:
    above = column > after
    return [above] if until is None else [above, column <= until]


def _touches(
    connection: sa.Connection, span: Span, after: str, until: str | None
) -> Iterator[tuple[list[Touch], str]]:
    query = (
        sa.select(clicks.c.contact, clicks.c.id, clicks.c.campaign_id)
        .select_from(clicks.outerjoin(links, links.c.id == clicks.c.link_id))
        .where(
            clicks.c.emp_id == span.emp_id,
            *_between(clicks.c.contact, after, until),
            clicks.c.id >= least_id_at(span.first - span.policy.longest_window),
            clicks.c.id < least_id_at(span.last + CLOCK_SKEW + timedelta(milliseconds=1)),
            clicks.c.verdict != Verdict.BOT,
            sa.func.coalesce(links.c.sale_pixel, sa.true()),
        )
        .order_by(clicks.c.contact, clicks.c.id)
    )
    for contact, rows in groupby(connection.execute(query), key=lambda row: str(row.contact)):
        yield [_touch(row.id, row.campaign_id) for row in rows], contact


def _orders_of(connection: sa.Connection, span: Span, after: str, until: str | None) -> list[OrderKey]:
    """The orders that name one of these contacts. Each credited contact is a candidate of its order."""
    c = candidates.c
    query = sa.select(c.shop_id, c.order_id).where(
        c.emp_id == span.emp_id,
        c.contact != sa.text("''"),  # repeats the index's condition; otherwise the index is not used
        *_between(c.contact, after, until),
    )
    return [(row.shop_id, row.order_id) for row in connection.execute(query.distinct())]


def _credited_to_nobody(
    connection: sa.Connection, span: Span, clicked: Mapping[str, list[Touch]]
) -> set[bytes]:
    """The clicks among these that led to an order without a contact.

    With a forwarded e-mail, both the click and the order belong to another person.
    """
    ids = {touch.click_id for touches in clicked.values() for touch in touches}
    dialect = connection.dialect.name
    rows = connection.execute(_orders_with_clicks(dialect), {"ids": as_values(dialect, ids)})
    orders = {(row.shop_id, row.order_id) for row in rows}
    found = _purchases(connection, span, orders).values()
    return {purchase.credited.click_id for purchase in found if not purchase.contact}


@cache
def _orders_with_clicks(dialect: str) -> Any:
    s = sales.c
    return sa.select(s.shop_id, s.order_id).where(among(dialect, s.click_id, "ids"), s.contact == "")


def _purchases(
    connection: sa.Connection, span: Span, orders: Collection[OrderKey]
) -> dict[OrderKey, Purchase]:
    """The credited orders among these, in the period or in one window after it.

    Each order has the last of its credited clicks.
    """
    found: dict[OrderKey, Purchase] = {}
    if not orders:
        return found
    given = {"these": as_keys(orders), "first": span.first, "until": span.until}
    rows = connection.execute(_credited_sales(connection.dialect.name), given)
    for key, parts in groupby(rows, key=lambda row: (row.shop_id, row.order_id)):
        its = list(parts)
        last = its[-1]
        credited = _touch(last.click_id, last.campaign_id)
        if not last.click_id:  # the order names its campaign, and no click of it is known
            credited = Touch(b"", last.placed_at, last.campaign_id)
        net = sum(int(row.net) for row in its)
        found[key] = Purchase(last.placed_at, last.currency, net, credited, last.contact)
    return found


@cache
def _credited_sales(dialect: str) -> Any:
    an_order = (decisions.c.shop_id, decisions.c.order_id)
    a_sale = (sales.c.contact, sales.c.click_id, sales.c.campaign_id, sales.c.currency, decisions.c.placed_at)
    its = sa.and_(sales.c.shop_id == decisions.c.shop_id, sales.c.order_id == decisions.c.order_id)
    return (
        sa.select(*an_order, *a_sale, sa.func.sum(sales.c.amount - sales.c.refunded).label("net"))
        .select_from(decisions.join(sales, its))
        .where(
            is_of_orders(dialect, decisions.c.shop_id, decisions.c.order_id),
            decisions.c.placed_at >= sa.bindparam("first"),
            decisions.c.placed_at < sa.bindparam("until"),
            decisions.c.outcome.in_(_CREDITED),
        )
        .group_by(*an_order, *a_sale)
        .order_by(*an_order, sales.c.click_id)
    )


def _touch(click_id: bytes, campaign: str) -> Touch:
    return Touch(click_id, Click(click_id, 0, "", "").clicked_at, campaign)
