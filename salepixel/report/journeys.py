"""Journeys: each contact's clicks, with or without an order after them, and the credit of each campaign.

Shapley and Markov use all journeys together. Both are correlational: they show which campaigns came before
orders. Only a holdout measures which orders would have been lost without a campaign.
"""

import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

from salepixel.accounts.policy import CLOCK_SKEW, Model, Policy
from salepixel.attribution.models import shares, split
from salepixel.money.amounts import allocate

SHAPLEY = "shapley"
MARKOV = "markov"

MAX_CAMPAIGNS = 12
MIN_ORDERS = 300
"""With more campaigns or fewer orders, the result of both models would be mostly chance."""

AN_ORDER = 1_000_000
"""Orders are credited in millionths, so that they add up exactly, like money."""

RESAMPLES = 200
_GROUPS = 200
_E_TO_MINUS_1 = math.exp(-1)
_SEED = 20261124
_START, _ORDER, _NOTHING = "(start)", "(order)", "(nothing)"  # no campaign id contains a bracket

_Key = TypeVar("_Key", str, tuple[str, str])

Path = tuple[str, ...]
Pattern = tuple[tuple[Path, bool], ...]
"""All journeys of one contact: their campaigns in order, and whether each led to an order."""


@dataclass(frozen=True, slots=True)
class Touch:
    """A human click on a sales link."""

    click_id: bytes
    clicked_at: datetime
    campaign: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """A credited order with its click. `net`: its net revenue, in minor units of `currency`."""

    placed_at: datetime
    currency: str
    net: int
    credited: Touch


@dataclass(frozen=True, slots=True)
class Journey:
    """Clicks in time order, at least one, and the order they led to, or None."""

    touches: tuple[Touch, ...]
    purchase: Purchase | None


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a model has no result: `too_few_orders` or `too_many_campaigns`, with the number and the limit."""

    reason: str
    have: int
    limit: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A campaign's share of all credited orders, with the ends of its 95 % bootstrap interval."""

    share: float
    low: float
    high: float


def journeys_of(
    touches: Sequence[Touch],
    purchases: Sequence[Purchase],
    first: datetime,
    last: datetime,
    policy: Policy,
) -> list[Journey]:
    """One contact's journeys in a period, from its clicks in time order and its orders.

    Each order of the period has a journey: the clicks before it within the attribution window of their
    campaign, and always its credited click. Clicks of the period without an order within their window make
    one journey without an order. So the caller must also pass the orders of one longest window after the
    period, and the clicks of one longest window before it.
    """
    found: list[Journey] = []
    used: set[bytes] = set()
    # Only for this contact's campaigns: an account may have a thousand campaigns with their own window.
    windows = {touch.campaign: policy.window_of(touch.campaign) for touch in touches} if purchases else {}
    for purchase in sorted(purchases, key=lambda purchase: purchase.placed_at):
        before = _before(touches, purchase, windows)
        used.update(touch.click_id for touch in before)
        if first <= purchase.placed_at < last:
            found.append(Journey(before, purchase))
    rest = tuple(t for t in touches if t.click_id not in used and first <= t.clicked_at < last)
    return [*found, Journey(rest, None)] if rest else found


def _before(
    touches: Sequence[Touch], purchase: Purchase, windows: Mapping[str, timedelta]
) -> tuple[Touch, ...]:
    placed_at, until = purchase.placed_at, purchase.placed_at + CLOCK_SKEW
    since = placed_at - max(windows.values(), default=timedelta())
    from_there = bisect_left(touches, since, key=lambda touch: touch.clicked_at)
    before = {
        touch.click_id: touch
        for touch in touches[from_there:]
        if placed_at - windows[touch.campaign] <= touch.clicked_at <= until
    }
    before[purchase.credited.click_id] = purchase.credited
    return tuple(sorted(before.values(), key=lambda touch: (touch.clicked_at, touch.click_id)))


@dataclass(slots=True)
class Tally:
    """The credit of each campaign in all journeys.

    Contacts are added one by one and only sums are kept: `orders` in millionths by (model, campaign),
    `money` in minor units by (model, campaign, currency), `patterns` counts contacts with the same journeys.
    """

    purchases: int = 0
    orders: Counter[tuple[str, str]] = field(default_factory=Counter)
    money: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    patterns: Counter[Pattern] = field(default_factory=Counter)

    def add(self, journeys: Sequence[Journey]) -> None:
        """Add all journeys of one contact."""
        for journey in journeys:
            if journey.purchase is not None:
                self._credit(journey.touches, journey.purchase)
        self.patterns[tuple((_path(journey), journey.purchase is not None) for journey in journeys)] += 1

    @property
    def campaigns(self) -> list[str]:
        """The campaigns that occur in any journey."""
        return sorted({campaign for pattern in self.patterns for path, _ in pattern for campaign in path})

    def shortage(self) -> Shortage | None:
        """Why Shapley and Markov have no result; None if they have enough data."""
        if self.purchases < MIN_ORDERS:
            return Shortage("too_few_orders", self.purchases, MIN_ORDERS)
        if len(self.campaigns) > MAX_CAMPAIGNS:
            return Shortage("too_many_campaigns", len(self.campaigns), MAX_CAMPAIGNS)
        return None

    def credit_together(self) -> dict[str, dict[str, Interval]]:
        """Add the credit by Shapley and Markov; gives each campaign's share by both, with its interval.

        Call it once, after all contacts were added, and only if there is no `shortage`.
        """
        for path, count in self._converted().items():
            named = sorted(set(path))
            self._give(SHAPLEY, named, split(AN_ORDER * count, [Fraction(1, len(named))] * len(named)))
        removed = markov_shares(self.patterns)
        weights = [round(removed[campaign] * 10**12) for campaign in self.campaigns]
        self._give(MARKOV, self.campaigns, allocate(AN_ORDER * self.purchases, weights))
        for currency, total in self.totals.items():
            for campaign, part in zip(self.campaigns, allocate(total, weights), strict=True):
                self.money[MARKOV, campaign, currency] += part
        return intervals(self.patterns)

    def _converted(self) -> Counter[Path]:
        found: Counter[Path] = Counter()
        for pattern, count in self.patterns.items():
            for path, converted in pattern:
                found[path] += count * converted
        return +found

    def _give(self, model: str, campaigns: Sequence[str], parts: Sequence[int]) -> None:
        for campaign, part in zip(campaigns, parts, strict=True):
            self.orders[model, campaign] += part

    def _credit(self, touches: Sequence[Touch], purchase: Purchase) -> None:
        self.purchases += 1
        self.totals[purchase.currency] += purchase.net
        named = [touch.campaign for touch in touches]
        times = [touch.clicked_at for touch in touches]
        for model in Model:
            parts = shares(model, times, purchase.placed_at)
            self._give(model, named, split(AN_ORDER, parts))
            self._pay(model, named, split(purchase.net, parts), purchase.currency)
        distinct = sorted(set(named))
        equal = [Fraction(1, len(distinct))] * len(distinct)
        self._pay(SHAPLEY, distinct, split(purchase.net, equal), purchase.currency)

    def _pay(self, model: str, campaigns: Sequence[str], parts: Sequence[int], currency: str) -> None:
        for campaign, part in zip(campaigns, parts, strict=True):
            self.money[model, campaign, currency] += part


def shapley_shares(patterns: Mapping[Pattern, float]) -> dict[str, float]:
    """Each campaign's share of the orders by its Shapley value; all zero if there is no order.

    The game: v(S) is the number of orders whose journeys contain only campaigns of S. Each order with the
    campaigns T is a unanimity game, whose value is 1/|T| for each member of T (Shapley, "A value for n-person
    games", 1953). So the sum is linear credit over distinct campaigns. Zhao, Mahboobi and Bagheri (arXiv
    1804.05327, 2018) give this short form for advertising. The tests compare it with the sum over all
    coalitions.
    """
    return _in_shares(_equal_credit(patterns))


def _equal_credit(patterns: Mapping[Pattern, float]) -> dict[str, float]:
    """Orders by campaign, each shared equally among its different campaigns."""
    credited: dict[str, float] = {}
    for pattern, contacts in patterns.items():
        for path, converted in pattern:
            distinct = sorted(set(path))
            for campaign in distinct:
                part = contacts * converted / len(distinct)
                credited[campaign] = credited.get(campaign, 0.0) + part
    return credited


def markov_shares(patterns: Mapping[Pattern, float]) -> dict[str, float]:
    """Each campaign's share of the orders by its removal effect; all zero if there is no order.

    The journeys are paths of a first-order Markov chain, from a start through campaigns to an order or to no
    order. The probability of a step is its share among all journeys (Anderl, Becker, von Wangenheim and
    Schumann, "Mapping the customer journey", International Journal of Research in Marketing 33, 2016).
    Removing a campaign ends every journey that reaches it. So its effect is
    P(visited) * P(order from there) / P(order from the start). The effects are scaled to add up to 1. The
    probabilities follow from the fundamental matrix N of the chain (Kemeny and Snell, "Finite Markov chains",
    1960, chapter 3): P(visited) = N[start, i] / N[i, i].
    """
    return _removal_effects(_steps(patterns))


def _removal_effects(steps: Mapping[tuple[str, str], float]) -> dict[str, float]:
    campaigns = sorted({state for pair in steps for state in pair} - {_START, _ORDER, _NOTHING})
    states = [_START, *campaigns]
    leaving = {state: sum(n for (there, _), n in steps.items() if there == state) for state in states}
    inverse = _inverse([[(a == b) - _probability(steps, leaving, a, b) for b in states] for a in states])
    # N sums powers of probabilities, so a negative value is a rounding error of the elimination (-6e-17).
    visits = [[max(0.0, n) for n in row] for row in inverse]
    ends = [_probability(steps, leaving, state, _ORDER) for state in states]
    orders = [sum(n * end for n, end in zip(row, ends, strict=True)) for row in visits]
    effects = {campaign: visits[0][i] / visits[i][i] * orders[i] for i, campaign in enumerate(states) if i}
    return _in_shares(effects)


def _steps(patterns: Mapping[Pattern, float]) -> dict[tuple[str, str], float]:
    """The number of steps between each two states. Successive clicks of one campaign change no result."""
    steps: dict[tuple[str, str], float] = {}
    for pattern, contacts in patterns.items():
        for path, converted in pattern:
            for step in pairwise((_START, *path, _ORDER if converted else _NOTHING)):
                steps[step] = steps.get(step, 0) + contacts
    return steps


def _probability(
    steps: Mapping[tuple[str, str], float], leaving: Mapping[str, float], here: str, there: str
) -> float:
    return steps.get((here, there), 0) / leaving[here] if leaving[here] else 0.0


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """The inverse, by Gauss-Jordan with pivots. It exists, because every state here reaches an end."""
    n = len(matrix)
    rows = [[*row, *(float(i == j) for j in range(n))] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(n):
            if k != i and rows[k][i]:
                factor = rows[k][i]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[n:] for row in rows]


def intervals(patterns: Mapping[Pattern, int]) -> dict[str, dict[str, Interval]]:
    """Shares by Shapley and Markov with 95 % percentile intervals of a bootstrap by contact.

    Contacts are divided into 200 groups at random, and each group counts Poisson(1) times in a resample
    (Chamandy, Muralidharan, Najmi and Naidu, "Estimating uncertainty for massive data streams", 2012). So the
    journeys of a contact stay together, and the work does not grow with the number of contacts. The seed is
    fixed, so the same journeys give the same intervals.
    """
    chance = random.Random(_SEED)  # noqa: S311  # for statistics, not a secret
    groups = _groups(patterns, chance)
    steps, credited = [_steps(group) for group in groups], [_equal_credit(group) for group in groups]
    drawn: dict[str, list[dict[str, float]]] = {SHAPLEY: [], MARKOV: []}
    for _ in range(RESAMPLES):
        times = [_poisson_of_one(chance) for _ in groups]
        drawn[SHAPLEY].append(_in_shares(_weighted_sum(times, credited)))
        drawn[MARKOV].append(_removal_effects(_weighted_sum(times, steps)))
    whole = {SHAPLEY: shapley_shares(patterns), MARKOV: markov_shares(patterns)}
    return {
        model: {
            campaign: _interval(share, sorted(one.get(campaign, 0.0) for one in drawn[model]))
            for campaign, share in shares_of.items()
        }
        for model, shares_of in whole.items()
    }


def _groups(patterns: Mapping[Pattern, int], chance: random.Random) -> list[Counter[Pattern]]:
    groups: list[Counter[Pattern]] = [Counter() for _ in range(_GROUPS)]
    for pattern, count in sorted(patterns.items()):
        for _ in range(count):
            groups[int(chance.random() * _GROUPS)][pattern] += 1
    return groups


def _weighted_sum(times: Sequence[int], groups: Sequence[Mapping[_Key, float]]) -> dict[_Key, float]:
    total: dict[_Key, float] = {}
    for n, group in zip(times, groups, strict=True):
        if n:
            for key, value in group.items():
                total[key] = total.get(key, 0.0) + n * value
    return total


def _interval(share: float, drawn: Sequence[float]) -> Interval:
    tail = len(drawn) // 40
    return Interval(share, drawn[tail], drawn[-1 - tail])


def _poisson_of_one(chance: random.Random) -> int:
    """A Poisson number with the mean 1, by Knuth's product of uniforms."""
    count, product = 0, chance.random()
    while product > _E_TO_MINUS_1:
        count += 1
        product *= chance.random()
    return count


def _in_shares(credited: Mapping[str, float]) -> dict[str, float]:
    total = sum(credited.values())
    return {campaign: value / total if total else 0.0 for campaign, value in credited.items()}


def _path(journey: Journey) -> Path:
    """The campaigns in order; successive clicks of one campaign count once."""
    named = [touch.campaign for touch in journey.touches]
    return tuple(name for i, name in enumerate(named) if i == 0 or named[i - 1] != name)


def tally(contacts: Iterable[Sequence[Journey]]) -> Tally:
    """The tally of all contacts' journeys."""
    found = Tally()
    for journeys in contacts:
        found.add(journeys)
    return found
