"""Money: decimals with an ISO 4217 currency, never floats, never two currencies in one sum."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

MAX_AMOUNT = Decimal(10) ** 12
"""Beyond this an amount is a mistake or an attack; minor units stay far inside a 64-bit integer."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_PLAIN = re.compile(r"\d{1,15}")
_SYMBOLS = str.maketrans("", "", "€$£   ")


class BadMoney(ValueError):
    """An amount or a currency that cannot be money. `reason` is its counted name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_currency(code: str) -> str:
    """Give the three-letter code in upper case; raises BadMoney("bad_currency") for anything else."""
    upper = code.strip().upper()
    if not _CURRENCY.fullmatch(upper) or not upper.isascii():
        raise BadMoney("bad_currency")
    return upper


@cache
def minor_digits(currency: str) -> int:
    """How many decimals a currency has: EUR 2, JPY 0, KWD 3 (CLDR, by Babel; unknown codes have 2)."""
    # Here and not above: reading an amount at the edge must not cost the memory of Babel's data.
    from babel.numbers import get_currency_precision

    return get_currency_precision(currency)


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in minor units (cents), rounded half up where a shop sends more digits than exist."""
    if not amount.is_finite() or abs(amount) >= MAX_AMOUNT:
        raise BadMoney("bad_amount")
    return round_minor(amount, currency)


def round_minor(amount: Decimal, currency: str) -> int:
    """The same however large: of what was worked out here, such as a great sum in a small currency."""
    return int(amount.scaleb(minor_digits(currency)).to_integral_value(rounding=ROUND_HALF_UP))


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount of so many minor units, with the currency's digits: (3980, "EUR") -> 39.80."""
    return Decimal(minor).scaleb(-minor_digits(currency))


def round_money(amount: Decimal, currency: str) -> Decimal:
    """The amount with exactly the currency's digits, half up."""
    return from_minor(to_minor(amount, currency), currency)


@dataclass(frozen=True, slots=True)
class Rate:
    """How much of currency `into` one unit of another was worth on a day."""

    into: str
    value: Decimal
    on: date

    def convert(self, amount: Decimal) -> Decimal:
        """The amount in `into`, with its digits, half up."""
        return from_minor(round_minor(amount * self.value, self.into), self.into)


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split a non-negative total (minor units) in proportion to weights, by largest remainder.

    The parts add up to the total exactly; equal remainders go to the earlier part. Where all weights
    are zero, the parts are zero and nothing is allocated.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def parse_amount(text: str, digits: int = 2) -> Decimal:
    """Read an amount written the Spanish or the English way: "1.234,56", "1,234.56", "39.8".

    Where both separators occur the last one is the decimal mark; one that occurs twice groups
    thousands. A single mark before exactly three digits groups ("1.234" is 1234, as Spanish shops
    write), unless the currency has three decimals (`digits`) or the number starts with a zero.
    Raises BadMoney: "bad_amount" or "negative_amount".
    """
    bare = text.translate(_SYMBOLS)
    if bare.startswith("-"):
        raise BadMoney("negative_amount")
    if not bare.isascii() or len(bare) > 24:
        raise BadMoney("bad_amount")
    decimal_mark = _decimal_mark(bare, digits)
    whole, _, fraction = bare.rpartition(decimal_mark) if decimal_mark else (bare, "", "")
    group_mark = {".": ",", ",": "."}.get(decimal_mark) or ("." if "." in whole else ",")
    groups = whole.split(group_mark)
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(g) == 3 for g in groups[1:])):
        raise BadMoney("bad_amount")
    joined = "".join(groups)
    if not _PLAIN.fullmatch(joined) or not re.fullmatch(r"\d{0,6}", fraction):
        raise BadMoney("bad_amount")
    amount = Decimal(f"{joined}.{fraction or '0'}")
    if amount >= MAX_AMOUNT:
        raise BadMoney("bad_amount")
    return amount


def _decimal_mark(text: str, digits: int) -> str:
    dots, commas = text.count("."), text.count(",")
    if dots and commas:
        return "." if text.rfind(".") > text.rfind(",") else ","
    mark = "." if dots else ","
    if dots + commas != 1:
        return ""
    whole, _, fraction = text.partition(mark)
    groups_thousands = len(fraction) == 3 and digits != 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
    return "" if groups_thousands else mark
