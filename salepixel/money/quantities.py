"""Quantities: a number of items, or an amount sold by weight, in thousandths."""

from decimal import ROUND_HALF_UP, Decimal

MAX_QUANTITY = 1_000_000
"""The limit of one line. More is a mistake or an attack, and sums of thousandths must fit into 64 bits."""

_STEP = Decimal("0.001")


def to_thousandths(quantity: Decimal) -> int:
    """A quantity as stored, rounded half up."""
    return int(quantity.scaleb(3).to_integral_value(rounding=ROUND_HALF_UP))


def from_thousandths(stored: int) -> Decimal:
    """The quantity of a number of thousandths, without trailing zeros: 2000 -> 2, 500 -> 0.5.

    Equal quantities have equal texts, so that a text can be part of a key.
    """
    if stored % 1000 == 0:  # pieces: nearly all, and in a tenth of the time
        return Decimal(stored // 1000)
    return Decimal(f"{(Decimal(stored) * _STEP).normalize():f}")


def round_quantity(quantity: Decimal) -> Decimal:
    """The quantity, rounded half up to a thousandth, without trailing zeros."""
    return from_thousandths(to_thousandths(quantity))


def as_number(quantity: Decimal) -> int | float:
    """A quantity for JSON: 2, 0.5. A float is exact to three decimals up to the limit."""
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
