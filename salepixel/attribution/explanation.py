"""The explanation of a decision: typed, for storing and comparing, and as JSON, made only here."""

from typing import Any, NamedTuple

from salepixel.accounts.policy import Model
from salepixel.attribution.decide import Candidate, Decision
from salepixel.attribution.evidence import Rung
from salepixel.attribution.models import rounded
from salepixel.clicks.tokens import Verdict, time_of_click
from salepixel.orders.outcome import Outcome, Reason
from salepixel.reading.times import rfc3339


class ExplainedCandidate(NamedTuple):
    """A candidate of a decision. `click_id` and `link` are None if only a campaign or a contact is named.

    `opted_out`: passed over because its contact opted out; such a contact is not named.
    `share`: the share of the order, rounded to a millionth.
    """

    click_id: bytes | None
    campaign: str
    link: str | None
    contact: str
    evidence: Rung
    verdict: Verdict
    confidence: float
    passed_over: Reason | None
    opted_out: bool
    share: float


class Credited(NamedTuple):
    """What gets the credit. `contact` is empty if it is unknown, or if the e-mail was forwarded."""

    campaign: str
    contact: str
    click_id: bytes | None
    evidence: Rung
    confidence: float
    forwarded: bool


class Explanation(NamedTuple):
    """A decision as stored and shown. `reason` is a Reason, or why an order has no decision yet.

    `clicks_limit`: as in `Decision`.
    """

    outcome: Outcome
    reason: str
    policy: int
    candidates: tuple[ExplainedCandidate, ...] = ()
    credited: Credited | None = None
    model: Model = Model.LAST
    agreeing: tuple[Rung, ...] = ()
    conflicting: tuple[Rung, ...] = ()
    clicks_limit: int | None = None


def explain_decision(decision: Decision) -> Explanation:
    """The explanation of a decision, for storing and showing."""
    return Explanation(
        decision.outcome,
        decision.reason,
        decision.policy,
        tuple(_explain_candidate(one) for one in decision.candidates),
        None if decision.credited is None else _explain_credited(decision, decision.credited),
        decision.model,
        decision.agreeing,
        decision.conflicting,
        decision.clicks_limit,
    )


def _explain_credited(decision: Decision, won: Candidate) -> Credited:
    return Credited(
        campaign=won.evidence.campaign,
        contact=decision.contact,
        click_id=won.evidence.click.id if won.evidence.click else None,
        evidence=won.evidence.rung,
        confidence=won.confidence,
        forwarded=decision.forwarded,
    )


def _explain_candidate(candidate: Candidate) -> ExplainedCandidate:
    evidence, click = candidate.evidence, candidate.evidence.click
    return ExplainedCandidate(
        click_id=click.id if click else None,
        campaign=evidence.campaign,
        link=click.link if click else None,
        contact=evidence.contact if evidence.consent else "",
        evidence=evidence.rung,
        verdict=evidence.verdict,
        confidence=candidate.confidence,
        passed_over=candidate.passed_over,
        opted_out=candidate.passed_over is Reason.OPTED_OUT,
        share=rounded(candidate.share),
    )


def explanation_as_json(explanation: Explanation) -> dict[str, Any]:
    """The JSON of an explanation, without data of other accounts."""
    earned = explanation.outcome in (Outcome.ATTRIBUTED, Outcome.LIKELY)
    credited = explanation.credited
    return {
        "outcome": explanation.outcome,
        "reason": explanation.reason,
        "policy": explanation.policy,
        "candidates": [_candidate_as_json(one, earned=earned) for one in explanation.candidates],
        "credited": credited
        and {
            "campaign": credited.campaign,
            "contact": credited.contact or None,
            "click": credited.click_id.hex() if credited.click_id else None,
            "evidence": credited.evidence,
            "confidence": credited.confidence,
            "forwarded": credited.forwarded,
        },
        "model": explanation.model,
        "agreeing": list(explanation.agreeing),
        "conflicting": list(explanation.conflicting),
        "clicks_limit": explanation.clicks_limit,
        "contacts_hidden": False,
    }


def without_contacts(explained: dict[str, Any]) -> dict[str, Any]:
    """The JSON of an explanation for a reader who may not see contacts."""
    credited = explained["credited"]
    return explained | {
        "candidates": [item | {"contact": None} for item in explained["candidates"]],
        "credited": credited and credited | {"contact": None},
        "contacts_hidden": True,
    }


def _candidate_as_json(candidate: ExplainedCandidate, *, earned: bool) -> dict[str, Any]:
    click_id, is_ours = candidate.click_id, candidate.passed_over is not Reason.OTHER_ACCOUNT
    return {
        "click": click_id.hex() if click_id else None,
        "clicked_at": rfc3339(time_of_click(click_id)) if click_id else None,
        "campaign": (is_ours and candidate.campaign) or None,
        "link": candidate.link if is_ours else None,
        "contact": (is_ours and candidate.contact) or None,
        "evidence": candidate.evidence,
        "verdict": candidate.verdict,
        "confidence": candidate.confidence,
        # In an unpaid order, the best click qualifies but has no credit yet.
        "credited": earned and candidate.passed_over is None,
        "passed_over": candidate.passed_over,
        "share": candidate.share,
    }
