"""Scores the decisions: precision, recall, calibration, and two baselines on the same journeys."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from truth.play import Answer
from truth.world import CODES_IN, Click, Order

BINS = 10
RESAMPLES = 1000

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One order with its truth and its decision; `click` is the id of the true click."""

    seed: int
    order: Order
    answer: Answer
    click: str | None
    code_click: str | None = None

    def is_right(self, level: str) -> bool:
        """Whether the decision agrees with the truth on the level "click", "contact" or "campaign".

        If a code was used, the e-mail with this code is right too, with its own click or without a click.
        """
        truth, answer = self.order.truth, self.answer
        if truth.campaign is None or answer.campaign is None:
            return False
        if level == "contact":
            return truth.contact == answer.contact
        by_click = truth.campaign == answer.campaign and (self.click == answer.click or level == "campaign")
        by_code = truth.code_used and answer.campaign == CODES_IN
        return by_click or (by_code and (level == "campaign" or answer.click in (None, self.code_click)))

    def has_truth(self, level: str) -> bool:
        """Whether the truth has a value on this level; the buyer of a forwarded e-mail is not a contact."""
        return self.is_earned and (level != "contact" or self.order.truth.contact is not None)

    def has_answer(self, level: str) -> bool:
        """Whether the decision has a value on this level; for a forwarded e-mail it names no contact."""
        return self.is_credited and (level != "contact" or self.answer.contact is not None)

    @property
    def is_earned(self) -> bool:
        """Whether the order belongs to an e-mail."""
        return self.order.truth.campaign is not None

    @property
    def is_credited(self) -> bool:
        """Whether the decision credits an e-mail."""
        return self.answer.campaign is not None


Weight = Callable[[Result], Decimal]


def one_each(_: Result) -> Decimal:
    """Weigh every order equally."""
    return Decimal(1)


def by_revenue(result: Result) -> Decimal:
    """Weigh an order by its revenue."""
    return result.order.amount


def precision(results: Iterable[Result], level: str = "click", weight: Weight = one_each) -> float:
    """The share of credited orders that is right; 1 if none is credited."""
    return _share((weight(r), r.is_right(level)) for r in results if r.has_answer(level))


def recall(results: Iterable[Result], level: str = "click", weight: Weight = one_each) -> float:
    """The share of orders that belong to an e-mail and were credited correctly."""
    return _share((weight(r), r.is_right(level)) for r in results if r.has_truth(level))


def cross_site_recall(results: Iterable[Result]) -> float:
    """The recall of the classic pixel: a third-party cookie, on the thank-you page in the same browser."""
    return _share((Decimal(1), _pixel_sees(r.order, cross_site=True)) for r in results if r.is_earned)


def same_site_recall(results: Iterable[Result]) -> float:
    """The recall of a pixel alone on the shop's own sub-domain."""
    return _share((Decimal(1), _pixel_sees(r.order, cross_site=False)) for r in results if r.is_earned)


def _pixel_sees(order: Order, *, cross_site: bool) -> bool:
    """Whether a pixel credits the right click: its newest cookie belongs to the true click."""
    browser, earned = order.browser, order.truth.click
    has_cookie = browser.cross_site_cookie if cross_site else browser.same_site_cookie
    shown = order.cookies and browser.runs_tag and order.thanks_seen
    newest = earned is not None and _is_newest(order, earned)
    return has_cookie and shown and newest and order.on_same_device


def _is_newest(order: Order, earned: Click) -> bool:
    return order.last is None or order.last == earned or order.last.device != order.device


def _share(weighed: Iterable[tuple[Decimal, bool]]) -> float:
    whole = right = Decimal(0)
    for weight, is_right in weighed:
        whole += weight
        right += weight if is_right else 0
    return float(right / whole) if whole else 1.0


def calibration_error(results: Iterable[Result]) -> float:
    """The expected calibration error of credited orders, in ten bins of confidence, on the level click."""
    bins: dict[int, list[Result]] = {}
    for result in results:
        if result.is_credited:
            bins.setdefault(min(int(result.answer.confidence * BINS), BINS - 1), []).append(result)
    count = sum(map(len, bins.values()))
    gaps = (abs(sum(r.answer.confidence - r.is_right("click") for r in some)) for some in bins.values())
    return sum(gaps) / count if count else 0.0


def brier(results: Iterable[Result]) -> float:
    """The Brier score: the mean squared distance between confidence and correctness."""
    found = [(r.answer.confidence - r.is_right("click")) ** 2 for r in results if r.is_credited]
    return sum(found) / len(found) if found else 0.0


def interval(results: Sequence[Result], figure: Callable[[Sequence[Result]], float]) -> tuple[float, float]:
    """The 95 % interval of a figure: percentiles of bootstrap samples of whole seeds."""
    by_seed: dict[int, list[Result]] = {}
    for result in results:
        by_seed.setdefault(result.seed, []).append(result)
    worlds = list(by_seed.values())
    chance = random.Random(7)  # noqa: S311  # an estimate, no secret
    figures = sorted(
        figure([one for world in chance.choices(worlds, k=len(worlds)) for one in world])
        for _ in range(RESAMPLES)
    )
    return figures[int(RESAMPLES * 0.025)], figures[int(RESAMPLES * 0.975) - 1]
