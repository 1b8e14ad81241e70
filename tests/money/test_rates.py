"""Amounts are converted by the European Central Bank's rate of their day, or the last one before it."""

import os
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from salepixel.money.amounts import MAX_AMOUNT, Rate
from salepixel.money.rates import FILE_NAME, SHIPPED, Rates
from tests.make import rates_file


@pytest.mark.parametrize(
    ("currency", "into", "day", "value", "on"),
    [
        # Published by the bank: 1 EUR was 1.1172 USD and 4.4038 PLN on Friday, 2026-10-30.
        ("EUR", "USD", date(2026, 10, 30), "1.1172", date(2026, 10, 30)),
        ("USD", "EUR", date(2026, 10, 30), "0.895094880057", date(2026, 10, 30)),
        ("PLN", "USD", date(2026, 10, 30), "0.253689995004", date(2026, 10, 30)),
        ("EUR", "USD", date(2014, 3, 28), "1.3759", date(2014, 3, 28)),
        # The Sunday after it.
        ("EUR", "USD", date(2014, 3, 30), "1.3759", date(2014, 3, 28)),
        # Christmas 2015 was a Friday; the bank quotes no rates from Good Friday to Easter Monday either.
        ("EUR", "USD", date(2015, 12, 27), "1.0947", date(2015, 12, 24)),
        ("GBP", "GBP", date(1970, 1, 1), "1", date(1970, 1, 1)),
    ],
)
def test_the_rate_of_a_day_is_the_last_one_published_by_then(
    currency: str, into: str, day: date, value: str, on: date
) -> None:
    assert SHIPPED.rate(currency, into, day) == Rate(into, Decimal(value), on)


@pytest.mark.parametrize(
    ("currency", "day"),
    [
        ("KES", date(2026, 10, 30)),  # never quoted
        ("QQQ", date(2026, 10, 30)),
        ("HRK", date(2026, 10, 30)),  # Croatia has the euro since 2023
        ("RUB", date(2026, 10, 30)),  # no more quoted since March 2022
        ("USD", date(1998, 12, 31)),
        ("USD", date.min),
        ("USD", date(2099, 1, 1)),
    ],
)
def test_without_a_published_rate_for_a_month_there_is_no_rate(currency: str, day: date) -> None:
    assert SHIPPED.rate(currency, "EUR", day) is None


def test_a_newer_rates_file_is_used_at_once(tmp_path: Path) -> None:
    rates = Rates(tmp_path)
    last = SHIPPED.last_day()
    day = last + timedelta(days=24)
    before = rates.rate("EUR", "USD", day)
    assert before is not None
    assert before.on == last
    rates_file(tmp_path / FILE_NAME, {day: "2.0"})
    assert rates.rate("EUR", "USD", day) == Rate("USD", Decimal("2.0"), day)
    assert rates.rate("EUR", "USD", date(2026, 10, 30)) == Rate("USD", Decimal("1.1172"), date(2026, 10, 30))
    rates_file(tmp_path / FILE_NAME, {day: "3.0"})
    os.utime(tmp_path / FILE_NAME, ns=(1, 1))
    assert rates.rate("EUR", "USD", day) == Rate("USD", Decimal("3.0"), day)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_an_unreadable_rates_file_blocks_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    assert Rates(tmp_path).last_day() == SHIPPED.last_day()


def test_an_amount_is_converted_to_the_cent_half_up() -> None:
    rate = Rate("EUR", Decimal("0.895094880057"), date(2026, 10, 30))
    assert str(rate.convert(Decimal("198.31"))) == "177.51"
    assert str(Rate("IDR", Decimal("20275.17"), date(2026, 10, 30)).convert(MAX_AMOUNT - 1))[:5] == "20275"
    assert str(Rate("JPY", Decimal("0.5"), date(2026, 10, 30)).convert(Decimal("1.00"))) == "1"
