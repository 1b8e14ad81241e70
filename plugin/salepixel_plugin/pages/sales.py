"""The SALES table of a campaign: by date or amount, or sorted, searched and filtered; and its files."""

from collections.abc import Sequence

import sqlalchemy as sa
from flask import Response, request

from salepixel.accounts.use_cases import see_account
from salepixel.attribution.evidence import Rung
from salepixel.attribution.sale_store import StoredSale
from salepixel.attribution.sales import Status
from salepixel.campaigns.use_cases import see_campaign
from salepixel.money.amounts import from_minor
from salepixel.report import use_cases
from salepixel.report.exports import SMALL_ORDERS
from salepixel.report.periods import Preset
from salepixel.report.results import SalesReport
from salepixel.report.sorted_sales import BY_KEY, place_of
from salepixel.report.tables import LARGEST, Arranged, Asked, Column, Kind
from salepixel_plugin import exports
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.exports import send_sales
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, show_times_of
from salepixel_plugin.pages.campaigns import PAGE, show_tab
from salepixel_plugin.pages.periods import Chosen, read_period
from salepixel_plugin.pages.tables import Table, read_asked, shown_of
from salepixel_plugin.paging import cut_page, read_amount_cursor, read_sales_cursor, write_cursor
from salepixel_plugin.services import services

COLUMNS: Sequence[Column[StoredSale]] = [
    Column("contact", N_("Contact"), Kind.TEXT, lambda row: row.sale.contact),
    Column("item", N_("Item"), Kind.TEXT, lambda row: row.sale.item),
    Column("quantity", N_("Quantity"), Kind.COUNT, lambda row: row.sale.quantity),
    Column("amount", N_("Amount"), Kind.MONEY, lambda row: row.sale.amount, lambda row: row.sale.currency),
    Column(
        "refund", N_("Refunded"), Kind.MONEY, lambda row: row.sale.refunded, lambda row: row.sale.currency
    ),
    Column("date", N_("Date"), Kind.TEXT, lambda row: row.sale.purchased_at.isoformat()),
    Column("evidence", N_("Evidence"), Kind.TEXT, lambda row: row.sale.evidence),
    Column("status", N_("Status"), Kind.TEXT, lambda row: row.sale.status),
    Column("order", N_("Order"), Kind.TEXT, lambda row: row.sale.order),
]

_FILTERS = {"evidence": set(map(str, Rung)), "status": set(map(str, Status))}
_TEXT_FILTERS = {"item": "item", "currency": "currency", "link": "link_id", "contact": "contact"}
"""Filters that links of other tables set: in the address -> the column."""

_TOO_MANY = N_(
    "Only periods with at most %(orders)s orders can be sorted, searched and filtered. Choose fewer days."
)


@blueprint.get("/campaigns/<campaign_id>/sales")
def list_sales(campaign_id: str) -> Response:
    """The SALES table."""
    asked, filters = read_asked(), _filters()
    with services().database.read() as connection:
        chosen = _period(connection, campaign_id)
        if not (asked.sort or asked.search or filters):
            return _by_key(connection, campaign_id, chosen, asked)
        period = chosen.range.period
        report, count = use_cases.read_sorted_sales(
            connection, principal(), campaign_id, period, asked, filters, PAGE
        )
        if count is None:
            return _by_key(connection, campaign_id, chosen, asked)
        pages = max(1, -(-count // PAGE))
        return _sales_page(
            connection, chosen, report, Arranged(report.rows, count, min(asked.page, pages), pages)
        )


def _by_key(connection: sa.Connection, campaign_id: str, chosen: Chosen, asked: Asked) -> Response:
    read = read_amount_cursor if asked.sort == "amount" else read_sales_cursor
    after, before = (read(request.args.get(name)) for name in ("cursor", "newer"))
    period, filters = chosen.range.period, _filters()
    wanted = asked if asked.sort or asked.search else None
    report = use_cases.read_sales(
        connection, principal(), campaign_id, period, PAGE + 1, after, before, wanted, filters
    )
    shown, has_newer, has_older = cut_page(report.rows, PAGE, after=after, before=before)
    ends = [write_cursor(*place_of(row, asked)) for row in (shown[0], shown[-1])] if shown else ["", ""]
    newer, older = ends[0] if has_newer else "", ends[1] if has_older else ""
    if report.search_on:
        newer, older = (
            (write_cursor(*report.search_on), older) if before else (newer, write_cursor(*report.search_on))
        )
    return _sales_page(
        connection,
        chosen,
        report,
        Arranged(shown, len(shown), 1, 1),
        newer=newer,
        older=older,
        is_cut=asked.sort not in ("", *BY_KEY),
    )


def _sales_page(
    connection: sa.Connection,
    chosen: Chosen,
    report: SalesReport,
    found: Arranged[StoredSale],
    *,
    newer: str = "",
    older: str = "",
    is_cut: bool = False,
) -> Response:
    table = Table(COLUMNS, shown_of(COLUMNS), found, read_asked())
    return show_tab(
        connection,
        report.campaign,
        "sales",
        table=table,
        filters=_filters(),
        files={} if is_cut else _asked_filters() | table.parameters,
        chosen=chosen,
        sums=report.sums,
        labels=report.labels,
        newer_than=newer,
        older_than=older,
        searched_to=_searched_to(report, table.asked),
        is_newest_first=table.asked.sort != "amount"
        and (table.asked.sort != "date" or table.asked.descending),
        is_cut=is_cut,
        largest=LARGEST,
    )


@blueprint.get("/campaigns/<campaign_id>/sales.<any(csv, xlsx):kind>")
def download_sales(campaign_id: str, kind: exports.Kind) -> Response:
    """The SALES table of all days or some, as a file for a spreadsheet, in the reader's language."""
    with services().database.read() as connection:
        period = _period(connection, campaign_id).range.period
        asked, filters = read_asked(), _filters()
        if asked.sort or asked.search or filters:
            chosen = use_cases.export_chosen_sales(
                connection, principal(), campaign_id, period, asked, filters
            )
            if chosen is None:
                raise Refusal(422, "too_many_orders", _TOO_MANY, orders=language().number(SMALL_ORDERS))
            export = chosen
        else:
            export = use_cases.export_sales(connection, principal(), campaign_id, period)
        show_times_of(export.campaign.emp_id)
    sent = send_sales(export, kind, language(), is_fetched="file" in request.args)
    if isinstance(sent, Response):
        return sent
    with services().database.read() as connection:
        return show_tab(connection, export.campaign, "sales", "file.html", computed=sent, kind=kind)


def _searched_to(report: SalesReport, asked: Asked) -> str | None:
    if report.search_on is None:
        return None
    if asked.sort != "amount":
        return language().time(report.search_on[0])
    currency, amount = report.search_on[:2]
    return language().money(from_minor(amount, currency), currency)


def _asked_filters() -> dict[str, str]:
    """The filters as they are in the address of this page."""
    names = {*_FILTERS, *_TEXT_FILTERS, "sku"}
    return {name: text for name, text in request.args.items() if name in names}


def _filters() -> dict[str, str]:
    """The filters in the address: column -> value. Unknown values are left out."""
    given = {name: text for name, text in request.args.items() if text}
    known = {name: given[name] for name, values in _FILTERS.items() if given.get(name) in values}
    texts = {column: given[name] for name, column in _TEXT_FILTERS.items() if name in given}
    # An item without a SKU has an empty one.
    return known | texts | ({"sku": request.args["sku"]} if "item" in texts and "sku" in request.args else {})


def _period(connection: sa.Connection, campaign_id: str) -> Chosen:
    campaign = see_campaign(connection, principal(), campaign_id)
    return read_period(see_account(connection, principal(), campaign.emp_id), Preset.ALL)
