"""Model comparison: the orders and revenue that each model gives to each campaign of an account."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from flask import Response
from pydantic import Field

from salepixel.report import use_cases
from salepixel.report.comparison import Comparison
from salepixel.report.journeys import Shortage
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.api.computations import ACCEPTED, not_computed_yet
from salepixel_plugin.computed import ask, tools
from salepixel_plugin.fields import Money
from salepixel_plugin.schemas import ModelsPeriod

ModelName = Literal["last", "first", "linear", "position", "decay", "shapley", "markov"]


class ShareOut(Output):
    """A campaign's share of all credited orders, with its 95 % interval (bootstrap by contact)."""

    share: float
    low: float
    high: float


class ModelMoneyOut(Output):
    """Net revenue in one currency."""

    currency: str
    net: Money


class ModelCreditOut(Output):
    """The orders and revenue that one model gives to a campaign."""

    model: ModelName
    orders: str = Field(
        description="A decimal number, because campaigns share orders.", examples=["12.500000"]
    )
    money: list[ModelMoneyOut]
    share: ShareOut | None = Field(description="Only for shapley and markov.")


class ModelCampaignOut(Output):
    """A campaign with its credit from each model that has enough data."""

    campaign: str
    name: str | None = Field(description="Null if the campaign no longer exists.")
    credits: list[ModelCreditOut]


class NotEnoughOut(Output):
    """Why shapley and markov have no result."""

    reason: Literal["too_few_orders", "too_many_campaigns"]
    have: int
    limit: int
    message: str


class ModelsOut(Output):
    """The credit in a period by each model. All models divide the same money, to the cent."""

    first: datetime = Field(alias="from")
    last: datetime = Field(alias="to")
    window_days: int
    campaign_windows: dict[str, int] = Field(
        description="Campaign id -> its own attribution window, in days."
    )
    orders: int = Field(description="Orders in the period that are attributed or likely.")
    totals: list[ModelMoneyOut]
    campaigns: list[ModelCampaignOut]
    not_enough: NotEnoughOut | None
    clicks_ended_before: datetime | None = Field(
        description="Retention has deleted clicks before this time. For orders that followed them, every "
        "model knows the credited click only. Null: no clicks of the period were deleted."
    )
    as_of: datetime = Field(description="Events after this time may be missing from the result.")
    causal: Literal[False] = Field(description="Always false: no model shows what the e-mails caused.")


@blueprint.get("/accounts/<int:emp_id>/models")
@blueprint.input(ModelsPeriod, location="query", arg_name="period")
@blueprint.output(ModelsOut)
@blueprint.doc(security="bearer", responses=ACCEPTED)
def compare_models(emp_id: int, period: ModelsPeriod) -> dict[str, Any] | Response:
    """The credit that each model gives to each campaign. No model shows what the e-mails caused.

    For an account with many clicks, the worker computes the result: 202 until it is ready. A result is reused
    for 15 minutes.
    """
    found = ask(
        lambda connection: use_cases.compare_models(
            connection, principal(), emp_id, period.first, period.last, tools(), datetime.now(UTC)
        )
    )
    if found.result is None or found.computation is not None:
        return not_computed_yet(found)
    compared = found.result
    return {
        "from": compared.first,
        "to": compared.last,
        "window_days": compared.account.window_days,
        "campaign_windows": json.loads(compared.account.campaign_windows),
        "orders": compared.found.purchases,
        "totals": _money(compared.totals()),
        "campaigns": [_campaign(compared, campaign) for campaign in compared.found.campaigns],
        "not_enough": _not_enough(compared.shortage) if compared.shortage else None,
        "clicks_ended_before": compared.clicks_ended_before,
        "as_of": found.as_of,
        "causal": False,
    }


def _campaign(compared: Comparison, campaign: str) -> dict[str, Any]:
    credited = []
    for model in compared.models:
        share = compared.share(model, campaign)
        credited.append(
            {
                "model": model,
                "orders": f"{compared.orders(model, campaign):.6f}",
                "money": _money(compared.money(model, campaign)),
                "share": share and {"share": share.share, "low": share.low, "high": share.high},
            }
        )
    return {"campaign": campaign, "name": compared.names.get(campaign), "credits": credited}


def _money(amounts: dict[str, Decimal]) -> list[dict[str, str]]:
    return [{"currency": currency, "net": f"{amount:f}"} for currency, amount in amounts.items()]


def _not_enough(shortage: Shortage) -> dict[str, Any]:
    if shortage.reason == "too_few_orders":
        problem = f"Shapley and Markov need {shortage.limit} credited orders; the period has {shortage.have}."
    else:
        problem = (
            f"Shapley and Markov support up to {shortage.limit} campaigns; the period has {shortage.have}."
        )
    return {
        "reason": shortage.reason,
        "have": shortage.have,
        "limit": shortage.limit,
        "message": f"{problem} Choose another period.",
    }
