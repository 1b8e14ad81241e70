"""When a report is due."""

from datetime import UTC, datetime, timedelta

import pytest

from salepixel.subscriptions.rules import due_after_sending, due_when_closed, month_days

SENT = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("now", "kinds"),
    [
        (SENT, []),
        (SENT + DAY - MINUTE, []),
        (SENT + DAY, ["day_1"]),
        (SENT + 3 * DAY - MINUTE, ["day_1"]),
        (SENT + 3 * DAY, ["day_1", "day_3"]),
        (SENT + 3 * DAY + MINUTE, ["day_3"]),
        (SENT + 6 * DAY, []),
        (SENT + 7 * DAY, ["day_7"]),
        (SENT + 9 * DAY + MINUTE, []),
    ],
)
def test_a_campaign_has_reports_after_one_three_and_seven_days(now: datetime, kinds: list[str]) -> None:
    """They are due for two days, so that a worker that was down catches up."""
    assert [due.kind for due in due_after_sending("c", SENT, SENT, now)] == kinds


def test_who_comes_later_gets_only_later_reports() -> None:
    assert list(due_after_sending("c", SENT, SENT + DAY + MINUTE, SENT + DAY + 2 * MINUTE)) == []
    assert [due.kind for due in due_after_sending("c", SENT, SENT + 2 * DAY, SENT + 3 * DAY)] == ["day_3"]


@pytest.mark.parametrize(
    ("closed_before", "at_start", "months"),
    [
        ("2026-11-01", None, ["2026-10"]),
        ("2026-11-01", "2026-10-01", ["2026-10"]),
        ("2026-11-01", "2026-11-01", []),
        ("2027-01-01", "2026-11-01", ["2026-12"]),
    ],
)
def test_a_month_has_a_report_when_it_is_closed(
    closed_before: str, at_start: str | None, months: list[str]
) -> None:
    start = datetime.fromisoformat(f"{at_start}T00:00Z") if at_start else None
    found = due_when_closed(datetime.fromisoformat(f"{closed_before}T00:00Z"), start)
    assert [due.about for due in found] == months


def test_a_month_has_its_days() -> None:
    assert month_days("2026-12") == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
