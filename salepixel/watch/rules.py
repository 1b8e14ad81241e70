"""When an alert begins and ends. Pure: counts in, a verdict out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import exp, lgamma, log

WEEKS = 4
"""How many earlier weeks make the habit of an hour."""

EXPECTED = 12
"""With so many expected webhooks, none at all comes by chance less than once in 100,000 times (e^-12)."""

LEAST_ORDERS = 20
"""With fewer orders in a day, the share of orders with evidence says nothing."""

CHANCE = 0.001
"""A share of orders with evidence that is rarer than this by chance is a drop."""


AWAY = timedelta(minutes=2)
"""A step that comes this long after it was due was delayed by us: no worker ran, or it had no database."""


def was_away(due: datetime, now: datetime) -> bool:
    """Whether nobody watched between these times. What was expected then says nothing about the others."""
    return now - due > AWAY


class Kind(StrEnum):
    """What an alert is about. The values are stored."""

    CANARY = "canary"
    WEBHOOKS = "webhooks"
    EVIDENCE = "evidence"
    FORWARDS = "forwards"
    DISK = "disk"
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Counts:
    """Orders of a period, those of them with evidence of a click, and the human clicks of the period."""

    orders: int
    credited: int
    clicks: int
    days: int


def are_silent(earlier: Sequence[int]) -> bool:
    """Whether webhooks are silent against their habit.

    `earlier`: how many came in the same hours of each of the last WEEKS weeks as have now passed without any.
    One week may be an exception, such as a holiday or a sale.
    """
    return len(earlier) >= 2 and sorted(earlier)[1] >= EXPECTED


def has_dropped(now: Counts, habit: Counts) -> bool:
    """Whether the share of orders with evidence has dropped, although people click as they use to.

    Without a mailing, orders have no evidence: so both must have clicks, now at least half of the habit.
    """
    if now.orders < LEAST_ORDERS or habit.orders < LEAST_ORDERS or not habit.credited:
        return False
    if now.clicks / now.days * 2 < habit.clicks / habit.days:
        return False
    share = habit.credited / habit.orders
    return now.credited / now.orders < share / 2 and _at_most(now.credited, now.orders, share) < CHANCE


def _at_most(hits: int, tries: int, share: float) -> float:
    """The probability of so few hits (binomial distribution)."""
    if share >= 1:
        return 0.0 if hits < tries else 1.0
    return sum(
        exp(
            lgamma(tries + 1)
            - lgamma(k + 1)
            - lgamma(tries - k + 1)
            + k * log(share)
            + (tries - k) * log(1 - share)
        )
        for k in range(hits + 1)
    )


def changes(
    known: Collection[str], found: Collection[str], asked: Collection[str]
) -> tuple[set[str], set[str]]:
    """The kinds that begin and those that end. `known`: open ones; `asked`: those that could be examined."""
    return set(found) - set(known), (set(known) & set(asked)) - set(found)
