"""Losses: clicks and pixel hits that edges answered but could not store."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from salepixel.storage.schema import losses

OUTAGE_GAP = timedelta(hours=1)
"""Losses within this time of each other, on any edge, are shown as one outage."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The number of clicks and hits lost between two times; their account and campaign are unknown."""

    count: int
    from_at: datetime
    to_at: datetime


def losses_since(connection: sa.Connection, since: datetime | None) -> list[Loss]:
    """The losses that end after a time, or all, newest first; those within OUTAGE_GAP are merged."""
    query = sa.select(losses.c["count"], losses.c.from_at, losses.c.to_at)
    if since is not None:
        query = query.where(losses.c.to_at >= since)
    joined: list[Loss] = []
    for count, from_at, to_at in connection.execute(query.order_by(losses.c.from_at)):
        last = joined[-1] if joined else None
        if last and from_at - last.to_at <= OUTAGE_GAP:
            joined[-1] = Loss(last.count + count, last.from_at, max(last.to_at, to_at))
        else:
            joined.append(Loss(count, from_at, to_at))
    return joined[::-1]
