"""Attribution: which click earned an order, and why. Values in, a decision out; no clock, no store.

The strongest kind of evidence (the highest rung in evidence.py) with an eligible click identifies the buyer.
The account's model (models.py) divides the order among that contact's clicks: under `last`, the last click
gets all of it. Evidence that agrees raises the confidence. Evidence for another contact is stored with the
decision.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from salepixel.accounts.policy import CLOCK_SKEW, Model, Policy
from salepixel.attribution.evidence import Evidence, Rung, agree, confidence_of
from salepixel.attribution.models import ALL, NOTHING, shares
from salepixel.clicks.tokens import Verdict
from salepixel.orders.order import Order
from salepixel.orders.outcome import Outcome, Reason

ATTRIBUTED = 0.9
"""The lowest confidence of an attributed order."""

LIKELY = 0.6
"""The lowest confidence of a likely order. Below it no click is credited."""

LATER_CLICK = 0.75
"""Multiplies the confidence when the credited click is later than the click that the order carries.

The later click may belong to a scanner, or to somebody with a forwarded e-mail: in 400 worlds of the
simulator, the buyer made it in 299 of 419 cases (docs/adr/0015).
"""

REASON_OF_RUNG = {
    Rung.TOKEN: Reason.CLICK_TOKEN_ON_ORDER,
    Rung.COOKIE: Reason.COOKIE_AT_PIXEL,
    Rung.COUPON: Reason.COUPON_OF_CONTACT,
    Rung.CUSTOMER: Reason.KNOWN_CUSTOMER,
    Rung.EMAIL: Reason.EMAIL_MATCH,
    Rung.ALIAS: Reason.ALIAS_MATCH,
    Rung.CAMPAIGN: Reason.CAMPAIGN_NAMED,
}
_ORDER = list(Rung)
_RANKS = {rung: rank for rank, rung in enumerate(Rung)}
_AT_THE_TILL = (Rung.TOKEN, Rung.COOKIE)
_BY_IDENTITY = (Rung.CUSTOMER, Rung.EMAIL, Rung.ALIAS)


class Candidate(NamedTuple):
    """Judged evidence. `passed_over` is None for the credited candidate.

    `share`: the part of the order that the model gives to the click; 1 for the credited click under `last`.
    """

    evidence: Evidence
    confidence: float
    passed_over: Reason | None
    share: Fraction = NOTHING


class Decision(NamedTuple):
    """The outcome for one order. `credited` is None if no click gets the credit.

    `forwarded`: the buyer has another address, so the campaign is credited and no contact.
    `agreeing`: rungs that support the same click or campaign. `conflicting`: rungs that support another
    contact. `clicks_limit`: only this many clicks were considered, the newest; None: all.
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
    clicks_limit: int | None = None

    @property
    def shares(self) -> tuple[Candidate, ...]:
        """The candidates that have a share of the order; their shares add up to 1."""
        return tuple(candidate for candidate in self.candidates if candidate.share.numerator)

    @property
    def contact(self) -> str:
        """The credited contact; empty if no contact is credited."""
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

    `invalid_token`: the order carries a click token that cannot be opened. `proven` is False if only the
    pixel reported the order and the account has a connected shop: such an order is not attributed.
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
    # If the account counts placed orders, one that is cancelled before payment is a sale with a refund.
    is_sale = order.paid or policy.sale_when == "placed"
    if order.cancelled and not is_sale:
        return _none(found, Outcome.UNATTRIBUTED, Reason.CANCELLED)
    if not is_sale:
        return _none(found, Outcome.PENDING, Reason.UNPAID)
    if found.credited is None:
        return found._replace(reason=_why_none(rest, invalid_token))
    if found.credited.confidence < LIKELY:
        return _none(found, Outcome.UNATTRIBUTED, Reason.WEAK_EVIDENCE)
    return found


def _rank(order: Order, item: Evidence) -> tuple[int, bool, int, bytes, str, str]:
    clicked_ms, click_id = (item.click.clicked_ms, item.click.id) if item.click else (0, b"")
    return _RANKS[item.rung], _is_after(order, item), -clicked_ms, click_id, item.campaign, item.contact


def _is_after(order: Order, item: Evidence) -> bool:
    """Whether a click is later than the order. Clocks differ, so it counts if no earlier click does."""
    return item.click is not None and item.clicked_at > order.placed_at


def _refusal(emp_id: int, order: Order, item: Evidence, policy: Policy) -> Reason | None:
    if item.click and item.click.emp_id != emp_id:
        return Reason.OTHER_ACCOUNT
    if not item.consent:
        return Reason.OPTED_OUT
    if item.click is None:
        return None
    if item.other_buyer:
        return Reason.OTHER_CONTACT
    # A token or cookie at checkout proves that a person made this click, whatever its verdict. A code proves
    # who bought, but not that this click is human.
    if item.rung in (Rung.COUPON, *_BY_IDENTITY) and item.verdict is Verdict.BOT:
        return Reason.BOT_CLICK
    if not item.sale_pixel:
        return Reason.NOT_A_SALES_LINK
    if item.clicked_at > order.placed_at + CLOCK_SKEW:
        return Reason.CLICK_AFTER_ORDER
    if item.clicked_at < order.placed_at - policy.window_of(item.campaign):
        return Reason.OUTSIDE_WINDOW
    return None


def _why_not_campaign(item: Evidence, refused: Sequence[Candidate]) -> Reason | None:
    """Why a campaign named in the order gets no credit: the click of its token or cookie does not count."""
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
    # The confidence comes from the strongest evidence, whatever share the model gives to its click.
    surest = eligible[place if policy.model is Model.LAST else 0]
    best = {surest.evidence.rung: surest.confidence}
    for one in eligible:
        if _agrees(one.evidence, surest.evidence):
            best.setdefault(one.evidence.rung, one.confidence)
    is_elsewhere = policy.model is Model.LAST and place != 0 and won.rung not in _AT_THE_TILL
    confidence = round(agree(best.values()) * (LATER_CLICK if is_elsewhere else 1.0), 4)
    winner = eligible[place]._replace(confidence=confidence, share=given[place])
    others = [
        one._replace(share=given[i])
        if i in given
        else one._replace(passed_over=_why_passed_over(one.evidence, won, policy.model))
        for i, one in enumerate(eligible)
        if i != place
    ]
    against = {one.evidence.rung for one in others if one.passed_over is Reason.OTHER_CONTACT}
    return Decision(
        Outcome.ATTRIBUTED if winner.confidence >= ATTRIBUTED else Outcome.LIKELY,
        REASON_OF_RUNG[won.rung],
        policy.version,
        (winner, *others, *rest),
        winner,
        policy.model,
        forwarded,
        tuple(rung for rung in _ORDER if rung in best and rung is not won.rung),
        tuple(rung for rung in _ORDER if rung in against),
    )


def _agrees(one: Evidence, first: Evidence) -> bool:
    """True if evidence of another rung names no campaign, click or contact that differs from the winner's."""
    if one.rung is first.rung or one.campaign != first.campaign:
        return False
    if one.click and first.click:
        return one.click.id == first.click.id
    return not one.contact or not first.contact or one.contact == first.contact


def _knows_contact(one: Evidence, first: Evidence) -> bool:
    """Whether evidence about the buyer (not about a click) identifies the winner's contact."""
    return one.rung in (Rung.COUPON, *_BY_IDENTITY) and one.contact == first.contact != ""


def _why_passed_over(one: Evidence, won: Evidence, model: Model) -> Reason:
    if one.contact and won.contact and one.contact != won.contact:
        return Reason.OTHER_CONTACT
    if model is not Model.LAST and one.click and one.click != won.click and one.contact == won.contact:
        return Reason.NOT_BY_MODEL
    is_earlier = one.click and won.click and one.clicked_at <= won.clicked_at
    return Reason.EARLIER_CLICK if one.rung is won.rung or is_earlier else Reason.WEAKER_EVIDENCE


def _clicked(candidate: Candidate) -> bytes:
    click = candidate.evidence.click
    return click.id if click else b""  # ids begin with the time, so they sort by it


def _shares(
    order: Order, model: Model, eligible: Sequence[Candidate], *, forwarded: bool
) -> dict[int, Fraction]:
    """The share of each click in the order, by its index in `eligible`.

    The strongest evidence identifies the buyer. The model divides the order among that contact's human
    clicks and the click of the evidence itself. Evidence without a click or a contact gets the whole order,
    and so does a contact's own code under `last`, because the code identifies the e-mail.
    """
    strongest = eligible[0].evidence
    code_says = model is Model.LAST and strongest.rung is Rung.COUPON
    if strongest.click is None or forwarded or code_says or not strongest.contact:
        return {0: ALL}
    touches = {strongest.click.id: 0}
    for i, one in enumerate(eligible):
        click, same = one.evidence.click, one.evidence.contact == strongest.contact
        is_touch = one.evidence.verdict is Verdict.HUMAN and not _is_after(order, one.evidence)
        if click and same and is_touch:
            touches.setdefault(click.id, i)
    in_time = [touches[click_id] for click_id in sorted(touches)]
    times = [click.clicked_at for i in in_time if (click := eligible[i].evidence.click)]
    shared = zip(in_time, shares(model, times, order.placed_at), strict=True)
    return {i: share for i, share in shared if share.numerator}


def _none(found: Decision, outcome: Outcome, reason: Reason) -> Decision:
    """The same decision without credit. A former winner gets the reason `weak_evidence`."""
    weak = reason if reason is Reason.WEAK_EVIDENCE else None
    candidates = tuple(
        one._replace(share=NOTHING, passed_over=one.passed_over or weak) for one in found.candidates
    )
    return found._replace(
        outcome=outcome, reason=reason, candidates=candidates, credited=None, forwarded=False
    )


def _why_none(rest: Sequence[Candidate], invalid_token: bool) -> Reason:
    if rest and rest[0].passed_over:
        return rest[0].passed_over
    return Reason.INVALID_TOKEN if invalid_token else Reason.NO_CLICK
