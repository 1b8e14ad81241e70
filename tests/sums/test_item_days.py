"""A period is read from spans of days, each day of it once."""

from hypothesis import given
from hypothesis import strategies as st

from salepixel.sums.days import Days
from salepixel.sums.item_days import SPANS, runs_of

LAST = 20_700
"""Long after these days, for periods with an open end."""


def days_of(days: Days) -> list[int]:
    """The days of all spans that are read, those before 0 and after LAST left out."""
    found: list[int] = []
    for run in runs_of(days):
        first = 0 if run.first is None else run.first
        for start in range(first, LAST + 1 if run.end is None else run.end, run.span):
            assert start % run.span == 0
            found += range(start, start + run.span)
    return sorted(day for day in found if day <= LAST)


@given(st.integers(20_000, 20_300), st.integers(1, 380))
def test_a_period_has_each_of_its_days_once(first: int, length: int) -> None:
    assert days_of((first, first + length)) == [*range(first, first + length)]


@given(st.integers(20_000, 20_300))
def test_a_period_with_an_open_end_has_all_days_before_or_after(day: int) -> None:
    assert days_of((day, None)) == [*range(day, LAST + 1)]
    assert days_of((None, day)) == [*range(day)]


@given(st.integers(20_000, 20_300), st.integers(1, 380))
def test_a_period_reads_few_spans(first: int, length: int) -> None:
    runs = runs_of((first, first + length))
    spans = sum((run.end - run.first) // run.span for run in runs if run.first and run.end)
    assert len(runs) <= 2 * len(SPANS) - 1
    assert spans <= 6 * (len(SPANS) - 1) + length // SPANS[-1]
