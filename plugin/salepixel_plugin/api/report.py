"""The report of a campaign: sales as rows, totals, CSV and XLSX; and its clicks."""

from datetime import date, datetime
from typing import Any, Literal

from flask import Response
from pydantic import Field

from salepixel.attribution.evidence import Rung
from salepixel.attribution.sale_store import StoredSale
from salepixel.clicks.store import StoredClick
from salepixel.money.quantities import as_number
from salepixel.reading.times import rfc3339
from salepixel.report import use_cases
from salepixel.report.totals import ConvertedTotal, Total
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, answers_with, blueprint
from salepixel_plugin.api.computations import ACCEPTED, not_computed_yet
from salepixel_plugin.api.losses import LossOut, losses_as_json
from salepixel_plugin.exports import XLSX, Kind, send_sales
from salepixel_plugin.fields import Currency, Money, QuantityOut
from salepixel_plugin.languages import LANGUAGES, Language
from salepixel_plugin.paging import (
    Days,
    Next,
    PageOfDays,
    PageQuery,
    read_click_cursor,
    read_sales_cursor,
    write_cursor,
)
from salepixel_plugin.services import services


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
    link: str | None = Field(description="Null if only the campaign is known.")
    evidence: Rung
    confidence: float
    status: Literal["confirmed", "refunded", "cancelled", "chargeback", "unverified"]
    share: float = Field(description="The share of the line that the account's model gives to this click.")
    refunded_at: datetime | None = Field(description="The time of the last refund in `refunded`.")
    converted: Money | None = Field(
        description="`amount` in the account's currency; null if there is no rate."
    )
    converted_currency: Currency | None
    rate: str | None = Field(description="The ECB reference rate of the conversion.")
    rate_date: date | None = Field(
        description="The day of the rate: the day of the sale, or the last day with a rate before it."
    )
    refunded_later: Money = Field(
        description="Refunded after the month was closed, so not in `refunded`. Negative if the shop took "
        "back a refund after that."
    )


class TotalOut(Output):
    """The total of all sales in one currency. Currencies are never added up."""

    currency: str
    orders: int
    quantity: QuantityOut
    gross: Money
    refunded: Money
    net: Money


class ConvertedOut(Output):
    """The total of all sales, converted to the account's currency at the ECB's reference rates."""

    currency: Currency
    gross: Money
    refunded: Money
    net: Money
    without_rate: list[Currency] = Field(
        description="Currencies of sales that are not in the total, because there is no rate for their day."
    )


class SalesOut(Output):
    """Sales of the requested days, newest first, and the totals of all of them, not only of this page."""

    rows: list[SaleOut]
    totals: list[TotalOut] = Field(
        description="Sales of the requested days, less their refunds until now; in closed months, less their "
        "refunds until the month was closed."
    )
    totals_by_refund_date: list[TotalOut] = Field(
        description="Sales of the requested days, less all refunds made on those days, also of earlier sales."
    )
    converted: ConvertedOut = Field(
        description="`totals` in the account's currency, at the rate of each sale's day."
    )
    losses: list[LossOut] = Field(
        description="Clicks and pixel hits that could not be recorded since the campaign was created. Their "
        "campaign is unknown."
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
    final: bool = Field(description="True: the click is older than ten minutes, and its verdict is final.")


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
        after = read_sales_cursor(page.cursor)
        report = use_cases.read_sales(
            connection, principal(), campaign_id, page.period, page.limit + 1, after
        )
    sums, shown = report.sums, report.rows[: page.limit]
    return {
        "rows": [sale_as_json(stored) for stored in shown],
        "totals": [total_as_json(total) for total in sums.sold],
        "totals_by_refund_date": [total_as_json(total) for total in sums.by_refund_date],
        "converted": _converted_as_json(sums.converted),
        "losses": losses_as_json(report.losses),
        "next": write_cursor(*shown[-1].cursor) if len(report.rows) > page.limit else None,
    }


class FileQuery(Days):
    """The days of a file, and its language."""

    lang: Literal["en", "es"] | None = Field(
        None,
        description="For a spreadsheet in this language: separator, decimal mark and headers. Without it, a "
        "CSV is for programs, and an XLSX is in English.",
    )


@blueprint.get("/campaigns/<campaign_id>/sales.csv")
@blueprint.input(FileQuery, location="query", arg_name="asked")
@blueprint.doc(
    security="bearer", responses={**answers_with("text/csv", "All sales, newest first"), **ACCEPTED}
)
def list_sales_as_csv(campaign_id: str, asked: FileQuery) -> Response:
    """All sales of the requested days as CSV.

    If the file is large, the worker writes it: 202 until it is ready.
    """
    return _send(campaign_id, asked, "csv", LANGUAGES[asked.lang] if asked.lang else None)


@blueprint.get("/campaigns/<campaign_id>/sales.xlsx")
@blueprint.input(FileQuery, location="query", arg_name="asked")
@blueprint.doc(
    security="bearer",
    responses={**answers_with(XLSX, "All sales, newest first, and their totals"), **ACCEPTED},
)
def list_sales_as_xlsx(campaign_id: str, asked: FileQuery) -> Response:
    """All sales of the requested days as an Excel workbook, like `.csv`."""
    return _send(campaign_id, asked, "xlsx", LANGUAGES[asked.lang or "en"])


def _send(campaign_id: str, asked: FileQuery, kind: Kind, language: Language | None) -> Response:
    with services().database.read() as connection:
        export = use_cases.export_sales(connection, principal(), campaign_id, asked.period)
    sent = send_sales(export, kind, language)
    return sent if isinstance(sent, Response) else not_computed_yet(sent)


@blueprint.get("/campaigns/<campaign_id>/clicks")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(ClicksOut)
@blueprint.doc(security="bearer")
def list_clicks(campaign_id: str, page: PageQuery) -> dict[str, Any]:
    """The clicks of a campaign, bot clicks included, with the reasons of each verdict."""
    with services().database.read() as connection:
        after = read_click_cursor(page.cursor)
        found = use_cases.see_clicks(connection, principal(), campaign_id, page.limit + 1, after)
    shown = found[: page.limit]
    return {
        "rows": [_click_as_json(stored) for stored in shown],
        "next": write_cursor(shown[-1].click.id.hex()) if len(found) > page.limit else None,
    }


def sale_as_json(stored: StoredSale) -> dict[str, Any]:
    """A row of the report as JSON, in the order of its columns."""
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


def _converted_as_json(total: ConvertedTotal) -> dict[str, Any]:
    return {
        "currency": total.currency,
        "gross": f"{total.gross:f}",
        "refunded": f"{total.refunded:f}",
        "net": f"{total.net:f}",
        "without_rate": list(total.without_rate),
    }


def total_as_json(total: Total) -> dict[str, Any]:
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
