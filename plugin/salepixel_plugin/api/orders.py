"""Orders: why an order is attributed to a click, or not attributed."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from salepixel.accounts.policy import Model
from salepixel.attribution import use_cases
from salepixel.attribution.decided import PROCESSING_FAILED, Undecidable
from salepixel.attribution.evidence import Rung
from salepixel.attribution.explanation import Explanation, explanation_as_json
from salepixel.clicks.tokens import Verdict
from salepixel.orders.outcome import Outcome
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.explanations import explain_decided, explain_failure
from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.services import services


class LanguageQuery(BaseModel):
    """The language of the explanation."""

    model_config = ConfigDict(extra="ignore")
    lang: Literal["en", "es"] = "en"


class CandidateOut(Output):
    """A click that was considered. Data of other accounts is not shown."""

    click: str | None = Field(description="Null if the evidence names only a campaign or a contact.")
    clicked_at: datetime | None
    campaign: str | None
    link: str | None
    contact: str | None
    evidence: Rung
    verdict: Verdict
    confidence: float
    credited: bool
    passed_over: str | None
    share: float = Field(
        0.0, description="The share of the order that the account's model gives to this click."
    )


class CreditedOut(Output):
    """The campaign, contact and click that get the credit."""

    campaign: str
    contact: str | None = Field(description="Null if unknown, or if the e-mail was forwarded.")
    click: str | None
    evidence: Rung
    confidence: float
    forwarded: bool = Field(
        description="True: the buyer has another e-mail address than the contact who clicked."
    )


class DecisionOut(Output):
    """The decision about an order."""

    order: str
    order_id: str
    shop: str
    outcome: Literal["attributed", "likely", "unattributed", "pending"]
    reason: str
    policy: int = Field(description="The version of the attribution settings that decided.")
    model: Model
    credited: CreditedOut | None
    agreeing: list[Rung] = Field(description="Other evidence for the same contact.")
    conflicting: list[Rung] = Field(description="Evidence for another contact.")
    candidates: list[CandidateOut]
    clicks_limit: int | None = Field(
        description="The number of clicks that were considered, the newest ones, if there are more. Null if "
        "all clicks were considered."
    )
    explanation: str
    erased_at: datetime | None = Field(
        description="When a person named in the order was erased. The decision does not change."
    )
    clicks_ended_before: datetime | None = Field(
        description="Retention has deleted clicks before this time, so the decision no longer changes. Null "
        "if all clicks of that time are stored."
    )
    replaces: str | None = Field(
        description="The id of the order whose goods this order replaces; empty if the shop does not report "
        "it. Null if the order is a purchase."
    )


@blueprint.get("/orders/<shop_id>/<path:name>/decision")
@blueprint.input(LanguageQuery, location="query", arg_name="asked")
@blueprint.output(DecisionOut)
@blueprint.doc(security="bearer")
def get_decision(shop_id: str, name: str, asked: LanguageQuery) -> dict[str, Any]:
    """Which click gets the credit for an order, and why. `name`: the order's id or number."""
    with services().database.read() as connection:
        decided = use_cases.see_decided(connection, principal(), shop_id, name, datetime.now(UTC))
    if isinstance(decided, Undecidable):
        return {
            "order": decided.number,
            "order_id": decided.order_id,
            "shop": shop_id,
            **explanation_as_json(Explanation(Outcome.PENDING, PROCESSING_FAILED, decided.policy)),
            "explanation": explain_failure(decided.number, decided.error, LANGUAGES[asked.lang]),
            "erased_at": None,
            "clicks_ended_before": None,
            "replaces": None,
        }
    order = decided.stored.order
    return {
        "order": order.number,
        "order_id": order.id,
        "shop": shop_id,
        **decided.decision,
        "explanation": explain_decided(decided, LANGUAGES[asked.lang]),
        "erased_at": order.erased_at,
        "clicks_ended_before": decided.clicks_ended_before,
        "replaces": order.replaces,
    }
