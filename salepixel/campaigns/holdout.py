"""Lift: the e-mail group compared with the control group, a random holdout that never changes.

Intention to treat: all contacts of both groups count, with all their orders, whatever was clicked or
credited.
"""

import hashlib
import hmac
from dataclasses import dataclass
from math import ceil, sqrt

PARTS = 10_000
_Z = 1.959964
"""95 % of the standard normal distribution lie between -Z and Z."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A group: the number of its people and of its buyers."""

    people: int
    buyers: int

    @property
    def rate(self) -> float:
        """The share that bought."""
        return self.buyers / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Lift:
    """The conversion rate of the e-mail group minus that of the control group, with its 95 % interval.

    `is_clear`: the interval does not include 0. `needed`: the number of people in total, with the same split,
    to detect a difference of this size in four of five tests; None if there is no difference.
    """

    difference: float
    low: float
    high: float
    needed: int | None

    @property
    def is_clear(self) -> bool:
        """Whether the difference is more than chance."""
        return self.low > 0 or self.high < 0


def draw_lot(secret: bytes, campaign: str, contact: str) -> int:
    """The lot of a contact, 0 to PARTS - 1: always the same, independent for each campaign."""
    digest = hmac.digest(secret, f"{campaign}\n{contact}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8]) % PARTS


def is_held_out(lot: int, percent: int) -> bool:
    """Whether a contact with this lot is in the control group. A greater share keeps who was in it."""
    return lot < percent * PARTS // 100


def lift(mailed: Arm, held_out: Arm) -> Lift | None:
    """The lift; None while a group is empty.

    The interval is Newcombe's method 10 (Statistics in Medicine 17, 873-890, 1998), which is also valid for
    few buyers. `needed` follows Lehr's rule for a power of 0.8, 16 p (1 - p) / d^2 people in each of two
    equal groups, p the mean of both rates (Statistics in Medicine 11, 1099-1102, 1992). For groups of n1 and
    n0 people, 1/n1 + 1/n0 must equal 2/n.
    """
    if not mailed.people or not held_out.people:
        return None
    difference = mailed.rate - held_out.rate
    low1, high1 = _wilson(mailed)
    low0, high0 = _wilson(held_out)
    below = sqrt((mailed.rate - low1) ** 2 + (high0 - held_out.rate) ** 2)
    above = sqrt((high1 - mailed.rate) ** 2 + (held_out.rate - low0) ** 2)
    mean = (mailed.rate + held_out.rate) / 2
    needed = None
    if difference:
        in_each = 16 * mean * (1 - mean) / difference**2
        held = held_out.people / (mailed.people + held_out.people)
        needed = ceil(in_each / 2 * (1 / held + 1 / (1 - held)))
    return Lift(difference, difference - below, difference + above, needed)


def _wilson(arm: Arm) -> tuple[float, float]:
    """Wilson's interval of a share (JASA 22, 209-212, 1927)."""
    n, z2 = arm.people, _Z * _Z
    middle = (arm.buyers + z2 / 2) / (n + z2)
    half = _Z * sqrt(arm.rate * (1 - arm.rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return middle - half, middle + half
