"""Which reports are due. Pure: times in, reports out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

AFTER = {"day_1": timedelta(days=1), "day_3": timedelta(days=3), "day_7": timedelta(days=7)}
"""Kind -> how long after sending a campaign's report is due."""

MONTH = "month"
"""The kind of a month in review."""

LATE = timedelta(days=2)
"""A report that could not be written down for so long is left out: its figures are those of another day."""


class What(StrEnum):
    """What a subscription is about. The values are stored."""

    CAMPAIGNS = "campaigns"
    CAMPAIGN = "campaign"
    MONTHS = "months"


class Due(NamedTuple):
    """A report that is due. `about`: a campaign's id, or a month such as "2026-10"."""

    kind: str
    about: str


def due_after_sending(campaign_id: str, sent_at: datetime, since: datetime, now: datetime) -> Iterator[Due]:
    """The reports of a campaign that are due now, for a subscription that began at `since`."""
    for kind, after in AFTER.items():
        if since <= sent_at + after <= now <= sent_at + after + LATE:
            yield Due(kind, campaign_id)


def due_when_closed(closed_before: datetime, closed_at_start: datetime | None) -> Iterator[Due]:
    """The report of the last closed month (UTC); `closed_at_start`: as a subscription began."""
    if closed_at_start is None or closed_before > closed_at_start:
        yield Due(MONTH, f"{closed_before - timedelta(days=1):%Y-%m}")


def month_days(month: str) -> tuple[datetime, datetime]:
    """The first moment of a month (UTC) such as "2026-10", and that of the next one."""
    year, number = map(int, month.split("-"))
    first = datetime(year, number, 1, tzinfo=UTC)
    return first, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
