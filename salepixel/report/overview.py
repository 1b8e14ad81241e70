"""The overview of a campaign and of an account, from kept sums: figures, comparison, values of charts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.store import Account
from salepixel.attribution.worth import BuyerIs
from salepixel.campaigns.store import Campaign, campaign_names, campaigns_begun, links_of
from salepixel.money.amounts import from_minor
from salepixel.money.quantities import from_thousandths
from salepixel.report.figures import (
    Audience,
    Buyers,
    Counted,
    Purchases,
    Sold,
    recipients_of,
)
from salepixel.report.periods import Comparison, Range
from salepixel.storage.schema import EPOCH
from salepixel.sums import delays, hours, items, parts, returning, revenue, sales
from salepixel.sums.days import ALWAYS
from salepixel.sums.large import read_sum
from salepixel.sums.links import NOTHING, totals_of_campaigns

_DAY = timedelta(days=1)
HOURS = 48
"""The hours after sending that are shown. Later clicks are few and spread over days."""

BEST = 5


@dataclass(frozen=True, slots=True)
class Best:
    """A campaign, link or item with its revenue. `id`: empty for an item. `quantity`: only for an item."""

    id: str
    name: str
    sold: Sold
    quantity: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class CampaignOverview:
    """A campaign in a range of days, and its comparison.

    `compared`: the other campaign, if the comparison is with another campaign. `hours`: human and bot clicks
    in each hour since sending began, empty if the time of sending is not known. `delays`: orders by the time
    since their click (sums.delays.STEPS). `links`, `items`: the best ones, per currency; items are those of
    all days.
    """

    campaign: Campaign
    now: Counted
    before: Counted | None
    comparison: Comparison | None
    compared: Campaign | None
    hours: list[tuple[int, int]]
    delays: list[int]
    links: dict[str, list[Best]]
    items: dict[str, list[Best]]


@dataclass(frozen=True, slots=True)
class AccountOverview:
    """An account in a range of days, and its comparison. `campaigns`: the best ones, per currency."""

    account: Account
    now: Counted
    before: Counted | None
    comparison: Comparison | None
    delays: list[int]
    campaigns: dict[str, list[Best]]


def overview_of_campaign(
    connection: sa.Connection,
    campaign: Campaign,
    range_: Range,
    comparison: Comparison | None,
    compared: Campaign | None,
) -> CampaignOverview:
    """The overview of a campaign. An open range ends at the first or last day with orders or clicks.

    `compared`: the other campaign, if the comparison is with another campaign.
    """
    days, campaign_id = range_.period.days, campaign.id
    before = _count_campaign(connection, compared or campaign, comparison.range) if comparison else None
    if before and compared is None:
        before = replace(before, audience=Audience())  # an audience is that of all days, so it is the same
    return CampaignOverview(
        campaign,
        _count_campaign(connection, campaign, range_),
        before,
        comparison,
        compared,
        _after_sending(connection, campaign),
        delays.orders_by_step(connection, campaign.emp_id, days, campaign_id),
        _best_links(connection, campaign, range_),
        _best_items(connection, campaign_id),
    )


def overview_of_account(
    connection: sa.Connection, account: Account, range_: Range, comparison: Comparison | None
) -> AccountOverview:
    """The overview of an account. An open range ends at the first or last day with orders or clicks."""
    emp_id = account.emp_id
    return AccountOverview(
        account,
        _count_account(connection, emp_id, range_),
        _count_account(connection, emp_id, comparison.range) if comparison else None,
        comparison,
        delays.orders_by_step(connection, emp_id, range_.period.days),
        _best_campaigns(connection, emp_id, range_),
    )


def _count_campaign(connection: sa.Connection, campaign: Campaign, range_: Range) -> Counted:
    days, ids = range_.period.days, [campaign.id]
    sold = sales.sold_by_day(connection, days, campaign.id)
    clicks = hours.clicks_by_day(connection, days, campaign_id=campaign.id)
    people = totals_of_campaigns(connection, ids).get(campaign.id, NOTHING)
    net = _net_until_now(connection, ids)
    sent = recipients_of(campaign.sent_to, people.clickers, people.buyers)
    audience = Audience(1, sent, people.clickers, people.buyers, net)
    counted = _counted(range_, sold, clicks, audience, (campaign.sent_at or campaign.created_at).date())
    return replace(counted, bought=_bought(returning.orders_by_buyer(connection, campaign.id, days)))


def _count_account(connection: sa.Connection, emp_id: int, range_: Range) -> Counted:
    days = range_.period.days
    bought = revenue.revenue_by_day(connection, emp_id, days)
    clicks = hours.clicks_by_day(connection, days, emp_id=emp_id)
    people = _audience(connection, emp_id, range_)
    earned = [row for row in bought if row.earned]
    counted = _counted(range_, earned, clicks, people)
    return replace(counted, bought=_bought(earned), shop=_purchases(bought))


def _purchases(rows: Sequence[sa.Row[Any]]) -> dict[str, Purchases]:
    by_currency = defaultdict[str, list[sa.Row[Any]]](list)
    for row in rows:
        by_currency[row.currency].append(row)
    return {
        currency: Purchases(_add_up(some, currency), _add_up([row for row in some if row.earned], currency))
        for currency, some in by_currency.items()
    }


def _bought(rows: Iterable[sa.Row[Any]]) -> dict[str, dict[date, Buyers]]:
    found: dict[str, dict[date, Buyers]] = {}
    for row in rows:
        of_days, day = found.setdefault(row.currency, {}), _date(row.day)
        of_days[day] = of_days.get(day, Buyers()).plus(_buyers(row))
    return found


def _buyers(row: sa.Row[Any]) -> Buyers:
    match BuyerIs(row.buyer_is):
        case BuyerIs.FIRST:
            return Buyers(first=int(row.orders))
        case BuyerIs.RETURNING:
            return Buyers(returning=int(row.orders))
    return Buyers(unknown=int(row.orders))


def _audience(connection: sa.Connection, emp_id: int, range_: Range) -> Audience:
    """The people of the campaigns that began in the range, if the number of their e-mails is known."""
    begun = campaigns_begun(connection, emp_id, range_.period.since, range_.period.until)
    people = totals_of_campaigns(connection, [campaign.id for campaign in begun])
    sent = {
        one.id: recipients_of(one.sent_to, its.clickers, its.buyers)
        for one, its in ((one, people.get(one.id, NOTHING)) for one in begun)
    }
    known = [campaign for campaign in begun if sent[campaign.id]]
    theirs = [people.get(campaign.id, NOTHING) for campaign in known]
    return Audience(
        len(known),
        sum(sent.values()),
        sum(one.clickers for one in theirs),
        sum(one.buyers for one in theirs),
        _net_until_now(connection, [campaign.id for campaign in known]),
        sum(campaign.id in people and not sent[campaign.id] for campaign in begun),
    )


def _counted(
    range_: Range,
    rows: Sequence[sa.Row[Any]],
    clicks: dict[int, tuple[int, int]],
    audience: Audience,
    began: date | None = None,
) -> Counted:
    by_day = defaultdict[tuple[str, int], list[sa.Row[Any]]](list)
    for row in rows:
        by_day[row.currency, row.day].append(row)
    sold: dict[str, dict[date, Sold]] = {}
    for (currency, day), some in by_day.items():
        sold.setdefault(currency, {})[_date(day)] = _add_up(some, currency)
    of_days = {_date(day): counts for day, counts in clicks.items()}
    known = {*of_days, *(day for days in sold.values() for day in days), *([began] if began else [])}
    first = range_.first or min(known, default=EPOCH.date())
    last = range_.last or max(known, default=first)
    return Counted(first, max(first, last), sold, of_days, audience)


def _date(day: int) -> date:
    return (EPOCH + day * _DAY).date()


def _sold(row: sa.Row[Any]) -> Sold:
    return _add_up([row], row.currency)


def _add_up(rows: Sequence[sa.Row[Any]], currency: str) -> Sold:
    # Integers: a year has thousands of rows, and adding them up as amounts took half the time of a page.
    gross, refunded = (
        from_minor(sum(read_sum(row, name) for row in rows), currency) for name in ("gross", "refunded")
    )
    return Sold(sum(int(row.orders) for row in rows), gross, refunded)


def _net_until_now(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Decimal]:
    net: dict[str, Decimal] = {}
    for row in sales.read_campaigns(connection, ids):
        net[row.currency] = net.get(row.currency, Decimal(0)) + _sold(row).net
    return net


def _after_sending(connection: sa.Connection, campaign: Campaign) -> list[tuple[int, int]]:
    if campaign.sent_at is None:
        return []
    first = int((campaign.sent_at.astimezone(UTC) - EPOCH).total_seconds()) // 3600
    found = hours.clicks_by_hour(connection, campaign.id, first, first + HOURS)
    return [found.get(first + n, (0, 0)) for n in range(HOURS)]


def _best_links(connection: sa.Connection, campaign: Campaign, range_: Range) -> dict[str, list[Best]]:
    names = {link.id: link.label or link.destination for link in links_of(connection, campaign.id)}
    found: dict[str, list[Best]] = {}
    days = range_.period.days
    sold = (
        parts.sold_by_link(connection, campaign.id)
        if days == ALWAYS
        else sales.sold_by_link(connection, campaign.id, days)
    )
    for row in sold:
        if row.link_id in names:
            best = Best(row.link_id, names[row.link_id], _sold(row))
            found.setdefault(row.currency, []).append(best)
    return {currency: _first(some) for currency, some in found.items()}


def _best_items(connection: sa.Connection, campaign_id: str) -> dict[str, list[Best]]:
    found: dict[str, list[Best]] = {}
    for row in items.items_of(connection, campaign_id):
        gross, refunded = (from_minor(read_sum(row, name), row.currency) for name in ("gross", "refunded"))
        quantity = from_thousandths(read_sum(row, "quantity"))
        if quantity:
            best = Best("", row.item, Sold(0, gross, refunded), quantity=quantity)
            found.setdefault(row.currency, []).append(best)
    return {currency: _first(some) for currency, some in found.items()}


def _best_campaigns(connection: sa.Connection, emp_id: int, range_: Range) -> dict[str, list[Best]]:
    found: dict[str, list[sa.Row[Any]]] = {}
    for row in sales.sold_by_campaign(connection, range_.period.days, emp_id):
        found.setdefault(row.currency, []).append(row)
    best = {
        currency: _first([Best(row.campaign_id, "", _sold(row)) for row in rows])
        for currency, rows in found.items()
    }
    names = campaign_names(connection, {one.id for some in best.values() for one in some})
    return {
        currency: [replace(one, name=names.get(one.id, one.id)) for one in some]
        for currency, some in best.items()
    }


def _first(some: list[Best]) -> list[Best]:
    return sorted(some, key=lambda one: (-one.sold.net, one.name, one.id))[:BEST]
