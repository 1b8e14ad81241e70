"""Money is decimal, has a currency, and its parts add up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.money import BadMoney, allocate, check_currency, from_minor, parse_amount, to_minor


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


def test_an_amount_shows_its_currencys_digits() -> None:
    assert [str(from_minor(3980, code)) for code in ("EUR", "JPY", "KWD")] == ["39.80", "3980", "3.980"]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e12", "-1e999"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(BadMoney, match="bad_amount"):
        to_minor(Decimal(amount), "EUR")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("39.80", "39.80"),
        ("39,80", "39.80"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("1,234,567.8", "1234567.8"),
        ("1.234", "1234"),
        ("1,234", "1234"),
        ("0.125", "0.125"),
        ("12345.678", "12345.678"),
        ("7", "7"),
        (" 1 234,50 € ", "1234.50"),
        ("$5", "5"),
        ("5.", "5"),
    ],
)
def test_spanish_and_english_amounts_are_read(text: str, amount: str) -> None:
    assert parse_amount(text) == Decimal(amount)


def test_three_decimals_are_decimals_where_the_currency_has_three() -> None:
    assert parse_amount("1.234", digits=3) == Decimal("1.234")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-5", "negative_amount"),
        ("- 5", "negative_amount"),
        ("NaN", "bad_amount"),
        ("Infinity", "bad_amount"),
        ("1e999", "bad_amount"),
        ("1e3", "bad_amount"),
        ("", "bad_amount"),
        (".", "bad_amount"),
        ("1,23,4", "bad_amount"),
        ("1.23.4", "bad_amount"),
        ("12.34,56", "bad_amount"),
        ("٣٤", "bad_amount"),
        ("9999999999999", "bad_amount"),
        ("5; DROP TABLE", "bad_amount"),
        ("0x10", "bad_amount"),
        ("1_000", "bad_amount"),
    ],
)
def test_a_bad_amount_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(BadMoney) as refused:
        parse_amount(text)
    assert refused.value.reason == reason


@given(st.text(max_size=40))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    try:
        amount = parse_amount(text)
    except BadMoney:
        return
    assert Decimal(0) <= amount < 10**12


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_amounts_survive_both_ways_of_writing(amount: Decimal) -> None:
    english = f"{amount:,.2f}"
    spanish = english.translate(str.maketrans(",.", ".,"))
    assert parse_amount(english) == parse_amount(spanish) == amount


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**7), max_size=20))
def test_parts_add_up_to_the_whole_and_keep_proportion(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)
    if sum(weights) == 0:
        assert parts == [0] * len(weights)
        return
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) <= 1


@pytest.mark.parametrize("code", ["EURO", "E", "12E", "", "EÜR"])
def test_a_currency_has_three_letters(code: str) -> None:
    with pytest.raises(BadMoney, match="bad_currency"):
        check_currency(code)
