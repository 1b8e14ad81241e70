"""Attribution: which click earned an order, and why. Values in, a decision out; no clock, no store.

The highest rung of the ladder (evidence.py) with an eligible click names the buyer, and the account's model
(models.py) shares the order among the clicks of that contact: under `last` the last one has all of it.
Evidence that agrees raises the confidence; evidence for somebody else is kept with the decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from salepixel.accounts.policy import CLOCK_SKEW, Model, Policy
from salepixel.attribution.evidence import Evidence, Rung, agree, confidence_of
from salepixel.attribution.models import shares
from salepixel.clicks.tokens import Verdict
from salepixel.orders.order import Order
from salepixel.orders.outcome import Outcome, Reason

ATTRIBUTED = 0.9
"""From this confidence on an order is attributed."""

LIKELY = 0.6
"""From this confidence on it is likely; below it nobody is credited."""

LATER_CLICK = 0.75
"""How much less sure it is that the last click is the buyer's own when the order carries an earlier one.

The later one may come from somebody who got the mail forwarded, or an unseen scanner's: in 400 worlds of
the simulator it was the buyer's own in 299 of 419 cases (docs/adr/0015).
"""


_CREDITED = {
    Rung.TOKEN: Reason.CLICK_TOKEN_ON_ORDER,
    Rung.COOKIE: Reason.COOKIE_AT_PIXEL,
    Rung.COUPON: Reason.COUPON_OF_CONTACT,
    Rung.CUSTOMER: Reason.KNOWN_CUSTOMER,
    Rung.EMAIL: Reason.EMAIL_MATCH,
    Rung.ALIAS: Reason.ALIAS_MATCH,
    Rung.CAMPAIGN: Reason.CAMPAIGN_NAMED,
}
_ORDER = list(Rung)
_AT_THE_TILL = (Rung.TOKEN, Rung.COOKIE)
_BY_WHO_IT_IS = (Rung.CUSTOMER, Rung.EMAIL, Rung.ALIAS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Evidence as it was judged. `passed_over` is None for the one that was credited.

    `share` of the order that the model gives to its click: 1 for the credited one under the model `last`.
    """

    evidence: Evidence
    confidence: float
    passed_over: Reason | None
    share: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one order. `credited` is None when no click earned it.

    `forwarded`: somebody with another address bought, so the campaign is credited and no contact.
    `agreeing` and `conflicting`: rungs that speak for the same click or campaign, and for another contact.
    """

    outcome: Outcome
    reason: Reason
    policy: int
    candidates: tuple[Candidate, ...] = ()
    credited: Candidate | None = None
    model: Model = Model.LAST
    forwarded: bool = False
    agreeing: tuple[Rung, ...] = ()
    conflicting: tuple[Rung, ...] = ()

    @property
    def shares(self) -> tuple[Candidate, ...]:
        """The candidates that have a share of the order; their shares add up to 1."""
        return tuple(candidate for candidate in self.candidates if candidate.share)

    @property
    def contact(self) -> str:
        """The contact who is credited, empty for nobody."""
        return "" if self.credited is None or self.forwarded else self.credited.evidence.contact


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
    for item in sorted(evidence, key=lambda item: _rank(order, item)):
        refusal = _refusal(emp_id, order, item, policy) or _why_not_campaign(item, rest)
        (rest if refusal else eligible).append(Candidate(item, confidence_of(order, item), refusal))
    found = _judge(order, policy, eligible, rest)
    if not proven:
        return _none(found, Outcome.UNATTRIBUTED, Reason.PIXEL_ONLY)
    if order.replaces is not None:
        return _none(found, Outcome.UNATTRIBUTED, Reason.REPLACEMENT)
    # Where placing is enough, one that is cancelled unpaid was a sale, and is refunded on that day.
    is_sale = order.paid or policy.sale_when == "placed"
    if order.cancelled and not is_sale:
        return _none(found, Outcome.UNATTRIBUTED, Reason.CANCELLED)
    if not is_sale:
        return _none(found, Outcome.PENDING, Reason.UNPAID)
    if found.credited is None:
        return replace(found, reason=_why_none(rest, invalid_token))
    if found.credited.confidence < LIKELY:
        return _none(found, Outcome.UNATTRIBUTED, Reason.WEAK_EVIDENCE)
    return found


def _rank(order: Order, item: Evidence) -> tuple[int, bool, float, bytes, str, str]:
    clicked_at, click_id = (item.click.clicked_at.timestamp(), item.click.id) if item.click else (0.0, b"")
    rung = _ORDER.index(item.rung)
    return rung, _is_after(order, item), -clicked_at, click_id, item.campaign, item.contact


def _is_after(order: Order, item: Evidence) -> bool:
    """A click after the order, by whichever clock: it may have led to it only when no earlier one did."""
    return item.click is not None and item.click.clicked_at > order.placed_at


def _refusal(emp_id: int, order: Order, item: Evidence, policy: Policy) -> Reason | None:
    if item.click and item.click.emp_id != emp_id:
        return Reason.OTHER_ACCOUNT
    if not item.consent:
        return Reason.OPTED_OUT
    if item.click is None:
        return None
    if item.other_buyer:
        return Reason.OTHER_CONTACT
    # A token or a cookie at the till is the mark of a person, whatever the click looked like. A code is too,
    # but of the person, not of that click.
    if item.rung in (Rung.COUPON, *_BY_WHO_IT_IS) and item.verdict is Verdict.BOT:
        return Reason.BOT_CLICK
    if not item.sale_pixel:
        return Reason.NOT_A_SALES_LINK
    if item.click.clicked_at > order.placed_at + CLOCK_SKEW:
        return Reason.CLICK_AFTER_ORDER
    if item.click.clicked_at < order.placed_at - policy.window_of(item.campaign):
        return Reason.OUTSIDE_WINDOW
    return None


def _why_not_campaign(item: Evidence, refused: Sequence[Candidate]) -> Reason | None:
    """Why a campaign that the order names does not earn it: the click that brought it does not count."""
    if item.rung is Rung.CAMPAIGN:
        for one in refused:
            if one.evidence.rung in _AT_THE_TILL and one.evidence.campaign == item.campaign:
                return one.passed_over
    return None


def _judge(
    order: Order, policy: Policy, eligible: Sequence[Candidate], rest: Sequence[Candidate]
) -> Decision:
    if not eligible:
        return Decision(
            Outcome.UNATTRIBUTED, Reason.NO_CLICK, policy.version, tuple(rest), model=policy.model
        )
    strongest = eligible[0].evidence
    forwarded = strongest.other_address and not any(_knows_contact(e.evidence, strongest) for e in eligible)
    given = _shares(order, policy.model, eligible, forwarded=forwarded)
    place = max(given, key=lambda i: (given[i], _clicked(eligible[i])))
    won = eligible[place].evidence
    # Who bought is as sure as the strongest evidence says, whatever share the model gives to its click.
    surest = eligible[place if policy.model is Model.LAST else 0]
    best = {surest.evidence.rung: surest.confidence}
    for one in eligible:
        if _agrees(one.evidence, surest.evidence):
            best.setdefault(one.evidence.rung, one.confidence)
    is_elsewhere = policy.model is Model.LAST and place != 0 and won.rung not in _AT_THE_TILL
    confidence = round(agree(best.values()) * (LATER_CLICK if is_elsewhere else 1.0), 4)
    winner = replace(eligible[place], confidence=confidence, share=given[place])
    others = [
        replace(one, share=given[i])
        if i in given
        else replace(one, passed_over=_why_passed_over(one.evidence, won, policy.model))
        for i, one in enumerate(eligible)
        if i != place
    ]
    against = {one.evidence.rung for one in others if one.passed_over is Reason.OTHER_CONTACT}
    return Decision(
        Outcome.ATTRIBUTED if winner.confidence >= ATTRIBUTED else Outcome.LIKELY,
        _CREDITED[won.rung],
        policy.version,
        (winner, *others, *rest),
        winner,
        policy.model,
        forwarded,
        tuple(rung for rung in _ORDER if rung in best and rung is not won.rung),
        tuple(rung for rung in _ORDER if rung in against),
    )


def _agrees(one: Evidence, first: Evidence) -> bool:
    """Whether evidence of another rung says the same as the winner, as far as both say anything."""
    if one.rung is first.rung or one.campaign != first.campaign:
        return False
    if one.click and first.click:
        return one.click.id == first.click.id
    return not one.contact or not first.contact or one.contact == first.contact


def _knows_contact(one: Evidence, first: Evidence) -> bool:
    """Whether evidence that does not rest on who had the mail names the winner's contact."""
    return one.rung in (Rung.COUPON, *_BY_WHO_IT_IS) and one.contact == first.contact != ""


def _why_passed_over(one: Evidence, won: Evidence, model: Model) -> Reason:
    if one.contact and won.contact and one.contact != won.contact:
        return Reason.OTHER_CONTACT
    if model is not Model.LAST and one.click and one.click != won.click and one.contact == won.contact:
        return Reason.NOT_BY_MODEL
    is_earlier = one.click and won.click and one.click.clicked_at <= won.click.clicked_at
    return Reason.EARLIER_CLICK if one.rung is won.rung or is_earlier else Reason.WEAKER_EVIDENCE


def _clicked(candidate: Candidate) -> bytes:
    click = candidate.evidence.click
    return click.id if click else b""  # a click's id begins with its time


def _shares(
    order: Order, model: Model, eligible: Sequence[Candidate], *, forwarded: bool
) -> dict[int, Fraction]:
    """The places of the clicks that share the order, with their shares.

    The strongest evidence says who bought; the model shares the order among that contact's clicks: the one
    that the evidence is about, and those that a person made. Where it says no click or nobody, it is alone.
    So is a contact's own code under `last`: it says which mail was used.
    """
    strongest = eligible[0].evidence
    code_says = model is Model.LAST and strongest.rung is Rung.COUPON
    if strongest.click is None or forwarded or code_says or not strongest.contact:
        return {0: Fraction(1)}
    touches = {strongest.click.id: 0}
    for i, one in enumerate(eligible):
        click, same = one.evidence.click, one.evidence.contact == strongest.contact
        is_touch = one.evidence.verdict is Verdict.HUMAN and not _is_after(order, one.evidence)
        if click and same and is_touch:
            touches.setdefault(click.id, i)
    in_time = [touches[click_id] for click_id in sorted(touches)]
    times = [click.clicked_at for i in in_time if (click := eligible[i].evidence.click)]
    shared = zip(in_time, shares(model, times, order.placed_at), strict=True)
    return {i: share for i, share in shared if share}


def _none(found: Decision, outcome: Outcome, reason: Reason) -> Decision:
    """The same decision without anybody who is credited; its best candidate keeps being none's."""
    weak = reason if reason is Reason.WEAK_EVIDENCE else None
    candidates = tuple(
        replace(one, share=Fraction(0), passed_over=one.passed_over or weak) for one in found.candidates
    )
    return replace(
        found, outcome=outcome, reason=reason, candidates=candidates, credited=None, forwarded=False
    )


def _why_none(refused: Sequence[Candidate], invalid_token: bool) -> Reason:
    if refused and refused[0].passed_over:
        return refused[0].passed_over
    return Reason.INVALID_TOKEN if invalid_token else Reason.NO_CLICK
