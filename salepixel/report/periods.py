"""Periods of a report: days from and to, presets, and what a period is compared with.

A day is a day in UTC, as in kept sums: so the sums of a period are the sums of its rows, to the cent
(docs/adr/0057-the-frame.md). The time zone of the account decides which day is today.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

import sqlalchemy as sa

from salepixel.sums.days import Days, day_of

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From a time (inclusive) to another (exclusive), both at the start of a day in UTC; None: open."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def days(self) -> Days:
        """Both ends as days since 1970, as in kept sums. Raises ValueError for another time of day."""
        return _day(self.since), _day(self.until)

    def holds(self, column: sa.ColumnElement[datetime]) -> list[sa.ColumnElement[bool]]:
        """The SQL conditions for a time in this period."""
        from_on = [] if self.since is None else [column >= self.since]
        return from_on if self.until is None else [*from_on, column < self.until]


def _day(at: datetime | None) -> int | None:
    if at is not None and at.astimezone(UTC).time() != time():
        raise ValueError(f"not the start of a day in UTC: {at!r}")
    return None if at is None else day_of(at)


ALWAYS = Period()


class Preset(StrEnum):
    """A period with a name, as addresses have it (`?period=28d`)."""

    TODAY = "today"
    DAYS_7 = "7d"
    DAYS_28 = "28d"
    DAYS_90 = "90d"
    THIS_MONTH = "month"
    LAST_MONTH = "last-month"
    THIS_YEAR = "year"
    ALL = "all"


_LAST_DAYS = {Preset.TODAY: 1, Preset.DAYS_7: 7, Preset.DAYS_28: 28, Preset.DAYS_90: 90}


@dataclass(frozen=True, slots=True)
class Range:
    """From a day to another, both inclusive; None: open."""

    first: date | None = None
    last: date | None = None

    @property
    def period(self) -> Period:
        """The same range as times."""
        return Period(_midnight(self.first), _midnight(self.last and self.last + _DAY))

    @property
    def length(self) -> int | None:
        """The number of days; None if an end is open."""
        return (self.last - self.first).days + 1 if self.first and self.last else None

    @property
    def before(self) -> "Range | None":
        """As many days before this range, or as many months before whole months; None if an end is open."""
        if not self.first or not self.last:
            return None
        end = self.first - _DAY
        if self.first.day == 1 and (self.last + _DAY).day == 1:
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month
            return Range(_months_earlier(end.replace(day=1), months), end)
        return Range(self.first - (self.last - self.first) - _DAY, end)

    @property
    def year_before(self) -> "Range | None":
        """The same days a year earlier, 28 February for the 29th; None if an end is open."""
        if not self.first or not self.last:
            return None
        return Range(_months_earlier(self.first, 12), _months_earlier(self.last, 12))

    def moved(self, days: int) -> "Range":
        """The same range so many days later."""
        by = timedelta(days=days)
        return Range(self.first and self.first + by, self.last and self.last + by)


EVER = Range()


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _months_earlier(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def today_in(zone: tzinfo, now: datetime) -> date:
    """The day that the calendar in a time zone shows at a time (aware)."""
    return now.astimezone(zone).date()


def range_of(preset: Preset, today: date) -> Range:
    """The days of a preset, `today` included; EVER for all."""
    if preset in _LAST_DAYS:
        return Range(today - timedelta(days=_LAST_DAYS[preset] - 1), today)
    first = today.replace(day=1)
    match preset:
        case Preset.THIS_MONTH:
            return Range(first, today)
        case Preset.LAST_MONTH:
            return Range(_months_earlier(first, 1), first - _DAY)
        case Preset.THIS_YEAR:
            return Range(first.replace(month=1), today)
    return EVER


class Against(StrEnum):
    """What a period is compared with, as addresses have it (`?compare=before`)."""

    NOTHING = ""
    BEFORE = "before"
    YEAR_BEFORE = "year"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The days that a report is compared with, and the campaign, if it is another one."""

    against: Against
    range: Range
    campaign_id: str = ""


def compare(range_: Range, against: Against) -> Comparison | None:
    """The comparison of a range with an earlier one; None if there is none, as for an open end."""
    earlier = {Against.BEFORE: range_.before, Against.YEAR_BEFORE: range_.year_before}.get(against)
    return None if earlier is None else Comparison(against, earlier)


def compare_campaigns(range_: Range, began: date, other_id: str, other_began: date) -> Comparison:
    """The comparison with another campaign on the same days after its start."""
    return Comparison(Against.CAMPAIGN, range_.moved((other_began - began).days), other_id)
