"""Quantities: how many of an item, or how much of one sold by weight, to a thousandth."""

from decimal import ROUND_HALF_UP, Decimal

MAX_QUANTITY = 1_000_000
"""Of one line; more is a mistake or an attack, and sums of thousandths stay inside 64 bits."""

_STEP = Decimal("0.001")


def to_thousandths(quantity: Decimal) -> int:
    """A quantity as it is stored, half up."""
    return int((quantity / _STEP).to_integral_value(rounding=ROUND_HALF_UP))


def from_thousandths(stored: int) -> Decimal:
    """The quantity of so many thousandths, without trailing zeros: 2000 -> 2, 500 -> 0.5.

    Two spellings of one quantity are one text, so that it can be part of a key.
    """
    return Decimal(f"{(Decimal(stored) * _STEP).normalize():f}")


def round_quantity(quantity: Decimal) -> Decimal:
    """The quantity to a thousandth, half up, without trailing zeros."""
    return from_thousandths(to_thousandths(quantity))


def as_number(quantity: Decimal) -> int | float:
    """A quantity as JSON writes it: 2, 0.5. A float has more than three exact places up to the limit."""
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
