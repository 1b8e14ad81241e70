"""Days (UTC) in kept sums: their number since 1970."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import EPOCH

_MICROSECONDS = 86_400_000_000

Days = tuple[int | None, int | None]
"""The first day (inclusive) and the last (exclusive); None: open."""

ALWAYS: Days = (None, None)


def day_of(at: datetime) -> int:
    """The day of a time."""
    return (at - EPOCH).days


def day_column(at: sa.Column[datetime]) -> sa.Label[int]:
    """The column `day` of a definition, for rows with this time."""
    return (sa.type_coerce(at, sa.BigInteger) // _MICROSECONDS).label("day")


def within(days: Days, day: sa.Column[Any]) -> list[sa.ColumnElement[bool]]:
    """The SQL conditions for a day in this range."""
    since, until = days
    from_on = [] if since is None else [day >= since]
    return from_on if until is None else [*from_on, day < until]
