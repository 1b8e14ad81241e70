"""The figures of an account and of a campaign over some days, and what they are compared with."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from pydantic import Field

from salepixel.money.quantities import as_number
from salepixel.report.figures import MONEY, PER_CURRENCY, RATES, Counted, Figure, Name, figures_of
from salepixel.report.overview import Best
from salepixel.report.periods import Against, Comparison, Range, compare
from salepixel.report.use_cases import read_account_overview, read_campaign_overview
from salepixel.sums.delays import STEPS
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import Currency, Money, QuantityOut
from salepixel_plugin.paging import Days
from salepixel_plugin.services import services


class OverviewQuery(Days):
    """The days of an overview, and what they are compared with."""

    compare: Literal["before", "year"] | None = Field(
        None, description="`before`: as many days before them. `year`: the same days a year earlier."
    )

    @property
    def range(self) -> Range:
        """The days."""
        return Range(self.since, self.to)

    @property
    def comparison(self) -> Comparison | None:
        """What they are compared with."""
        return compare(self.range, Against(self.compare or ""))


class FigureOut(Output):
    """A figure. A figure without a value, such as a rate without recipients, is left out."""

    name: Name
    currency: Currency | None = Field(description="Null for clicks, people, and rates of all currencies.")
    value: str = Field(description="An amount, a count, or a share of 1, as a decimal.")
    before: str | None = Field(description="The value that it is compared with.")
    change: float | None = Field(
        description="By which share of `before` it grew; null if that is missing or not above 0."
    )


class SoldDayOut(Output):
    """The orders of a day (UTC) in one currency; `refunded`: of these orders, until now."""

    day: date
    currency: Currency
    orders: int
    gross: Money
    refunded: Money
    net: Money


class ClickDayOut(Output):
    """The clicks of a day (UTC)."""

    day: date
    human: int
    bot: int


class HourOut(Output):
    """The clicks of an hour after sending."""

    human: int
    bot: int


class AudienceOut(Output):
    """People of whole campaigns. For an account: of the campaigns that were sent on the requested days."""

    campaigns: int
    sent: int = Field(description="E-mails sent; 0 if not known.")
    clickers: int
    buyers: int
    unknown: int = Field(
        description="Campaigns with clicks that are left out, because their number of e-mails is not known."
    )


class DelayOut(Output):
    """Orders by the time since the click that earned them."""

    until_minutes: int | None = Field(description="The end of the step; null: longer.")
    orders: int


class BestOut(Output):
    """A campaign, a link or an item, by net revenue."""

    id: str | None
    name: str
    currency: Currency
    orders: int | None = Field(description="Null for items.")
    quantity: QuantityOut | None = Field(description="Items sold; null for campaigns and links.")
    net: Money


class OverviewOut(Output):
    """Figures per currency; currencies are never added up."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    figures: list[FigureOut]
    by_day: list[SoldDayOut]
    clicks_by_day: list[ClickDayOut]
    audience: AudienceOut
    time_to_purchase: list[DelayOut]


class AccountOverviewOut(OverviewOut):
    """The overview of an account."""

    best_campaigns: list[BestOut]


class CampaignOverviewOut(OverviewOut):
    """The overview of a campaign."""

    hours_after_sending: list[HourOut] = Field(
        description="48 hours of the clock, from the one in which sending began; empty if that is not known."
    )
    best_links: list[BestOut]
    best_items: list[BestOut] = Field(description="Of all days.")


@blueprint.get("/accounts/<int:emp_id>/overview")
@blueprint.input(OverviewQuery, location="query", arg_name="asked")
@blueprint.output(AccountOverviewOut)
@blueprint.doc(security="bearer")
def account_overview(emp_id: int, asked: OverviewQuery) -> dict[str, Any]:
    """The figures of an account over some days."""
    with services().database.read() as connection:
        found = read_account_overview(connection, principal(), emp_id, asked.range, asked.comparison)
    return _as_json(found.now, found.before, found.delays) | {"best_campaigns": _best(found.campaigns)}


@blueprint.get("/campaigns/<campaign_id>/overview")
@blueprint.input(OverviewQuery, location="query", arg_name="asked")
@blueprint.output(CampaignOverviewOut)
@blueprint.doc(security="bearer")
def campaign_overview(campaign_id: str, asked: OverviewQuery) -> dict[str, Any]:
    """The figures of a campaign over some days, or since it was sent."""
    with services().database.read() as connection:
        found = read_campaign_overview(connection, principal(), campaign_id, asked.range, asked.comparison)
    return _as_json(found.now, found.before, found.delays) | {
        "hours_after_sending": [{"human": human, "bot": bot} for human, bot in found.hours],
        "best_links": _best(found.links),
        "best_items": _best(found.items),
    }


def _as_json(now: Counted, before: Counted | None, delays: Sequence[int]) -> dict[str, Any]:
    people = now.audience
    return {
        "from": now.first.isoformat(),
        "to": now.last.isoformat(),
        "figures": _figures(now, before),
        "by_day": [
            {
                "day": day.isoformat(),
                "currency": currency,
                "orders": sold.orders,
                "gross": f"{sold.gross:f}",
                "refunded": f"{sold.refunded:f}",
                "net": f"{sold.net:f}",
            }
            for currency in sorted(now.sold)
            for day, sold in sorted(now.sold[currency].items())
        ],
        "clicks_by_day": [
            {"day": day.isoformat(), "human": human, "bot": bot}
            for day, (human, bot) in sorted(now.clicks.items())
        ],
        "audience": {
            name: getattr(people, name) for name in ("campaigns", "sent", "clickers", "buyers", "unknown")
        },
        "time_to_purchase": [
            {"until_minutes": end and end // 60_000, "orders": orders}
            for end, orders in zip((*STEPS, None), delays, strict=True)
        ],
    }


def _figures(now: Counted, before: Counted | None) -> list[dict[str, Any]]:
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for currency in now.currencies or [""]:
        for one in figures_of(now, currency, before):
            its = currency if currency and one.name in PER_CURRENCY else None
            if its or one.name not in MONEY:
                found.setdefault((one.name, its), _figure(one, its))
    return list(found.values())


def _figure(one: Figure, currency: str | None) -> dict[str, Any]:
    def write(value: Any) -> str | None:
        if value is None:
            return None
        digits = 4 if one.name in RATES or one.name in MONEY else 0
        return f"{round(value, digits):f}"

    change = None if one.change is None else round(float(one.change), 4)
    return {
        "name": one.name,
        "currency": currency,
        "value": write(one.value),
        "before": write(one.before),
        "change": change,
    }


def _best(found: Mapping[str, Sequence[Best]]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id or None,
            "name": one.name,
            "currency": currency,
            "orders": one.sold.orders if one.id else None,
            "quantity": None if one.id else as_number(one.quantity),
            "net": f"{one.sold.net:f}",
        }
        for currency in sorted(found)
        for one in found[currency]
    ]
