"""Models: how the credit of one order is shared among its clicks. Pure: values in, shares out.

A model is a convention, not a measurement: no model shows which orders would have come without the e-mail.
Last, first, linear, position-based and time decay are defined as in the help of Google Analytics (Universal,
"About attribution models"; removed from GA4 in 2023) and of Google Ads.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction

from salepixel.accounts.policy import Model
from salepixel.money.amounts import allocate

HALF_LIFE = timedelta(days=7)
"""A click's weight halves for each 7 days before the order, as in Google's time decay model."""

NOTHING, ALL = Fraction(0), Fraction(1)
_ENDS = Fraction(2, 5)
_DIGITS = Context(prec=25)
_SCALE = Decimal(10) ** 18


def shares(model: Model, clicked: Sequence[datetime], ordered_at: datetime) -> tuple[Fraction, ...]:
    """Share one order among its clicks. The shares are in the sequence of the clicks and add up to exactly 1.

    `clicked`: aware times in any sequence; among equal times, the one further back in the list counts as
    later. Without clicks there are no shares.

    * last, first: this click gets all of it.
    * linear: each click gets the same.
    * position: 40 % the first, 40 % the last, 20 % shared by those between; two clicks get half each.
    * decay: in proportion to 2^(-age / 7 days). A click's age is its time before the order; it is 0 for a
      click after the order (by a wrong clock).
    """
    if not clicked:
        return ()
    order = sorted(range(len(clicked)), key=clicked.__getitem__)
    in_time = _in_time(model, [clicked[i] for i in order], ordered_at)
    given = [NOTHING] * len(clicked)
    for i, share in zip(order, in_time, strict=True):
        given[i] = share
    return tuple(given)


def split(total: int, parts: Sequence[Fraction]) -> list[int]:
    """Split minor units exactly by shares that add up to 1.

    By largest remainder; among equal remainders, the earlier part gets more.
    """
    if len(parts) == 1:
        return [total]
    common = math.lcm(*(part.denominator for part in parts))
    return allocate(total, [int(part * common) for part in parts])


def rounded(share: Fraction) -> float:
    """A share rounded to a millionth, for storing and showing."""
    if share.denominator == 1:  # the usual case: 0 or 1
        return float(share.numerator)
    return round(float(share), 6)


def _in_time(model: Model, clicked: Sequence[datetime], ordered_at: datetime) -> list[Fraction]:
    n = len(clicked)
    match model:
        case Model.LAST:
            return [NOTHING] * (n - 1) + [ALL]
        case Model.FIRST:
            return [ALL] + [NOTHING] * (n - 1)
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
    """Weights in units of 10^-18 of the newest click's weight: integers, so that the shares add up exactly.

    Decimal instead of float: its powers have the same digits on every machine, so a rebuild on another
    machine gives the same cents.
    """
    ages = [max(ordered_at - time, timedelta()) for time in clicked]
    newest = min(ages)
    return [_weight(age - newest) for age in ages]


def _weight(age: timedelta) -> int:
    halvings = _DIGITS.divide(
        Decimal(age // timedelta.resolution), Decimal(HALF_LIFE // timedelta.resolution)
    )
    return int(_DIGITS.multiply(_DIGITS.power(Decimal(2), -halvings), _SCALE))
