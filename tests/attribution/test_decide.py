"""Which click earned an order, and why: a table for every reason."""

from datetime import timedelta
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest

from salepixel.accounts.policy import Model, Policy
from salepixel.attribution.decide import decide
from salepixel.attribution.evidence import Evidence, Rung, named_buyer
from salepixel.clicks.tokens import Verdict
from salepixel.orders.outcome import Outcome, Reason
from tests.make import CAMPAIGN, NOON, click_at, order

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOBODY = Outcome.UNATTRIBUTED


def found(
    rung: Rung, before: timedelta, verdict: Verdict = Verdict.HUMAN, sells: bool = True, **click: Any
) -> Evidence:
    return Evidence(rung, click_at(NOON - before, **click), verdict, sells)


def named(rung: Rung, contact: str = "", campaign: str = CAMPAIGN) -> Evidence:
    return Evidence(rung, None, named_campaign=campaign, named_contact=contact)


SHARED_BROWSER = found(Rung.TOKEN, DAY)._replace(other_buyer=True)


def refused(rung: Rung) -> Evidence:
    return found(rung, DAY)._replace(consent=False)


@pytest.mark.parametrize(
    ("evidence", "outcome", "reason"),
    [
        ([found(Rung.TOKEN, DAY)], Outcome.ATTRIBUTED, Reason.CLICK_TOKEN_ON_ORDER),
        ([found(Rung.TOKEN, DAY, Verdict.BOT)], Outcome.ATTRIBUTED, Reason.CLICK_TOKEN_ON_ORDER),
        ([found(Rung.TOKEN, DAY, Verdict.UNKNOWN)], Outcome.ATTRIBUTED, Reason.CLICK_TOKEN_ON_ORDER),
        ([found(Rung.COOKIE, 7 * DAY)], Outcome.ATTRIBUTED, Reason.COOKIE_AT_PIXEL),
        ([found(Rung.EMAIL, timedelta(0))], Outcome.ATTRIBUTED, Reason.EMAIL_MATCH),
        ([found(Rung.EMAIL, DAY)], Outcome.LIKELY, Reason.EMAIL_MATCH),
        ([found(Rung.TOKEN, -4 * timedelta(minutes=1))], Outcome.ATTRIBUTED, Reason.CLICK_TOKEN_ON_ORDER),
        ([], Outcome.UNATTRIBUTED, Reason.NO_CLICK),
        ([found(Rung.TOKEN, -6 * timedelta(minutes=1))], Outcome.UNATTRIBUTED, Reason.CLICK_AFTER_ORDER),
        ([found(Rung.TOKEN, 7 * DAY + HOUR)], Outcome.UNATTRIBUTED, Reason.OUTSIDE_WINDOW),
        ([found(Rung.TOKEN, DAY, sells=False)], Outcome.UNATTRIBUTED, Reason.NOT_A_SALES_LINK),
        ([found(Rung.TOKEN, DAY, emp_id=2)], Outcome.UNATTRIBUTED, Reason.OTHER_ACCOUNT),
        ([found(Rung.EMAIL, DAY, Verdict.BOT)], Outcome.UNATTRIBUTED, Reason.BOT_CLICK),
        ([found(Rung.EMAIL, timedelta(0), Verdict.UNKNOWN)], Outcome.UNATTRIBUTED, Reason.WEAK_EVIDENCE),
        ([found(Rung.CUSTOMER, DAY)], Outcome.ATTRIBUTED, Reason.KNOWN_CUSTOMER),
        ([found(Rung.CUSTOMER, DAY, Verdict.BOT)], Outcome.UNATTRIBUTED, Reason.BOT_CLICK),
        ([found(Rung.COUPON, DAY)], Outcome.ATTRIBUTED, Reason.COUPON_OF_CONTACT),
        ([named(Rung.COUPON, "ana")], Outcome.ATTRIBUTED, Reason.COUPON_OF_CONTACT),
        ([found(Rung.ALIAS, DAY)], Outcome.LIKELY, Reason.ALIAS_MATCH),
        ([named(Rung.CAMPAIGN)], Outcome.LIKELY, Reason.CAMPAIGN_NAMED),
        ([refused(Rung.TOKEN)], Outcome.UNATTRIBUTED, Reason.OPTED_OUT),
        ([refused(Rung.EMAIL)], Outcome.UNATTRIBUTED, Reason.OPTED_OUT),
        ([SHARED_BROWSER], Outcome.UNATTRIBUTED, Reason.OTHER_CONTACT),
        ([SHARED_BROWSER, found(Rung.EMAIL, HOUR, contact="bo")], Outcome.LIKELY, Reason.EMAIL_MATCH),
        ([found(Rung.TOKEN, DAY, sells=False), named(Rung.CAMPAIGN)], NOBODY, Reason.NOT_A_SALES_LINK),
        ([found(Rung.TOKEN, 9 * DAY), named(Rung.CAMPAIGN)], NOBODY, Reason.OUTSIDE_WINDOW),
        ([refused(Rung.TOKEN), named(Rung.CAMPAIGN)], NOBODY, Reason.OPTED_OUT),
        (
            [found(Rung.TOKEN, DAY, sells=False), named(Rung.CAMPAIGN, campaign="0000000000c2")],
            Outcome.LIKELY,
            Reason.CAMPAIGN_NAMED,
        ),
        ([found(Rung.EMAIL, DAY, Verdict.BOT, sells=False)], Outcome.UNATTRIBUTED, Reason.BOT_CLICK),
    ],
)
def test_each_kind_of_evidence_has_its_outcome(
    evidence: list[Evidence], outcome: Outcome, reason: Reason
) -> None:
    decision = decide(1, order(), evidence, Policy())
    assert (decision.outcome, decision.reason) == (outcome, reason)
    assert (decision.credited is not None) == (outcome in (Outcome.ATTRIBUTED, Outcome.LIKELY))
    assert len(decision.candidates) == len(evidence)


@pytest.mark.parametrize(
    ("changes", "options", "outcome", "reason"),
    [
        ({"paid": False}, {}, Outcome.PENDING, Reason.UNPAID),
        ({"paid": False, "cancelled": True}, {}, Outcome.UNATTRIBUTED, Reason.CANCELLED),
        ({}, {"proven": False}, Outcome.UNATTRIBUTED, Reason.PIXEL_ONLY),
        ({"cancelled": True}, {}, Outcome.ATTRIBUTED, Reason.CLICK_TOKEN_ON_ORDER),
    ],
)
def test_an_order_must_be_paid_and_verified(
    changes: dict[str, Any], options: dict[str, bool], outcome: Outcome, reason: Reason
) -> None:
    decision = decide(1, order(**changes), [found(Rung.TOKEN, DAY)], Policy(), **options)
    assert (decision.outcome, decision.reason) == (outcome, reason)


def test_an_invalid_token_is_the_reason_if_nothing_else_is_known() -> None:
    assert decide(1, order(), [], Policy(), invalid_token=True).reason is Reason.INVALID_TOKEN
    with_email = decide(1, order(), [found(Rung.EMAIL, HOUR)], Policy(), invalid_token=True)
    assert with_email.reason is Reason.EMAIL_MATCH


LADDER = [
    found(Rung.TOKEN, 3 * DAY, serial=1),
    found(Rung.TOKEN, 5 * DAY, serial=2),
    found(Rung.COOKIE, 2 * DAY, contact="", serial=3),
    found(Rung.EMAIL, HOUR, contact="bo", serial=4),
    found(Rung.TOKEN, 30 * DAY, serial=5),
]


@pytest.mark.parametrize("shuffled", list(permutations(LADDER))[::7])
def test_the_strongest_evidence_wins_then_the_last_click(shuffled: tuple[Evidence, ...]) -> None:
    decision = decide(1, order(), shuffled, Policy())
    assert decision.credited is not None
    assert decision.credited.evidence == LADDER[0]
    assert [candidate.passed_over for candidate in decision.candidates] == [
        None,
        Reason.EARLIER_CLICK,
        Reason.WEAKER_EVIDENCE,
        Reason.OTHER_CONTACT,
        Reason.OUTSIDE_WINDOW,
    ]


@pytest.mark.parametrize(
    ("later", "credited", "confidence"),
    [
        # Most likely on another device, less sure than the click that the order carries would be.
        (found(Rung.CUSTOMER, DAY, serial=1), True, 0.6975),
        (found(Rung.EMAIL, HOUR, serial=1), True, 0.6736),
        (found(Rung.COOKIE, HOUR, serial=1), True, 0.97),
        (found(Rung.CUSTOMER, DAY, Verdict.UNKNOWN, serial=1), False, 0.99),
        (found(Rung.CUSTOMER, DAY, Verdict.BOT, serial=1), False, 0.99),
        (found(Rung.CUSTOMER, DAY, sells=False, serial=1), False, 0.99),
        (found(Rung.EMAIL, DAY, contact="bo", serial=1), False, 0.99),
        (found(Rung.CUSTOMER, 4 * DAY, serial=1), False, 0.99),
        # Clocks may differ, but a click that follows the purchase did not cause it.
        (found(Rung.CUSTOMER, -timedelta(minutes=2), serial=1), False, 0.99),
    ],
)
def test_the_buyers_last_click_counts_even_if_the_order_carries_an_earlier_one(
    later: Evidence, credited: bool, confidence: float
) -> None:
    token = found(Rung.TOKEN, 3 * DAY)
    decision = decide(1, order(), [token, later], Policy())
    assert decision.credited is not None
    assert decision.credited.evidence == (later if credited else token)
    assert decision.credited.confidence == confidence
    if credited:
        assert decision.candidates[1].passed_over is Reason.EARLIER_CLICK


def test_a_click_after_the_order_counts_only_without_an_earlier_click() -> None:
    after, before = found(Rung.EMAIL, -timedelta(minutes=2)), found(Rung.EMAIL, HOUR, serial=1)
    for evidence, credited in (([after], after), ([after, before], before)):
        decision = decide(1, order(), evidence, Policy())
        assert decision.credited is not None
        assert decision.credited.evidence == credited


def test_a_coupon_for_one_contact_identifies_the_email() -> None:
    code, later = found(Rung.COUPON, 3 * DAY), found(Rung.CUSTOMER, DAY, serial=1)
    decision = decide(1, order(), [code, later], Policy())
    assert decision.credited is not None
    assert decision.credited.evidence == code


def test_a_model_divides_credit_and_keeps_the_confidence() -> None:
    old, new = found(Rung.EMAIL, 20 * DAY), found(Rung.EMAIL, HOUR, serial=1)
    decision = decide(1, order(), [old, new], Policy(window=30 * DAY, model=Model.FIRST))
    assert decision.credited is not None
    assert decision.credited.evidence == old
    assert decision.credited.confidence == decide(1, order(), [new], Policy()).candidates[0].confidence


@pytest.mark.parametrize("rung", [Rung.TOKEN, Rung.EMAIL])
def test_a_click_without_a_share_is_marked_as_passed_over_by_the_model(rung: Rung) -> None:
    first, last = found(Rung.EMAIL, 2 * DAY), found(rung, HOUR, serial=1)
    decision = decide(1, order(), [first, last], Policy(model=Model.FIRST))
    reasons = {one.evidence: one.passed_over for one in decision.candidates}
    assert reasons == {first: None, last: Reason.NOT_BY_MODEL}


def test_a_click_of_another_account_is_rejected_for_that_reason_first() -> None:
    foreign = found(Rung.TOKEN, DAY, emp_id=2)._replace(consent=False)
    assert decide(1, order(), [foreign], Policy()).reason is Reason.OTHER_ACCOUNT


@pytest.mark.parametrize(("days", "confidence"), [(0, 0.9), (7, 0.6364), (14, 0.5), (90, 0.5)])
def test_an_email_match_has_less_confidence_the_older_the_click(days: int, confidence: float) -> None:
    decision = decide(1, order(), [found(Rung.EMAIL, days * DAY)], Policy(window=365 * DAY))
    assert decision.candidates[0].confidence == confidence
    assert decision.outcome is (Outcome.ATTRIBUTED if days == 0 else Outcome.LIKELY if days == 7 else NOBODY)


@pytest.mark.parametrize(
    ("also", "confidence", "agreeing", "conflicting"),
    [
        ([], 0.99, (), ()),
        ([found(Rung.COOKIE, DAY)], 0.995, (Rung.COOKIE,), ()),
        ([found(Rung.EMAIL, DAY)], 0.995, (Rung.EMAIL,), ()),
        ([found(Rung.EMAIL, 2 * DAY, serial=1)], 0.99, (), ()),
        ([found(Rung.EMAIL, HOUR, contact="bo", serial=1)], 0.99, (), (Rung.EMAIL,)),
        ([named(Rung.CAMPAIGN)], 0.995, (Rung.CAMPAIGN,), ()),
        ([named(Rung.CAMPAIGN, campaign="0000000000c2")], 0.99, (), ()),
        ([named(Rung.COUPON, "bo")], 0.99, (), (Rung.COUPON,)),
    ],
)
def test_agreeing_evidence_raises_confidence_and_conflicts_are_recorded(
    also: list[Evidence], confidence: float, agreeing: tuple[Rung, ...], conflicting: tuple[Rung, ...]
) -> None:
    decision = decide(1, order(), [found(Rung.TOKEN, DAY), *also], Policy())
    assert decision.credited is not None
    assert decision.credited.confidence == confidence
    assert (decision.agreeing, decision.conflicting) == (agreeing, conflicting)


def test_agreeing_weak_evidence_is_enough_together() -> None:
    weak = found(Rung.EMAIL, 14 * DAY)
    alone = decide(1, order(), [weak], Policy(window=30 * DAY))
    assert (alone.outcome, alone.reason) == (Outcome.UNATTRIBUTED, Reason.WEAK_EVIDENCE)
    assert alone.candidates[0].passed_over is Reason.WEAK_EVIDENCE
    together = decide(1, order(), [weak, named(Rung.CAMPAIGN)], Policy(window=30 * DAY))
    assert together.outcome is Outcome.LIKELY
    assert together.credited is not None
    assert together.credited.confidence == 0.8


@pytest.mark.parametrize(
    ("also", "forwarded"),
    [
        ([], True),
        ([found(Rung.CUSTOMER, 2 * DAY, serial=1)], False),
        ([named(Rung.COUPON, "ana")], False),
        ([found(Rung.EMAIL, HOUR, contact="bo", serial=1)], True),
    ],
)
def test_a_forwarded_mail_credits_the_campaign_and_not_the_contact(
    also: list[Evidence], forwarded: bool
) -> None:
    token = found(Rung.TOKEN, DAY)._replace(other_address=True)
    decision = decide(1, order(), [token, *also], Policy())
    assert decision.credited is not None
    assert decision.credited.evidence.campaign == CAMPAIGN
    assert (decision.forwarded, decision.contact) == (forwarded, "" if forwarded else "ana")


def test_a_campaign_may_have_its_own_window() -> None:
    late = found(Rung.TOKEN, 20 * DAY)
    assert decide(1, order(), [late], Policy()).reason is Reason.OUTSIDE_WINDOW
    assert decide(1, order(), [late], Policy(windows={CAMPAIGN: 30 * DAY})).credited is not None
    assert decide(1, order(), [late], Policy(window=30 * DAY, windows={CAMPAIGN: DAY})).credited is None


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        (Model.LAST, [0, 0, 1]),
        (Model.FIRST, [1, 0, 0]),
        (Model.LINEAR, [Fraction(1, 3)] * 3),
        (Model.POSITION, [Fraction(2, 5), Fraction(1, 5), Fraction(2, 5)]),
    ],
)
def test_the_model_shares_an_order_among_the_clicks_of_its_contact(
    model: Model, parts: list[Fraction]
) -> None:
    clicks = [found(Rung.EMAIL, days * DAY, serial=days) for days in (3, 2, 1)]
    others = [
        found(Rung.EMAIL, 4 * DAY, Verdict.BOT, serial=4),
        found(Rung.EMAIL, 4 * DAY, contact="bo", serial=5),
        found(Rung.EMAIL, 40 * DAY, serial=6),
    ]
    decision = decide(1, order(), [*others, *clicks], Policy(model=model))
    given = {candidate.evidence: candidate.share for candidate in decision.candidates}
    assert [given[click] for click in clicks] == parts
    assert sum(given.values()) == 1
    assert not any(given[other] for other in others)


def test_under_every_model_a_forwarded_mail_credits_its_single_click() -> None:
    token = found(Rung.TOKEN, DAY)._replace(other_address=True)
    decision = decide(1, order(), [token, found(Rung.COOKIE, 2 * DAY, serial=1)], Policy(model=Model.LINEAR))
    assert [candidate.share for candidate in decision.shares] == [1]


def test_the_buyer_is_the_contact_named_by_the_orders_own_evidence() -> None:
    assert named_buyer(1, [found(Rung.EMAIL, DAY)]) == ""
    assert named_buyer(1, [found(Rung.COOKIE, DAY, contact="bo"), found(Rung.TOKEN, DAY)]) == "ana"
    assert (
        named_buyer(1, [found(Rung.TOKEN, DAY)._replace(other_address=True), named(Rung.COUPON, "bo")])
        == "bo"
    )
    assert named_buyer(1, [SHARED_BROWSER]) == ""
    assert named_buyer(1, [found(Rung.TOKEN, DAY, emp_id=2)]) == ""
    assert named_buyer(1, [refused(Rung.TOKEN)]) == ""


def test_a_decision_names_its_policy_version() -> None:
    assert decide(1, order(), [], Policy(version=3)).policy == 3
