"""Journeys of an account's contacts, from the clicks and the credited orders."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

import sqlalchemy as sa

from salepixel.accounts.policy import CLOCK_SKEW, Policy
from salepixel.clicks.tokens import Click, Verdict, least_id_at
from salepixel.orders.outcome import Outcome
from salepixel.report.journeys import Journey, Purchase, Touch, journeys_of
from salepixel.storage.schema import clicks, decisions, links, sales

_CREDITED = (Outcome.ATTRIBUTED, Outcome.LIKELY)
_AT_ONCE = 1000


def read_journeys(
    connection: sa.Connection, emp_id: int, first: datetime, last: datetime, policy: Policy
) -> Iterator[list[Journey]]:
    """The journeys of a period by an account's policy, one list per contact with journeys.

    Orders are kept in memory. Clicks are read one contact at a time, because there are far more of them. A
    click without a contact is in no journey, unless an order is credited to it.
    """
    longest = policy.longest_window
    bought = _purchases(connection, emp_id, first, last, longest)
    # An order through a forwarded e-mail: both the click and the order are another person's.
    elsewhere = {purchase.credited.click_id for purchase in bought.get("", ())}
    for clicked, contact in _touches(connection, emp_id, first, last, longest):
        touches = [touch for touch in clicked if touch.click_id not in elsewhere]
        if found := journeys_of(touches, bought.pop(contact, []), first, last, policy):
            yield found
    for contact, purchases in bought.items():
        # Two orders without a contact may have different buyers, so each has its own journey.
        for group in [purchases] if contact else [[purchase] for purchase in purchases]:
            if found := journeys_of([], group, first, last, policy):
                yield found


def _touches(
    connection: sa.Connection, emp_id: int, first: datetime, last: datetime, window: timedelta
) -> Iterator[tuple[list[Touch], str]]:
    query = (
        sa.select(clicks.c.contact, clicks.c.id, clicks.c.campaign_id)
        .select_from(clicks.outerjoin(links, links.c.id == clicks.c.link_id))
        .where(
            clicks.c.emp_id == emp_id,
            clicks.c.contact != "",
            clicks.c.id >= least_id_at(first - window),
            clicks.c.id < least_id_at(last + CLOCK_SKEW + timedelta(milliseconds=1)),
            clicks.c.verdict != Verdict.BOT,
            sa.func.coalesce(links.c.sale_pixel, sa.true()),
        )
        .order_by(clicks.c.contact, clicks.c.id)
        .execution_options(yield_per=_AT_ONCE)
    )
    for contact, rows in groupby(connection.execute(query), key=lambda row: str(row.contact)):
        yield [_touch(row.id, row.campaign_id) for row in rows], contact


def _purchases(
    connection: sa.Connection, emp_id: int, first: datetime, last: datetime, window: timedelta
) -> dict[str, list[Purchase]]:
    """Credited orders by contact, also of one window after the period: their clicks led to an order.

    Each order occurs once, with the last of the clicks that share it.
    """
    an_order = (decisions.c.shop_id, decisions.c.order_id)
    a_sale = (sales.c.contact, sales.c.click_id, sales.c.campaign_id, sales.c.currency, decisions.c.placed_at)
    query = (
        sa.select(*an_order, *a_sale, sa.func.sum(sales.c.amount - sales.c.refunded).label("net"))
        .select_from(
            decisions.join(
                sales,
                sa.and_(sales.c.shop_id == decisions.c.shop_id, sales.c.order_id == decisions.c.order_id),
            )
        )
        .where(
            decisions.c.emp_id == emp_id,
            decisions.c.placed_at >= first,
            decisions.c.placed_at < last + window,
            decisions.c.outcome.in_(_CREDITED),
        )
        .group_by(*an_order, *a_sale)
        .order_by(*an_order, sales.c.click_id)
    )
    found: dict[str, list[Purchase]] = {}
    for _, parts in groupby(connection.execute(query), key=lambda row: (row.shop_id, row.order_id)):
        rows = list(parts)
        last_one = rows[-1]
        credited = _touch(last_one.click_id, last_one.campaign_id)
        if not last_one.click_id:  # the order names its campaign, and no click of it is known
            credited = Touch(b"", last_one.placed_at, last_one.campaign_id)
        net = sum(int(row.net) for row in rows)
        purchase = Purchase(last_one.placed_at, last_one.currency, net, credited)
        found.setdefault(last_one.contact, []).append(purchase)
    return found


def _touch(click_id: bytes, campaign: str) -> Touch:
    return Touch(click_id, Click(click_id, 0, "", "").clicked_at, campaign)
