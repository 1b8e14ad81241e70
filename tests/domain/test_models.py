"""How clicks share an order: the definitions as tables, and that nothing is lost or made up."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.models import Model, shares
from tests.make import NOON

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("model", "days_before", "expected"),
    [
        (Model.LAST, [9, 5, 1], [0, 0, 1]),
        (Model.FIRST, [9, 5, 1], [1, 0, 0]),
        (Model.LINEAR, [9, 5, 1], [Fraction(1, 3)] * 3),
        (Model.POSITION, [1], [1]),
        (Model.POSITION, [9, 1], [Fraction(1, 2)] * 2),
        (Model.POSITION, [9, 5, 1], [Fraction(2, 5), Fraction(1, 5), Fraction(2, 5)]),
        (Model.POSITION, [9, 5, 4, 1], [Fraction(2, 5), Fraction(1, 10), Fraction(1, 10), Fraction(2, 5)]),
        (Model.DECAY, [7, 0], [Fraction(1, 3), Fraction(2, 3)]),
        (Model.DECAY, [14, 7, 0], [Fraction(1, 7), Fraction(2, 7), Fraction(4, 7)]),
        (Model.DECAY, [3000, 3000], [Fraction(1, 2)] * 2),
        (Model.DECAY, [7, -0.001], [Fraction(1, 3), Fraction(2, 3)]),
    ],
)
def test_each_model_shares_as_it_is_defined(
    model: Model, days_before: list[float], expected: list[Fraction]
) -> None:
    assert list(shares(model, [NOON - days * DAY for days in days_before], NOON)) == expected


@given(
    st.sampled_from(Model), st.lists(st.timedeltas(timedelta(minutes=-5), 90 * DAY), min_size=1, max_size=40)
)
def test_shares_are_never_negative_and_add_up_to_the_whole(model: Model, ages: list[timedelta]) -> None:
    given_to = shares(model, sorted(NOON - age for age in ages), NOON)
    assert len(given_to) == len(ages)
    assert min(given_to) >= 0
    assert sum(given_to) == 1
