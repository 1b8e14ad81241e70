"""The models side by side: what each credits every campaign of an account with."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from salepixel.accounts.policy import Model
from salepixel.accounts.store import Account
from salepixel.campaigns import store as campaigns
from salepixel.money.amounts import from_minor
from salepixel.report.journey_store import read_journeys
from salepixel.report.journeys import AN_ORDER, MARKOV, SHAPLEY, Interval, Shortage, Tally, tally
from salepixel_plugin.access import see_account
from salepixel_plugin.api.door import Input, Output, blueprint
from salepixel_plugin.api.fields import Money, PlannedTime
from salepixel_plugin.services import services

TOGETHER = (SHAPLEY, MARKOV)
MODELS = (*map(str, Model), *TOGETHER)
DAYS = 90
MAX_DAYS = 366

ModelName = Literal["last", "first", "linear", "position", "decay", "shapley", "markov"]


class Period(Input):
    """Orders placed from a time until before another."""

    first: PlannedTime | None = Field(None, alias="from", description=f"{DAYS} days before `to` if not told.")
    last: PlannedTime | None = Field(None, alias="to", description="Now where not told.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.ends(datetime.now(UTC))
        if not timedelta() < last - first <= timedelta(days=MAX_DAYS):
            raise ValueError(f"`to` must be after `from`, by at most {MAX_DAYS} days")
        return self

    def ends(self, now: datetime) -> tuple[datetime, datetime]:
        """Its two ends, those that were not told filled in."""
        last = self.last or now
        return self.first or last - timedelta(days=DAYS), last


class ShareOut(Output):
    """A campaign's share of all credited orders, with its 95 % interval (bootstrap by contact)."""

    share: float
    low: float
    high: float


class ModelMoneyOut(Output):
    """Net sales, in one currency."""

    currency: str
    net: Money


class ModelCreditOut(Output):
    """What one model credits a campaign with."""

    model: ModelName
    orders: str = Field(description="A decimal: orders are shared.", examples=["12.500000"])
    money: list[ModelMoneyOut]
    share: ShareOut | None = Field(description="Of shapley and markov only.")


class ModelCampaignOut(Output):
    """A campaign with its credit by each model that says something."""

    campaign: str
    name: str | None = Field(description="null: a campaign that is not known any more")
    credits: list[ModelCreditOut]


class NotEnoughOut(Output):
    """Why shapley and markov say nothing."""

    reason: Literal["too_few_orders", "too_many_campaigns"]
    have: int
    limit: int
    message: str


class ModelsOut(Output):
    """The credit of a period by each model. Each model's column adds up to the same money, to the cent."""

    first: datetime = Field(alias="from")
    last: datetime = Field(alias="to")
    window_days: int
    campaign_windows: dict[str, int] = Field(description="Days, of campaigns with a window of their own.")
    orders: int = Field(description="Credited orders of the period.")
    totals: list[ModelMoneyOut]
    campaigns: list[ModelCampaignOut]
    not_enough: NotEnoughOut | None
    causal: Literal[False] = Field(description="Always false: no model tells what would have been bought.")


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is shown of a period. `together`: model -> campaign -> interval, empty when `shortage` is."""

    account: Account
    first: datetime
    last: datetime
    found: Tally
    names: dict[str, str]
    shortage: Shortage | None
    together: dict[str, dict[str, Interval]]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that say something."""
        return MODELS if self.together else tuple(map(str, Model))

    def orders(self, model: str, campaign: str) -> Decimal:
        """The orders credited, in parts."""
        return Decimal(self.found.orders[model, campaign]) / AN_ORDER

    def money(self, model: str, campaign: str) -> dict[str, Decimal]:
        """The net sales credited, by currency."""
        credited = self.found.money
        return {c: from_minor(credited[model, campaign, c], c) for c in sorted(self.found.totals)}

    def totals(self) -> dict[str, Decimal]:
        """All net sales that are shared, by currency."""
        return {c: from_minor(total, c) for c, total in sorted(self.found.totals.items())}

    def share(self, model: str, campaign: str) -> Interval | None:
        """The share with its interval, of the models that have one."""
        return self.together.get(model, {}).get(campaign)


def compare(emp_id: int, period: Period) -> Comparison:
    """Compare the models over a period of an account that the request may see."""
    first, last = period.ends(datetime.now(UTC))
    with services().database.read() as connection:
        account = see_account(connection, emp_id)
        found = tally(read_journeys(connection, emp_id, first, last, account.policy))
        names = {}
        for campaign_id in found.campaigns:
            if campaign := campaigns.get_campaign(connection, campaign_id):
                names[campaign_id] = campaign.name
    shortage = found.shortage()
    together = {} if shortage else found.credit_together()
    return Comparison(account, first, last, found, names, shortage, together)


@blueprint.get("/accounts/<int:emp_id>/models")
@blueprint.input(Period, location="query", arg_name="period")
@blueprint.output(ModelsOut)
@blueprint.doc(security="bearer")
def compare_models(emp_id: int, period: Period) -> dict[str, Any]:
    """What each model credits every campaign of an account with. Correlational, all of them."""
    compared = compare(emp_id, period)
    return {
        "from": compared.first,
        "to": compared.last,
        "window_days": compared.account.window_days,
        "campaign_windows": json.loads(compared.account.campaign_windows),
        "orders": compared.found.purchases,
        "totals": _money(compared.totals()),
        "campaigns": [_campaign(compared, campaign) for campaign in compared.found.campaigns],
        "not_enough": _not_enough(compared.shortage) if compared.shortage else None,
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
        said = f"Shapley and Markov need {shortage.limit} credited orders; the period has {shortage.have}."
    else:
        said = f"Shapley and Markov tell up to {shortage.limit} campaigns apart; here are {shortage.have}."
    return {
        "reason": shortage.reason,
        "have": shortage.have,
        "limit": shortage.limit,
        "message": f"{said} Ask for another period.",
    }
