"""Attribution: which click earned an order, and why. Values in, a decision out; no clock, no store.

The ladder of evidence, strongest first. The highest rung with an eligible click wins, and on that rung
the last click before the order; everything that was looked at stays in the decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from salepixel.clicks import Click, Verdict
from salepixel.orders import Order

CLOCK_SKEW = timedelta(minutes=5)
"""A click may be this much later than its order and still have led to it: two machines, two clocks."""


class Rung(StrEnum):
    """Why a click may have earned an order, strongest first."""

    TOKEN = "token"
    COOKIE = "cookie"
    EMAIL = "email"


class Outcome(StrEnum):
    """What became of an order."""

    ATTRIBUTED = "attributed"
    LIKELY = "likely"
    UNATTRIBUTED = "unattributed"
    PENDING = "pending"


class Reason(StrEnum):
    """The one reason of a decision, or why a candidate was passed over."""

    CLICK_TOKEN_ON_ORDER = "click_token_on_order"
    COOKIE_AT_PIXEL = "cookie_at_pixel"
    EMAIL_MATCH = "email_match"
    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    NO_CLICK = "no_click"
    INVALID_TOKEN = "invalid_token"
    OTHER_ACCOUNT = "other_account"
    NOT_A_SALES_LINK = "not_a_sales_link"
    CLICK_AFTER_ORDER = "click_after_order"
    OUTSIDE_WINDOW = "outside_window"
    MACHINE_CLICK = "machine_click"
    PIXEL_IS_NO_PROOF = "pixel_is_no_proof"
    EARLIER_CLICK = "earlier_click"
    WEAKER_EVIDENCE = "weaker_evidence"


_CREDITED = {
    Rung.TOKEN: Reason.CLICK_TOKEN_ON_ORDER,
    Rung.COOKIE: Reason.COOKIE_AT_PIXEL,
    Rung.EMAIL: Reason.EMAIL_MATCH,
}
_ORDER = list(Rung)


@dataclass(frozen=True, slots=True)
class Policy:
    """The account's rule. `version` is written into every decision made by it."""

    version: int = 1
    window: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A click and the rung on which it was found. `sale_pixel`: its link may earn sales."""

    rung: Rung
    click: Click
    verdict: Verdict = Verdict.UNKNOWN
    sale_pixel: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """Evidence as it was judged. `passed_over` is None for the one that was credited."""

    evidence: Evidence
    confidence: float
    passed_over: Reason | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one order. `credited` is None when no click earned it."""

    outcome: Outcome
    reason: Reason
    policy: int
    candidates: tuple[Candidate, ...] = ()
    credited: Candidate | None = None


def decide(
    emp_id: int,
    order: Order,
    evidence: Sequence[Evidence],
    policy: Policy,
    *,
    invalid_token: bool = False,
    proven: bool = True,
) -> Decision:
    """Decide which click earned an order of account `emp_id`.

    `invalid_token`: the order carries a click token that could not be opened. `proven` is False for an
    order known from the pixel alone in an account that has a shop connected: it makes no money.
    """
    eligible: list[Candidate] = []
    rest: list[Candidate] = []
    for item in sorted(evidence, key=_rank):
        refusal = _refusal(emp_id, order, item, policy)
        (rest if refusal else eligible).append(Candidate(item, _confidence(order, item), refusal))
    candidates: tuple[Candidate, ...] = (*_passed_over(eligible), *rest)
    if not proven:
        return Decision(Outcome.UNATTRIBUTED, Reason.PIXEL_IS_NO_PROOF, policy.version, candidates)
    if order.cancelled and not order.paid:
        return Decision(Outcome.UNATTRIBUTED, Reason.CANCELLED, policy.version, candidates)
    if not order.paid:
        return Decision(Outcome.PENDING, Reason.UNPAID, policy.version, candidates)
    if not eligible:
        return Decision(Outcome.UNATTRIBUTED, _why_none(rest, invalid_token), policy.version, candidates)
    winner = eligible[0]
    outcome = Outcome.ATTRIBUTED if winner.confidence >= 0.9 else Outcome.LIKELY
    return Decision(outcome, _CREDITED[winner.evidence.rung], policy.version, candidates, winner)


def _rank(item: Evidence) -> tuple[int, float, bytes]:
    return _ORDER.index(item.rung), -item.click.clicked_at.timestamp(), item.click.id


def _refusal(emp_id: int, order: Order, item: Evidence, policy: Policy) -> Reason | None:
    clicked_at = item.click.clicked_at
    if item.click.emp_id != emp_id:
        return Reason.OTHER_ACCOUNT
    # A token or a cookie at the till is the mark of a person, whatever the click looked like.
    if item.rung is Rung.EMAIL and item.verdict is Verdict.MACHINE:
        return Reason.MACHINE_CLICK
    if not item.sale_pixel:
        return Reason.NOT_A_SALES_LINK
    if clicked_at > order.placed_at + CLOCK_SKEW:
        return Reason.CLICK_AFTER_ORDER
    if clicked_at < order.placed_at - policy.window:
        return Reason.OUTSIDE_WINDOW
    return None


def _confidence(order: Order, item: Evidence) -> float:
    """Start values of the ladder; an e-mail match halves in 14 days, not below one half.

    When it may have been a machine that clicked, the match is worth half of that.
    """
    if item.rung is Rung.TOKEN:
        return 0.99
    if item.rung is Rung.COOKIE:
        return 0.97
    days = max(0.0, (order.placed_at - item.click.clicked_at) / timedelta(days=1))
    whose = 0.5 if item.verdict is Verdict.UNKNOWN else 1.0
    return round(whose * max(0.5, 0.9 * 2 ** (-days / 14)), 4)


def _passed_over(eligible: Sequence[Candidate]) -> list[Candidate]:
    if not eligible:
        return []
    first = eligible[0]
    others = []
    for other in eligible[1:]:
        same_rung = other.evidence.rung is first.evidence.rung
        why = Reason.EARLIER_CLICK if same_rung else Reason.WEAKER_EVIDENCE
        others.append(Candidate(other.evidence, other.confidence, why))
    return [first, *others]


def _why_none(refused: Sequence[Candidate], invalid_token: bool) -> Reason:
    if refused and refused[0].passed_over:
        return refused[0].passed_over
    return Reason.INVALID_TOKEN if invalid_token else Reason.NO_CLICK
