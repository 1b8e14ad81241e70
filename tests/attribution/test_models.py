"""The models that share one order among its clicks."""

from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.policy import Model
from salepixel.attribution.models import shares, split
from tests.make import NOON

DAY = timedelta(days=1)
TIMES = st.lists(st.integers(-400 * 86_400_000, 300_000), max_size=40).map(
    lambda ages: [NOON + timedelta(milliseconds=age) for age in ages]
)


def days_before(*days: float) -> list[datetime]:
    return [NOON - day * DAY for day in days]


@pytest.mark.parametrize(
    ("model", "clicked", "expected"),
    [
        (Model.LAST, days_before(3, 2, 1), "0 0 1"),
        (Model.FIRST, days_before(3, 2, 1), "1 0 0"),
        (Model.LINEAR, days_before(3, 2, 1), "1/3 1/3 1/3"),
        (Model.POSITION, days_before(5, 4, 3), "2/5 1/5 2/5"),
        (Model.POSITION, days_before(5, 4, 3, 2, 1), "2/5 1/15 1/15 1/15 2/5"),
        (Model.POSITION, days_before(5, 4), "1/2 1/2"),
        (Model.DECAY, days_before(7, 0), "1/3 2/3"),
        (Model.DECAY, days_before(14, 7, 0), "1/7 2/7 4/7"),
        (Model.DECAY, days_before(107, 100), "1/3 2/3"),
        (Model.DECAY, days_before(7, -1), "1/3 2/3"),
        (Model.LAST, days_before(1, 3), "1 0"),
        (Model.FIRST, days_before(1, 3), "0 1"),
        (Model.LAST, days_before(1, 1), "0 1"),
        (Model.FIRST, days_before(1, 1), "1 0"),
    ],
)
def test_each_model_shares_as_defined(model: Model, clicked: list[datetime], expected: str) -> None:
    assert shares(model, clicked, NOON) == tuple(Fraction(part) for part in expected.split())


@pytest.mark.parametrize("model", Model)
def test_a_single_click_gets_everything_and_no_click_gets_nothing(model: Model) -> None:
    assert shares(model, days_before(2), NOON) == (Fraction(1),)
    assert shares(model, [], NOON) == ()


@given(st.sampled_from(Model), TIMES.filter(bool))
def test_shares_are_never_negative_and_add_up_to_one(model: Model, clicked: list[datetime]) -> None:
    found = shares(model, clicked, NOON)
    assert sum(found) == 1
    assert min(found) >= 0


@given(st.sampled_from(Model), TIMES.filter(lambda times: len(set(times)) == len(times)))
def test_the_order_in_which_clicks_are_given_does_not_matter(model: Model, clicked: list[datetime]) -> None:
    reported = clicked[::-1]
    by_time = dict(zip(clicked, shares(model, clicked, NOON), strict=True))
    assert dict(zip(reported, shares(model, reported, NOON), strict=True)) == by_time


@given(TIMES.filter(bool))
def test_with_time_decay_a_later_click_never_gets_less(clicked: list[datetime]) -> None:
    found = shares(Model.DECAY, sorted(clicked), NOON)
    assert list(found) == sorted(found)


@given(st.sampled_from(Model), TIMES.filter(bool), st.integers(0, 10**14))
def test_money_is_split_to_the_last_cent(model: Model, clicked: list[datetime], total: int) -> None:
    found = shares(model, clicked, NOON)
    parts = split(total, found)
    assert sum(parts) == total
    assert all(abs(part - total * share) < 1 for part, share in zip(parts, found, strict=True))
