"""Which click earned an order, and why: a table for every reason."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from salepixel.attribution import Evidence, Outcome, Policy, Reason, Rung, decide
from salepixel.clicks import Verdict
from tests.make import NOON, click_at, order

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def found(
    rung: Rung, before: timedelta, verdict: Verdict = Verdict.HUMAN, sells: bool = True, **click: Any
) -> Evidence:
    return Evidence(rung, click_at(NOON - before, **click), verdict, sells)


@pytest.mark.parametrize(
    ("evidence", "outcome", "reason"),
    [
        ([found(Rung.TOKEN, DAY)], Outcome.ATTRIBUTED, Reason.CLICK_TOKEN_ON_ORDER),
        ([found(Rung.TOKEN, DAY, Verdict.MACHINE)], Outcome.ATTRIBUTED, Reason.CLICK_TOKEN_ON_ORDER),
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
        ([found(Rung.EMAIL, DAY, Verdict.MACHINE)], Outcome.UNATTRIBUTED, Reason.MACHINE_CLICK),
        ([found(Rung.EMAIL, timedelta(0), Verdict.UNKNOWN)], Outcome.LIKELY, Reason.EMAIL_MATCH),
        ([found(Rung.EMAIL, DAY, Verdict.MACHINE, sells=False)], Outcome.UNATTRIBUTED, Reason.MACHINE_CLICK),
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
        ({}, {"proven": False}, Outcome.UNATTRIBUTED, Reason.PIXEL_IS_NO_PROOF),
        ({"cancelled": True}, {}, Outcome.ATTRIBUTED, Reason.CLICK_TOKEN_ON_ORDER),
    ],
)
def test_an_order_must_be_paid_and_proven(
    changes: dict[str, Any], options: dict[str, bool], outcome: Outcome, reason: Reason
) -> None:
    decision = decide(1, order(**changes), [found(Rung.TOKEN, DAY)], Policy(), **options)
    assert (decision.outcome, decision.reason) == (outcome, reason)


def test_a_token_that_cannot_be_opened_is_named_when_nothing_else_is_known() -> None:
    assert decide(1, order(), [], Policy(), invalid_token=True).reason is Reason.INVALID_TOKEN
    with_email = decide(1, order(), [found(Rung.EMAIL, HOUR)], Policy(), invalid_token=True)
    assert with_email.reason is Reason.EMAIL_MATCH


LADDER = [
    found(Rung.TOKEN, 3 * DAY, serial=1),
    found(Rung.TOKEN, 5 * DAY, serial=2),
    found(Rung.COOKIE, 2 * DAY, serial=3),
    found(Rung.EMAIL, HOUR, serial=4),
    found(Rung.TOKEN, 30 * DAY, serial=5),
]


@pytest.mark.parametrize("shuffled", list(permutations(LADDER))[::7])
def test_the_strongest_evidence_wins_and_then_the_last_click(shuffled: tuple[Evidence, ...]) -> None:
    decision = decide(1, order(), shuffled, Policy())
    assert decision.credited is not None
    assert decision.credited.evidence == LADDER[0]
    assert [candidate.passed_over for candidate in decision.candidates] == [
        None,
        Reason.EARLIER_CLICK,
        Reason.WEAKER_EVIDENCE,
        Reason.WEAKER_EVIDENCE,
        Reason.OUTSIDE_WINDOW,
    ]


@pytest.mark.parametrize(("days", "confidence"), [(0, 0.9), (7, 0.6364), (14, 0.5), (90, 0.5)])
def test_an_email_match_is_worth_less_the_older_the_click(days: int, confidence: float) -> None:
    decision = decide(1, order(), [found(Rung.EMAIL, days * DAY)], Policy(window=365 * DAY))
    assert decision.credited is not None
    assert decision.credited.confidence == confidence


def test_the_policy_that_decided_is_named() -> None:
    assert decide(1, order(), [], Policy(version=3)).policy == 3
