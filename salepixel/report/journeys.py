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
from typing import Any
from zlib import crc32

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

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Touch:
    """A human click on a sales link."""

    click_id: bytes
    clicked_at: datetime
    campaign: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """A credited order with its click. `net`: its net revenue, in minor units of `currency`.

    `contact`: the buyer, or empty.
    """

    placed_at: datetime
    currency: str
    net: int
    credited: Touch
    contact: str = ""


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


@dataclass(frozen=True, slots=True)
class Resample:
    """The shares of campaigns in one resample of the bootstrap."""

    shapley: dict[str, float]
    markov: dict[str, float]


@dataclass(slots=True)
class Paths:
    """The journeys of some contacts, as Shapley and Markov need them.

    `steps`: how often a campaign follows another one; successive clicks of one campaign count once.
    `bought`: orders by the different campaigns of their journey, sorted.
    """

    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    bought: Counter[Path] = field(default_factory=Counter)

    def add(self, campaigns: Sequence[str], *, is_bought: bool, times: int = 1) -> None:
        """Add a journey: its campaigns in order, and whether it led to an order."""
        path = [name for i, name in enumerate(campaigns) if i == 0 or campaigns[i - 1] != name]
        for step in pairwise((_START, *path, _ORDER if is_bought else _NOTHING)):
            self.steps[step] += times
        if is_bought:
            self.bought[tuple(sorted(set(path)))] += times

    @property
    def campaigns(self) -> set[str]:
        """The campaigns that occur in any journey."""
        return {state for pair in self.steps for state in pair} - {_START, _ORDER, _NOTHING}


@dataclass(slots=True)
class Tally:
    """The credit of each campaign in all journeys.

    Contacts are added one by one and only sums are kept: `orders` in millionths by (model, campaign),
    `money` in minor units by (model, campaign, currency), `groups` of contacts at random for Shapley and
    Markov, and `resamples` of these. With more than MAX_CAMPAIGNS there are no groups. So it stays small.
    """

    purchases: int = 0
    orders: Counter[tuple[str, str]] = field(default_factory=Counter)
    money: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    groups: dict[int, Paths] = field(default_factory=dict)
    resamples: list[Resample] = field(default_factory=list)

    def add(self, contact: str, journeys: Sequence[Journey]) -> None:
        """Add all journeys of one contact. `contact`: a text that no other has; it decides the group."""
        for journey in journeys:
            if journey.purchase is not None:
                self._credit(journey.touches, journey.purchase)
            self.seen.update(touch.campaign for touch in journey.touches)
        if len(self.seen) > MAX_CAMPAIGNS:
            self.groups.clear()
            return
        # By a checksum, not by a random number: the result does not depend on the sequence of the contacts.
        group = self.groups.setdefault(crc32(contact.encode()) % _GROUPS, Paths())
        for journey in journeys:
            named = [touch.campaign for touch in journey.touches]
            group.add(named, is_bought=journey.purchase is not None)

    @property
    def campaigns(self) -> list[str]:
        """The campaigns that occur in any journey."""
        return sorted(self.seen)

    def shortage(self) -> Shortage | None:
        """Why Shapley and Markov have no result; None if they have enough data."""
        if self.purchases < MIN_ORDERS:
            return Shortage("too_few_orders", self.purchases, MIN_ORDERS)
        if len(self.seen) > MAX_CAMPAIGNS:
            return Shortage("too_many_campaigns", len(self.seen), MAX_CAMPAIGNS)
        return None

    def credit_together(self) -> dict[str, dict[str, Interval]]:
        """Add the credit by Shapley and Markov; returns each campaign's share by both, with its interval.

        Call it once, after all contacts were added, and only if there is no `shortage`.
        """
        whole = together(self.groups.values())
        for named, count in sorted(whole.bought.items()):
            self._give(SHAPLEY, named, split(AN_ORDER * count, [Fraction(1, len(named))] * len(named)))
        removed = markov_shares(whole)
        weights = [round(removed[campaign] * 10**12) for campaign in self.campaigns]
        self._give(MARKOV, self.campaigns, allocate(AN_ORDER * self.purchases, weights))
        for currency, total in self.totals.items():
            for campaign, part in zip(self.campaigns, allocate(total, weights), strict=True):
                self.money[MARKOV, campaign, currency] += part
        return intervals(self.groups, self.resamples)

    def as_json(self) -> dict[str, Any]:
        """The tally as JSON, so that a computation can resume."""
        return {
            "purchases": self.purchases,
            "orders": [[*key, n] for key, n in self.orders.items()],
            "money": [[*key, n] for key, n in self.money.items()],
            "totals": dict(self.totals),
            "seen": sorted(self.seen),
            "groups": [
                [
                    n,
                    [[*step, k] for step, k in one.steps.items()],
                    [[*path, k] for path, k in one.bought.items()],
                ]
                for n, one in self.groups.items()
            ],
            "resamples": [[one.shapley, one.markov] for one in self.resamples],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Tally":
        """The tally from the JSON of `as_json`."""
        groups = {
            n: Paths(_counter(steps), Counter({tuple(path): k for *path, k in bought}))
            for n, steps, bought in content["groups"]
        }
        return cls(
            content["purchases"],
            _counter(content["orders"]),
            Counter({(model, campaign, currency): n for model, campaign, currency, n in content["money"]}),
            Counter(content["totals"]),
            set(content["seen"]),
            groups,
            [Resample(shapley, markov) for shapley, markov in content["resamples"]],
        )

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


def _counter(rows: Sequence[tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    return Counter({(first, second): n for first, second, n in rows})


def together(some: Iterable[Paths]) -> Paths:
    """All journeys of these groups together."""
    whole = Paths()
    for one in some:
        whole.steps.update(one.steps)
        whole.bought.update(one.bought)
    return whole


def shapley_shares(paths: Paths) -> dict[str, float]:
    """Each campaign's share of the orders by its Shapley value; all zero if there is no order.

    The game: v(S) is the number of orders whose journeys contain only campaigns of S. Each order with the
    campaigns T is a unanimity game, whose value is 1/|T| for each member of T (Shapley, "A value for n-person
    games", 1953). So the sum is linear credit over distinct campaigns. Zhao, Mahboobi and Bagheri (arXiv
    1804.05327, 2018) give this short form for advertising. The tests compare it with the sum over all
    coalitions.
    """
    return _equal_shares(paths.campaigns, paths.bought)


def _equal_shares(campaigns: Iterable[str], bought: Mapping[Path, int]) -> dict[str, float]:
    """Orders by campaign as shares of all, each order shared equally among its different campaigns."""
    credited = dict.fromkeys(sorted(campaigns), 0.0)
    for path, orders in sorted(bought.items()):
        for campaign in path:
            credited[campaign] += orders / len(path)
    return _in_shares(credited)


def markov_shares(paths: Paths) -> dict[str, float]:
    """Each campaign's share of the orders by its removal effect; all zero if there is no order.

    The journeys are paths of a first-order Markov chain, from a start through campaigns to an order or to no
    order. The probability of a step is its share among all journeys (Anderl, Becker, von Wangenheim and
    Schumann, "Mapping the customer journey", International Journal of Research in Marketing 33, 2016).
    Removing a campaign ends every journey that reaches it. So its effect is
    P(visited) * P(order from there) / P(order from the start). The effects are scaled to add up to 1. The
    probabilities follow from the fundamental matrix N of the chain (Kemeny and Snell, "Finite Markov chains",
    1960, chapter 3): P(visited) = N[start, i] / N[i, i].
    """
    return _removal_effects(paths.campaigns, paths.steps)


def _removal_effects(named: Iterable[str], steps: Mapping[tuple[str, str], int]) -> dict[str, float]:
    campaigns = sorted(named)
    states = [_START, *campaigns]
    leaving: Counter[str] = Counter()
    for (here, _), n in steps.items():
        leaving[here] += n
    inverse = _inverse([[(a == b) - _probability(steps, leaving, a, b) for b in states] for a in states])
    # N sums powers of probabilities, so a negative value is a rounding error of the elimination (-6e-17).
    visits = [[max(0.0, n) for n in row] for row in inverse]
    ends = [_probability(steps, leaving, state, _ORDER) for state in states]
    orders = [sum(n * end for n, end in zip(row, ends, strict=True)) for row in visits]
    effects = {campaign: visits[0][i] / visits[i][i] * orders[i] for i, campaign in enumerate(states) if i}
    return _in_shares(effects)


def _probability(
    steps: Mapping[tuple[str, str], int], leaving: Mapping[str, int], here: str, there: str
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


def resample(groups: Mapping[int, Paths], number: int) -> Resample:
    """The shares in resample `number`: each group counts Poisson(1) times. The same each time."""
    chance = random.Random(f"{_SEED} {number}")  # noqa: S311  # for statistics, not a secret
    steps: Counter[tuple[str, str]] = Counter()
    bought: Counter[Path] = Counter()
    for one in (groups[n] for n in sorted(groups)):
        if times := _poisson_of_one(chance):
            for step, n in one.steps.items():
                steps[step] += times * n
            for path, n in one.bought.items():
                bought[path] += times * n
    drawn = Paths(steps, bought)
    return Resample(shapley_shares(drawn), markov_shares(drawn))


def intervals(
    groups: Mapping[int, Paths], resamples: Sequence[Resample] = ()
) -> dict[str, dict[str, Interval]]:
    """Shares by Shapley and Markov with 95 % percentile intervals of a bootstrap by contact.

    Contacts are divided into 200 groups at random, and each group counts Poisson(1) times in a resample
    (Chamandy, Muralidharan, Najmi and Naidu, "Estimating uncertainty for massive data streams", 2012). So the
    journeys of a contact stay together, and the work does not grow with the number of contacts. The seed is
    fixed, so the same journeys give the same intervals. `resamples`: the first ones, if they are known.
    """
    drawn = [*resamples, *(resample(groups, n) for n in range(len(resamples), RESAMPLES))]
    whole = together(groups.values())
    return {
        model: {
            campaign: _interval(share, sorted(shares.get(campaign, 0.0) for shares in of_model))
            for campaign, share in shares_of.items()
        }
        for model, shares_of, of_model in (
            (SHAPLEY, shapley_shares(whole), [one.shapley for one in drawn]),
            (MARKOV, markov_shares(whole), [one.markov for one in drawn]),
        )
    }


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


def tally(contacts: Iterable[tuple[str, Sequence[Journey]]]) -> Tally:
    """The tally of all contacts' journeys. Each contact has a text that no other has."""
    found = Tally()
    for contact, journeys in contacts:
        found.add(contact, journeys)
    return found
