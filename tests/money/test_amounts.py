"""Money is decimal, has a currency, and its parts add up."""

from decimal import Decimal

import pytest
from babel.numbers import get_currency_precision, list_currencies
from hypothesis import given
from hypothesis import strategies as st

from salepixel.money.amounts import BadMoney, allocate, from_minor, minor_digits, to_minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("39.80", "EUR", 3980),
        ("1234", "JPY", 1234),
        ("1.234", "KWD", 1234),
        ("0.005", "EUR", 1),
        ("0.004", "EUR", 0),
        ("-12.50", "USD", -1250),
    ],
)
def test_minor_units_follow_the_currency(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor


def test_an_amount_has_the_digits_of_its_currency() -> None:
    assert [str(from_minor(3980, code)) for code in ("EUR", "JPY", "KWD")] == ["39.80", "3980", "3.980"]


@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "1e12", "-1e999", "999999999999.995", "-999999999999.999"]
)
def test_an_invalid_amount_is_refused(amount: str) -> None:
    with pytest.raises(BadMoney, match="bad_amount"):
        to_minor(Decimal(amount), "EUR")


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**7), max_size=20))
def test_parts_add_up_to_the_whole_in_proportion(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)
    if sum(weights) == 0:
        assert parts == [0] * len(weights)
        return
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) <= 1


def test_the_decimals_of_currencies_match_babel() -> None:
    codes = list_currencies()
    assert {code: minor_digits(code) for code in codes} == {
        code: get_currency_precision(code) for code in codes
    }
