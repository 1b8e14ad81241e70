"""What alerts are judged by: counts of an account, and the state of this machine and of the edge."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from salepixel.checks.store import last_delivery
from salepixel.orders.outcome import Outcome
from salepixel.shops.shop import State
from salepixel.shops.store import list_shops
from salepixel.storage.schema import campaigns, click_sums, deliveries
from salepixel.sums.days import day_of
from salepixel.sums.decisions import count_by_day
from salepixel.watch.rules import WEEKS, Counts

_LONGEST = timedelta(days=1)
_HABIT_DAYS = 28


def silent_since(
    connection: sa.Connection, emp_id: int, watched_since: datetime, now: datetime
) -> list[tuple[datetime, list[int]]]:
    """For each connected shop: its last delivery, and how many came in as long a time in earlier weeks.

    Silence counts from `watched_since` at the earliest: before, we may have been down ourselves.
    """
    found = []
    for shop in list_shops(connection, emp_id):
        if shop.platform == "pixel" or shop.state is not State.CONNECTED:
            continue
        last = last_delivery(connection, shop.id)
        if last is None:
            continue
        begin = max(last, watched_since, now - _LONGEST)
        weeks = [timedelta(weeks=n) for n in range(1, WEEKS + 1)]
        found.append((last, [_count(connection, shop.id, begin - week, now - week) for week in weeks]))
    return found


def _count(connection: sa.Connection, shop_id: str, since: datetime, until: datetime) -> int:
    in_time = deliveries.c.received_at >= since, deliveries.c.received_at < until
    query = sa.select(sa.func.count()).where(deliveries.c.shop_id == shop_id, *in_time)
    return connection.scalar(query) or 0


def evidence_counts(connection: sa.Connection, emp_id: int, now: datetime) -> tuple[Counts, Counts]:
    """The counts of yesterday and today (UTC), and of the 28 days before."""
    today = day_of(now)
    return (
        _counts(connection, emp_id, today - 1, today + 1),
        _counts(connection, emp_id, today - 1 - _HABIT_DAYS, today - 1),
    )


def _counts(connection: sa.Connection, emp_id: int, first: int, end: int) -> Counts:
    credited = (Outcome.ATTRIBUTED, Outcome.LIKELY)
    rows = count_by_day(connection, emp_id, (first, end), credited)
    its = sa.select(campaigns.c.id).where(campaigns.c.emp_id == emp_id)
    human: Any = sa.select(sa.func.sum(click_sums.c.clicks + click_sums.c.ended)).where(
        click_sums.c.campaign_id.in_(its),
        click_sums.c.day >= first,
        click_sums.c.day < end,
        click_sums.c.verdict != "bot",
    )
    orders, attributed = sum(int(row.orders) for row in rows), sum(int(row.attributed) for row in rows)
    return Counts(orders, attributed, int(connection.scalar(human) or 0), end - first)
