"""Orders: why one was credited to a click, or to none."""

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
from salepixel_plugin.api.door import Output, blueprint
from salepixel_plugin.explanations import explain_decided, explain_failure
from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.services import services


class LanguageQuery(BaseModel):
    """In which language to explain."""

    model_config = ConfigDict(extra="ignore")
    lang: Literal["en", "es"] = "en"


class CandidateOut(Output):
    """A click that was considered. What belongs to another account is not shown."""

    click: str | None = Field(description="Null where only a campaign, or a contact, is named.")
    clicked_at: datetime | None
    campaign: str | None
    link: str | None
    contact: str | None
    evidence: Rung
    verdict: Verdict
    confidence: float
    credited: bool
    passed_over: str | None
    share: float = Field(0.0, description="Of the order, that the account's model gives to this click.")


class CreditedOut(Output):
    """Who is credited."""

    campaign: str
    contact: str | None = Field(description="Null for nobody known, and where the mail was forwarded.")
    click: str | None
    evidence: Rung
    confidence: float
    forwarded: bool = Field(description="Somebody with another address bought with this contact's click.")


class DecisionOut(Output):
    """The outcome for an order."""

    order: str
    order_id: str
    shop: str
    outcome: Literal["attributed", "likely", "unattributed", "pending"]
    reason: str
    policy: int = Field(description="The version of the account's policy that decided.")
    model: Model
    credited: CreditedOut | None
    agreeing: list[Rung] = Field(description="Other evidence that says the same.")
    conflicting: list[Rung] = Field(description="Evidence that speaks for another contact.")
    candidates: list[CandidateOut]
    explanation: str
    replaces: str | None = Field(
        description="The id of the order whose goods this one replaces, empty where the shop does not "
        "name it; null for a purchase."
    )


@blueprint.get("/orders/<shop_id>/<path:name>/decision")
@blueprint.input(LanguageQuery, location="query", arg_name="asked")
@blueprint.output(DecisionOut)
@blueprint.doc(security="bearer")
def get_decision(shop_id: str, name: str, asked: LanguageQuery) -> dict[str, Any]:
    """Which click earned an order and why, or why none did; `name` is the order's id or its number."""
    with services().database.read() as connection:
        decided = use_cases.see_decided(connection, principal(), shop_id, name, datetime.now(UTC))
    if isinstance(decided, Undecidable):
        return {
            "order": decided.number,
            "order_id": decided.order_id,
            "shop": shop_id,
            **explanation_as_json(Explanation(Outcome.PENDING, PROCESSING_FAILED, decided.policy)),
            "explanation": explain_failure(decided.number, decided.error, LANGUAGES[asked.lang]),
            "replaces": None,
        }
    order = decided.stored.order
    return {
        "order": order.number,
        "order_id": order.id,
        "shop": shop_id,
        **decided.decision,
        "explanation": explain_decided(decided, LANGUAGES[asked.lang]),
        "replaces": order.replaces,
    }
