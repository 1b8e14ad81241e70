"""Periods: presets, and the days that a period is compared with."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.report.periods import (
    EVER,
    Against,
    Comparison,
    Preset,
    Range,
    compare,
    compare_campaigns,
    range_of,
    today_in,
)

TODAY = date(2026, 3, 5)


def days(first: str, last: str) -> Range:
    return Range(date.fromisoformat(first), date.fromisoformat(last))


PRESETS = {
    Preset.TODAY: days("2026-03-05", "2026-03-05"),
    Preset.DAYS_7: days("2026-02-27", "2026-03-05"),
    Preset.DAYS_28: days("2026-02-06", "2026-03-05"),
    Preset.DAYS_90: days("2025-12-06", "2026-03-05"),
    Preset.THIS_MONTH: days("2026-03-01", "2026-03-05"),
    Preset.LAST_MONTH: days("2026-02-01", "2026-02-28"),
    Preset.THIS_YEAR: days("2026-01-01", "2026-03-05"),
    Preset.ALL: EVER,
}


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_is_a_range_of_days_that_ends_today(preset: Preset) -> None:
    assert range_of(preset, TODAY) == PRESETS[preset]


BEFORE = [
    (days("2026-03-05", "2026-03-05"), days("2026-03-04", "2026-03-04"), days("2025-03-05", "2025-03-05")),
    (days("2026-02-27", "2026-03-05"), days("2026-02-20", "2026-02-26"), days("2025-02-27", "2025-03-05")),
    (days("2026-02-01", "2026-02-28"), days("2026-01-01", "2026-01-31"), days("2025-02-01", "2025-02-28")),
    (days("2026-01-01", "2026-03-31"), days("2025-10-01", "2025-12-31"), days("2025-01-01", "2025-03-31")),
    (days("2026-03-01", "2026-03-05"), days("2026-02-24", "2026-02-28"), days("2025-03-01", "2025-03-05")),
    (days("2028-02-29", "2028-03-06"), days("2028-02-22", "2028-02-28"), days("2027-02-28", "2027-03-06")),
]


@pytest.mark.parametrize(("asked", "before", "year_before"), BEFORE)
def test_a_range_is_compared_with_as_many_days_before_or_with_the_same_days_a_year_before(
    asked: Range, before: Range, year_before: Range
) -> None:
    assert compare(asked, Against.BEFORE) == Comparison(Against.BEFORE, before)
    assert compare(asked, Against.YEAR_BEFORE) == Comparison(Against.YEAR_BEFORE, year_before)
    assert compare(asked, Against.NOTHING) is None


@pytest.mark.parametrize("against", Against)
@pytest.mark.parametrize("asked", [EVER, Range(TODAY), Range(None, TODAY)])
def test_a_range_with_an_open_end_has_no_range_before_it(asked: Range, against: Against) -> None:
    assert compare(asked, against) is None


def test_another_campaign_is_compared_on_the_same_days_after_its_start() -> None:
    asked = days("2026-03-01", "2026-03-05")
    found = compare_campaigns(asked, date(2026, 3, 1), "spring", date(2026, 2, 1))
    assert found == Comparison(Against.CAMPAIGN, days("2026-02-01", "2026-02-05"), "spring")
    assert compare_campaigns(EVER, TODAY, "spring", date(2026, 2, 1)).range == EVER


_DAYS = st.dates(date(2001, 1, 1), date(2099, 1, 1))


@given(_DAYS, _DAYS)
def test_the_range_before_ends_where_a_range_begins(one: date, other: date) -> None:
    asked = Range(min(one, other), max(one, other))
    before = asked.before
    assert before is not None
    assert before.period.until == asked.period.since
    whole_months = asked.first and asked.first.day == 1 and before.first and before.first.day == 1
    assert whole_months or before.length == asked.length


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", 28), ("Europe/Madrid", 29), ("America/Bogota", 28), ("Asia/Tokyo", 29)]
)
def test_the_time_zone_decides_which_day_is_today(zone: str, day: int) -> None:
    now = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
    assert today_in(ZoneInfo(zone), now) == date(2026, 11, day)


def test_a_range_includes_both_of_its_days() -> None:
    period = days("2026-03-01", "2026-03-05").period
    assert period.since == datetime(2026, 3, 1, tzinfo=UTC)
    assert period.until == datetime(2026, 3, 6, tzinfo=UTC)
