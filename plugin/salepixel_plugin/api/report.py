"""The report of a campaign: its sales as rows, sums and CSV; and its clicks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa
from flask import Response
from pydantic import Field

from salepixel.accounts import store as accounts
from salepixel.attribution.evidence import Rung
from salepixel.attribution.sale_store import StoredSale
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.store import Campaign
from salepixel.clicks import store as clicks
from salepixel.clicks.losses import losses_since
from salepixel.clicks.store import StoredClick
from salepixel.money.quantities import as_number
from salepixel.reading.times import rfc3339
from salepixel.report import sales
from salepixel.report.sales import Period
from salepixel.report.totals import ConvertedTotal, Total
from salepixel.storage.database import Database
from salepixel_plugin.access import see_campaign
from salepixel_plugin.api.door import Output, answers_with, blueprint
from salepixel_plugin.api.fields import Currency, Money, QuantityOut
from salepixel_plugin.api.losses import LossOut, losses_as_json
from salepixel_plugin.api.paging import (
    Days,
    Next,
    Page,
    PageOfDays,
    bad_cursor,
    read_cursor,
    read_sales_cursor,
    write_cursor,
)
from salepixel_plugin.exports import XLSX, Words, as_download, people_csv, people_xlsx, program_csv
from salepixel_plugin.languages import LANGUAGES, Language
from salepixel_plugin.services import services

_PAGE = 500

Kind = Literal["csv", "xlsx"]


class SaleOut(Output):
    """An order line credited to a campaign, a link and a contact."""

    contact: str | None
    item: str
    sku: str | None
    quantity: QuantityOut
    amount: Money
    currency: Currency
    refunded: Money
    purchased_at: datetime
    order: str = Field(description="The order's number.")
    campaign: str
    link: str | None = Field(description="Null where only the campaign is known.")
    evidence: Rung
    confidence: float
    status: Literal["confirmed", "refunded", "cancelled", "chargeback", "unverified"]
    share: float = Field(description="Of the line, that the account's model gives to this click.")
    refunded_at: datetime | None = Field(description="When the last of `refunded` was.")
    converted: Money | None = Field(
        description="The amount in the account's currency; null where there is no rate."
    )
    converted_currency: Currency | None
    rate: str | None = Field(description="The ECB's reference rate by which it was converted.")
    rate_date: date | None = Field(description="Its day: that of the sale, or the last one before.")
    refunded_later: Money = Field(
        description="Since its month was closed, and so not in `refunded`; negative where less was refunded "
        "than was thought then."
    )


class TotalOut(Output):
    """The sum of all sales in one currency; currencies are never added up."""

    currency: str
    orders: int
    quantity: QuantityOut
    gross: Money
    refunded: Money
    net: Money


class ConvertedOut(Output):
    """The sum of what was sold, whatever its currency, converted to the account's at the ECB's rates."""

    currency: Currency
    gross: Money
    refunded: Money
    net: Money
    without_rate: list[Currency] = Field(
        description="Currencies of sales that are not in the sum, because there is no rate for their day."
    )


class SalesOut(Output):
    """Sales of the days asked for, newest first, and the sums over all of them (not only over this page)."""

    rows: list[SaleOut]
    totals: list[TotalOut] = Field(
        description="Of what was sold in these days, less what was refunded since, of closed months until "
        "they were closed."
    )
    totals_by_refund_date: list[TotalOut] = Field(
        description="Of what was sold in these days, less what was refunded in them, of whichever sale."
    )
    converted: ConvertedOut = Field(description="`totals` as one sum, by the rate of each sale's day.")
    losses: list[LossOut] = Field(
        description="What could not be recorded since the campaign was made; whether it was of this campaign "
        "is not known."
    )
    next: Next


class ClickOut(Output):
    """A click."""

    contact: str | None
    link: str
    clicked_at: datetime
    verdict: Literal["human", "bot", "unknown"]
    reasons: list[str]
    score: float = Field(description="0.0 human, 1.0 bot.")
    final: bool = Field(description="Ten minutes have passed: the verdict stays.")


class ClicksOut(Output):
    """Clicks, oldest first."""

    rows: list[ClickOut]
    next: Next


@blueprint.get("/campaigns/<campaign_id>/sales")
@blueprint.input(PageOfDays, location="query", arg_name="page")
@blueprint.output(SalesOut)
@blueprint.doc(security="bearer")
def list_sales(campaign_id: str, page: PageOfDays) -> dict[str, Any]:
    """The sales of a campaign."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        after = read_sales_cursor(page.cursor)
        found = sales.list_sales(connection, campaign_id, page.limit + 1, after, page.period)
        sums = campaign_sums(connection, campaign, page.period)
        missing = losses_since(connection, campaign.created_at)
    shown = found[: page.limit]
    return {
        "rows": [sale_as_json(stored) for stored in shown],
        "totals": [_total_as_json(total) for total in sums.sold],
        "totals_by_refund_date": [_total_as_json(total) for total in sums.by_refund_date],
        "converted": _converted_as_json(sums.converted),
        "losses": losses_as_json(missing),
        "next": write_cursor(*shown[-1].cursor) if len(found) > page.limit else None,
    }


class FileQuery(Days):
    """Which days, and for whom the file is."""

    lang: Literal["en", "es"] | None = Field(
        None,
        description="For a person's spreadsheet, with its separator, decimal mark and headers; without it a "
        "CSV is for programs, and a workbook in English.",
    )


@blueprint.get("/campaigns/<campaign_id>/sales.csv")
@blueprint.input(FileQuery, location="query", arg_name="asked")
@blueprint.doc(security="bearer", responses=answers_with("text/csv", "All sales, newest first"))
def list_sales_as_csv(campaign_id: str, asked: FileQuery) -> Response:
    """The sales of a campaign, all of those days, as CSV."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
    if asked.lang is None:
        return sales_as_csv(campaign_id, asked.period)
    return sales_for_people(campaign, asked.period, "csv", LANGUAGES[asked.lang])


@blueprint.get("/campaigns/<campaign_id>/sales.xlsx")
@blueprint.input(FileQuery, location="query", arg_name="asked")
@blueprint.doc(security="bearer", responses=answers_with(XLSX, "All sales, newest first, and their sums"))
def list_sales_as_xlsx(campaign_id: str, asked: FileQuery) -> Response:
    """The sales of a campaign, all of those days, as an Excel workbook."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
    return sales_for_people(campaign, asked.period, "xlsx", LANGUAGES[asked.lang or "en"])


@blueprint.get("/campaigns/<campaign_id>/clicks")
@blueprint.input(Page, location="query", arg_name="page")
@blueprint.output(ClicksOut)
@blueprint.doc(security="bearer")
def list_clicks(campaign_id: str, page: Page) -> dict[str, Any]:
    """The clicks of a campaign, bot clicks included, with the reasons of each verdict."""
    with services().database.read() as connection:
        see_campaign(connection, campaign_id)
        after = None if page.cursor is None else _click_cursor(page.cursor)
        found = clicks.list_clicks(connection, campaign_id, page.limit + 1, after)
    shown = found[: page.limit]
    return {
        "rows": [_click_as_json(stored) for stored in shown],
        "next": write_cursor(shown[-1].click.id.hex()) if len(found) > page.limit else None,
    }


def sale_as_json(stored: StoredSale) -> dict[str, Any]:
    """A row of the report as programs read it, in the order of its columns."""
    sale = stored.sale
    return {
        "contact": sale.contact or None,
        "item": sale.item,
        "sku": sale.sku,
        "quantity": as_number(sale.quantity),
        "amount": f"{sale.amount:f}",
        "currency": sale.currency,
        "refunded": f"{sale.refunded:f}",
        "purchased_at": rfc3339(sale.purchased_at),
        "order": sale.order,
        "campaign": sale.campaign,
        "link": sale.link or None,
        "evidence": sale.evidence,
        "confidence": sale.confidence,
        "status": sale.status,
        "share": sale.share,
        "refunded_at": sale.refunded_at and rfc3339(sale.refunded_at),
        "converted": None if sale.converted is None else f"{sale.converted:f}",
        "converted_currency": sale.rate and sale.rate.into,
        "rate": sale.rate and f"{sale.rate.value:f}",
        "rate_date": sale.rate and sale.rate.on.isoformat(),
        "refunded_later": f"{sale.refunded_later:f}",
    }


def sales_as_csv(campaign_id: str, period: Period) -> Response:
    """All sales of a campaign in a period for programs. The caller has checked that it may be seen."""
    found = sales_by_page(services().database, campaign_id, period)
    pages = ([sale_as_json(stored) for stored in page] for page in found)
    return as_download(program_csv(list(SaleOut.model_fields), pages), f"sales-{campaign_id}.csv", "text/csv")


def sales_for_people(campaign: Campaign, period: Period, kind: Kind, language: Language) -> Response:
    """All sales of a campaign in a period for a spreadsheet, in a language. The caller has checked."""
    name, pages = (
        f"sales-{campaign.id}.{kind}",
        partial(sales_by_page, services().database, campaign.id, period),
    )
    with services().database.read() as connection:
        links = campaigns.links_of(connection, campaign.id)
        words = Words(campaign.name, {link.id: link.label or link.url for link in links})
        totals = sales.sale_totals(connection, campaign.id, period)
    if kind == "csv":
        return as_download(people_csv(language, words, pages), name, "text/csv")
    return as_download(people_xlsx(language, words, pages, totals), name, XLSX)


def sales_by_page(database: Database, campaign_id: str, period: Period) -> Iterator[list[StoredSale]]:
    """The sales of a campaign in a period, newest first, some hundred at a time."""
    after = None
    # A connection for each page: one that waits for a slow reader would hold up SQLite's checkpoints.
    while True:
        with database.read() as connection:
            page = sales.list_sales(connection, campaign_id, _PAGE, after, period)
        if not page:
            return
        yield page
        after = page[-1].cursor


@dataclass(frozen=True)
class Sums:
    """The sums of a campaign over a period."""

    sold: list[Total]
    by_refund_date: list[Total]
    converted: ConvertedTotal


def campaign_sums(connection: sa.Connection, campaign: Campaign, period: Period) -> Sums:
    """The sums of a campaign over what was sold, and over what was refunded, in a period."""
    account = accounts.get_account(connection, campaign.emp_id)
    currency = account.currency if account else "EUR"
    sold = sales.sale_totals(connection, campaign.id, period)
    return Sums(
        sold,
        sales.totals_by_refund_date(connection, campaign.id, period, sold),
        sales.converted_total(connection, campaign.id, currency, period),
    )


def _converted_as_json(total: ConvertedTotal) -> dict[str, Any]:
    return {
        "currency": total.currency,
        "gross": f"{total.gross:f}",
        "refunded": f"{total.refunded:f}",
        "net": f"{total.net:f}",
        "without_rate": list(total.without_rate),
    }


def _total_as_json(total: Total) -> dict[str, Any]:
    return {
        "currency": total.currency,
        "orders": total.orders,
        "quantity": as_number(total.quantity),
        "gross": f"{total.gross:f}",
        "refunded": f"{total.refunded:f}",
        "net": f"{total.net:f}",
    }


def _click_as_json(stored: StoredClick) -> dict[str, Any]:
    return {
        "contact": stored.click.contact or None,
        "link": stored.click.link,
        "clicked_at": rfc3339(stored.click.clicked_at),
        "verdict": stored.verdict,
        "reasons": list(stored.reasons),
        "score": stored.score,
        "final": stored.final,
    }


def _click_cursor(cursor: str) -> bytes:
    try:
        return bytes.fromhex(read_cursor(cursor, 1)[0])
    except ValueError:
        raise bad_cursor() from None
