"""Models: how the credit of one order is shared among the clicks that led to it. Values in, shares out.

A model is a convention and not a measurement: none of them knows what would have been bought without the
mail. Last, first, linear, position-based and time decay are meant as the help of Google Analytics (Universal,
"About attribution models"; these were taken out of GA4 in 2023) and of Google Ads described them.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction

from salepixel.accounts.policy import Model
from salepixel.money.amounts import allocate

HALF_LIFE = timedelta(days=7)
"""In so much time before the order a click's weight halves, as in Google's time decay model."""

_ENDS = Fraction(2, 5)
_DIGITS = Context(prec=25)
_SCALE = Decimal(10) ** 18


def shares(model: Model, clicked: Sequence[datetime], ordered_at: datetime) -> tuple[Fraction, ...]:
    """Share one order among its clicks; the shares stand in the clicks' order and add up to exactly 1.

    `clicked` are aware times in any order; of equal times the one that stands later counts as later. No
    click, no shares.

    * last, first: that click has all of it.
    * linear: each click has the same.
    * position: 40 % the first, 40 % the last, 20 % shared by those between; two clicks have half each.
    * decay: in proportion to 2^(-age / 7 days), where a click's age is its time before the order, and a
      click that a wrong clock put after the order has age 0.
    """
    if not clicked:
        return ()
    order = sorted(range(len(clicked)), key=clicked.__getitem__)
    in_time = _in_time(model, [clicked[i] for i in order], ordered_at)
    given = [Fraction(0)] * len(clicked)
    for i, share in zip(order, in_time, strict=True):
        given[i] = share
    return tuple(given)


def split(total: int, parts: Sequence[Fraction]) -> list[int]:
    """Split minor units by shares, to the last cent: largest remainder, equal ones to the earlier part."""
    common = math.lcm(*(part.denominator for part in parts))
    return allocate(total, [int(part * common) for part in parts])


def _in_time(model: Model, clicked: Sequence[datetime], ordered_at: datetime) -> list[Fraction]:
    n = len(clicked)
    match model:
        case Model.LAST:
            return [Fraction(0)] * (n - 1) + [Fraction(1)]
        case Model.FIRST:
            return [Fraction(1)] + [Fraction(0)] * (n - 1)
        case Model.LINEAR:
            return [Fraction(1, n)] * n
        case Model.POSITION:
            return _by_position(n)
        case Model.DECAY:
            weights = _by_age(clicked, ordered_at)
            return [Fraction(weight, sum(weights)) for weight in weights]


def _by_position(n: int) -> list[Fraction]:
    if n <= 2:
        return [Fraction(1, n)] * n
    return [_ENDS, *[(1 - 2 * _ENDS) / (n - 2)] * (n - 2), _ENDS]


def _by_age(clicked: Sequence[datetime], ordered_at: datetime) -> list[int]:
    """Weights in 10^-18 of the newest click's: whole numbers, so that the shares add up exactly.

    By Decimal and not by float: its powers are the same digits on every machine, and a rebuild on another
    one must give the same cents.
    """
    ages = [max(ordered_at - time, timedelta()) for time in clicked]
    newest = min(ages)
    return [_weight(age - newest) for age in ages]


def _weight(age: timedelta) -> int:
    halvings = _DIGITS.divide(
        Decimal(age // timedelta.resolution), Decimal(HALF_LIFE // timedelta.resolution)
    )
    return int(_DIGITS.multiply(_DIGITS.power(Decimal(2), -halvings), _SCALE))
