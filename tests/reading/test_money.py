"""Amounts are parsed as people, shops and JavaScript write them, to the cent, or refused with a reason."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.money.amounts import BadMoney, round_money
from salepixel.reading.money import named_currency, read_amount, read_currency

DIGITS = {"EUR": 2, "KWD": 3, "JPY": 0}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("39.80", "39.80"),
        ("39,80", "39.80"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("1,234,567.8", "1234567.80"),
        ("1.234,567", "1234.57"),
        ("0.125", "0.13"),
        ("12345.678", "12345.68"),
        ("7", "7"),
        ("007", "7"),
        ("5.", "5"),
        (".50", "0.50"),
        # JavaScript's sums of cents: a separator before more digits than the currency has is a decimal point.
        ("59.849999999999994", "59.85"),
        ("11.115", "11.12"),
        ("2.675", "2.68"),
        ("123.456", "123.46"),
        ("1.234", "1.23"),
        ("1,234", "1.23"),
        ("0.30000000000000004", "0.30"),
        ("0.0049999999999999999999999", "0"),
        # Marks of currencies and of nothing behind the point.
        (" 1 234,50 € ", "1234.50"),
        ("1\u00a0234,56\u00a0€", "1234.56"),
        ("1\u202f234,56 €", "1234.56"),
        ("39,80 EUR", "39.80"),
        ("EUR39.80", "39.80"),
        ("1'234.50", "1234.50"),
        ("1’234.50", "1234.50"),
        ("CHF 1'234.–", "1234"),
        ("399 kr", "399"),
        ("399 kr.", "399"),
        ("R$ 39,90", "39.90"),
        ("R$39,90", "39.90"),
        ("¥3980", "3980"),
        ("₹1,23,456.00", "123456"),
        ("Rs.500", "500"),
        ("Rs. 1,23,45,678", "12345678"),
        ("S/.39.90", "39.90"),
        ("39,-", "39"),
        ("39,- €", "39"),
        ("39,— zł", "39"),
        ("39:-", "39"),
        ("$5", "5"),
        ("39,80 ¤", "39.80"),
        ("39,80\u200f ₪", "39.80"),
    ],
)
def test_amounts_are_parsed(text: str, amount: str) -> None:
    assert round_money(read_amount(text, 2), "EUR") == round_money(Decimal(amount), "EUR")


@pytest.mark.parametrize(
    ("currency", "text", "amount"),
    [
        ("KWD", "12.500", "12.500"),
        ("KWD", "12,500", "12.500"),
        ("KWD", "1.250", "1.250"),
        ("KWD", "1,234.500", "1234.500"),
        ("KWD", "12", "12.000"),
        ("JPY", "1.234", "1234"),
        ("JPY", "12,500", "12500"),
        ("JPY", "1,234,567", "1234567"),
        ("JPY", "3980.00", "3980"),
        ("JPY", "12.5", "13"),
        ("JPY", "0.125", "0"),
        ("JPY", "12345.678", "12346"),
    ],
)
def test_the_currency_sets_the_decimals(currency: str, text: str, amount: str) -> None:
    assert str(round_money(read_amount(text, DIGITS[currency]), currency)) == amount


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-5", "negative_amount"),
        ("- 5", "negative_amount"),
        ("−5,00 €", "negative_amount"),
        ("€ -5", "negative_amount"),
        ("-€5", "negative_amount"),
        ("NaN", "bad_amount"),
        ("Infinity", "bad_amount"),
        ("1e999", "bad_amount"),
        ("1e3", "bad_amount"),
        ("", "bad_amount"),
        (".", "bad_amount"),
        ("€", "bad_amount"),
        ("1,23,4", "bad_amount"),
        ("1.23.4", "bad_amount"),
        ("12.34,56", "bad_amount"),
        ("1 2 3", "bad_amount"),
        ("1.234 567", "bad_amount"),
        ("1,234.567.890", "bad_amount"),
        ("٣٤", "bad_amount"),
        ("39²", "bad_amount"),
        ("9999999999999", "bad_amount"),
        ("999999999999.9999", "bad_amount"),
        ("999999999999,5 €", "bad_amount"),
        ("999999999999.5", "bad_amount"),
        ("5; DROP TABLE", "bad_amount"),
        ("0x10", "bad_amount"),
        ("1_000", "bad_amount"),
        ("10K", "bad_amount"),
        ("5 kg", "bad_amount"),
        ("5-", "bad_amount"),
        ("(5)", "bad_amount"),
        ("undefined", "bad_amount"),
        ("5 %", "bad_amount"),
        ("1" * 70, "bad_amount"),
    ],
)
def test_a_bad_amount_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(BadMoney) as refused:
        read_amount(text, 2)
    assert refused.value.reason == reason


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0123456789.,-' €")), max_size=40))
def test_any_text_is_a_storable_amount_or_is_refused(text: str) -> None:
    for currency, digits in DIGITS.items():
        try:
            amount = read_amount(text, digits)
        except BadMoney:
            continue
        assert Decimal(0) <= round_money(amount, currency) < 10**12
        named_currency(text)


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_amounts_are_parsed_in_every_notation(amount: Decimal) -> None:
    english = f"{amount:,.2f}"
    spanish = english.translate(str.maketrans(",.", ".,"))
    swiss, french = english.replace(",", "'"), spanish.replace(".", "\u202f")
    assert {read_amount(text, 2) for text in (english, spanish, swiss, french, str(amount))} == {amount}


@given(st.integers(1, 100), st.integers(0, 10**7))
def test_floating_point_products_are_the_same_amount_to_the_cent(quantity: int, cents: int) -> None:
    in_javascript = repr(quantity * (cents / 100))
    if "e" not in in_javascript:
        exact = Decimal(quantity * cents).scaleb(-2)
        assert round_money(read_amount(in_javascript, 2), "EUR") == exact


@pytest.mark.parametrize(
    ("text", "code"),
    [("eur", "EUR"), (" usd\u00a0", "USD"), ("€", "EUR"), ("XYZ", "XYZ")],
)
def test_a_currency_is_parsed(text: str, code: str) -> None:
    assert read_currency(text) == code


@pytest.mark.parametrize("text", ["EURO", "E", "12E", "", "EÜR", "$", "undefined"])
def test_a_currency_has_three_letters(text: str) -> None:
    with pytest.raises(BadMoney, match="bad_currency"):
        read_currency(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("39,80 EUR", "EUR"),
        ("usd 5", "USD"),
        ("5€", ""),
        ("CHF 1'234.–", "CHF"),
        ("39.80", ""),
        ("$5", ""),
        ("399 kr", ""),
        ("5 pcs", ""),
        ("", ""),
    ],
)
def test_an_amount_may_include_its_currency(text: str, code: str) -> None:
    assert named_currency(text) == code
