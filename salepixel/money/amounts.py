"""Money: decimals with an ISO 4217 currency. Never floats, never a sum of different currencies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

MAX_AMOUNT = Decimal(10) ** 12
"""A larger amount is a mistake or an attack. Minor units stay far below the limit of 64 bits."""

# From the CLDR data of Babel; a test compares them. The edge does not load Babel, to save memory.
_WITHOUT_DECIMALS = """
    ADP AFN ALL BIF BYR CLP DJF ESP GNF IQD IRR ISK ITL JPY KMF KPW KRW LAK LBP LUF MGA MGF MMK MRO PYG RSD
    RWF SLL SOS STD SYP TMM TRL UGX UYI VND VUV XAF XOF XPF YER ZMK ZWD
"""
_DIGITS = (
    dict.fromkeys(_WITHOUT_DECIMALS.split(), 0)
    | dict.fromkeys(("BHD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
    | dict.fromkeys(("CLF", "UYW"), 4)
)


class BadMoney(ValueError):
    """An invalid amount or currency. `reason` is the name that is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def minor_digits(currency: str) -> int:
    """The number of decimals of a currency: EUR 2, JPY 0, KWD 3 (CLDR; unknown codes have 2)."""
    return _DIGITS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in minor units (cents), rounded half up.

    Raises BadMoney for an amount that reaches the limit, also by rounding: it could not be read again.
    """
    if not amount.is_finite() or abs(amount) >= MAX_AMOUNT:
        raise BadMoney("bad_amount")
    minor = round_minor(amount, currency)
    if abs(minor) >= int(MAX_AMOUNT) * 10 ** minor_digits(currency):
        raise BadMoney("bad_amount")
    return minor


def round_minor(amount: Decimal, currency: str) -> int:
    """The same without a limit: for sums, which can be larger than a single amount."""
    return int(amount.scaleb(minor_digits(currency)).to_integral_value(rounding=ROUND_HALF_UP))


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount of minor units, with the currency's digits: (3980, "EUR") -> 39.80."""
    return Decimal(minor).scaleb(-minor_digits(currency))


COMPARABLE_DIGITS = 4
"""The most decimals of a currency: CLF and UYW."""


def to_comparable(amount: Decimal) -> int | None:
    """An amount in ten-thousandths of a unit, whatever its currency; None if it reaches the limit.

    Stored for finding orders by their amount: 39.80 EUR and 3980 JPY compare as 39.8 and 3980.
    """
    if not amount.is_finite() or abs(amount) >= MAX_AMOUNT:
        return None
    return int(amount.scaleb(COMPARABLE_DIGITS).to_integral_value(rounding=ROUND_HALF_UP))


def from_comparable(stored: int, currency: str) -> Decimal:
    """The amount, with the currency's digits."""
    minor = Decimal(stored).scaleb(minor_digits(currency) - COMPARABLE_DIGITS)
    return from_minor(int(minor.to_integral_value(rounding=ROUND_HALF_UP)), currency)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """The amount with exactly the currency's digits, rounded half up."""
    return from_minor(to_minor(amount, currency), currency)


@dataclass(frozen=True, slots=True)
class Rate:
    """An exchange rate: the value of one unit of a currency in the currency `into` on a day."""

    into: str
    value: Decimal
    on: date

    def convert(self, amount: Decimal) -> Decimal:
        """The amount in `into`, with its digits, rounded half up."""
        return from_minor(self.convert_minor(amount), self.into)

    def convert_minor(self, amount: Decimal) -> int:
        """The same in minor units."""
        return round_minor(amount * self.value, self.into)


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split a non-negative total (minor units) in proportion to weights, by largest remainder.

    The parts add up to the total exactly; among equal remainders, the earlier part gets the unit. If all
    weights are zero, all parts are zero.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts
