"""The tables of a campaign: Links, Contacts and Items, as tabs and as files."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from flask import Response, request, url_for

from salepixel.accounts.principal import Principal
from salepixel.accounts.use_cases import see_account
from salepixel.campaigns.links import edge_url
from salepixel.campaigns.pages import dynamic_url
from salepixel.report import use_cases
from salepixel.report.activity import ContactActivity, LinkCounts
from salepixel.report.items import ItemSold
from salepixel.report.sales import sale_totals
from salepixel.report.tables import LARGEST, Column, Kind
from salepixel.storage.database import Database
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language
from salepixel_plugin.pages.campaigns import PAGE, show_tab
from salepixel_plugin.pages.tables import Table, read_asked, shown_of, table_of, write_cell
from salepixel_plugin.paging import cut_page, read_cursor, write_cursor
from salepixel_plugin.services import services, tracking
from salepixel_plugin.table_files import Form, send_table

_FILE_ROWS = 1000

LINKS = [
    Column[LinkCounts]("link", N_("Link"), Kind.TEXT, lambda row: row.link.label or row.link.destination),
    Column[LinkCounts]("human", N_("Human clicks"), Kind.COUNT, lambda row: row.human_clicks),
    Column[LinkCounts]("clickers", N_("Clickers"), Kind.COUNT, lambda row: row.contacts, adds_up=False),
    Column[LinkCounts]("bots", N_("Bot clicks"), Kind.COUNT, lambda row: row.bot_clicks),
    Column[LinkCounts]("orders", N_("Orders"), Kind.COUNT, lambda row: row.orders, adds_up=False),
]
_ADDRESS = Column[LinkCounts]("url", N_("Destination"), Kind.TEXT, lambda row: row.link.destination)

ITEMS = [
    Column[ItemSold]("item", N_("Item"), Kind.TEXT, lambda row: row.item),
    Column[ItemSold]("sku", N_("SKU"), Kind.TEXT, lambda row: row.sku),
    Column[ItemSold]("quantity", N_("Items sold"), Kind.COUNT, lambda row: row.quantity),
    Column[ItemSold](
        "gross", N_("Gross revenue"), Kind.MONEY, lambda row: row.gross, lambda row: row.currency
    ),
    Column[ItemSold](
        "refunds", N_("Refunds"), Kind.MONEY, lambda row: row.refunded, lambda row: row.currency
    ),
    Column[ItemSold]("net", N_("Net revenue"), Kind.MONEY, lambda row: row.net, lambda row: row.currency),
]
CURRENCY = Column[ItemSold]("currency", N_("Currency"), Kind.TEXT, lambda row: row.currency)

_TITLES = {"links": N_("Links"), "contacts": N_("Contacts"), "items": N_("Items")}


@blueprint.get("/campaigns/<campaign_id>/links")
def links(campaign_id: str) -> Response:
    """The clicks and orders of each link, with the switch of its sales link."""
    with services().database.read() as connection:
        campaign, found = use_cases.list_link_activity(connection, principal(), campaign_id)
        account = see_account(connection, principal(), campaign.emp_id)
        here = tracking()
        dynamic = dynamic_url(here.sealer, edge_url(here.edge, account.tracking_host), campaign)
        table = table_of(LINKS, found)
        return show_tab(
            connection,
            campaign,
            "links",
            table=table,
            write_cell=write_cell,
            hosts=account.leads_to,
            dynamic=dynamic,
            files=_files(campaign_id, "links", table),
        )


@blueprint.get("/campaigns/<campaign_id>/items")
def items(campaign_id: str) -> Response:
    """What was sold."""
    with services().database.read() as connection:
        campaign, found = use_cases.list_items_sold(connection, principal(), campaign_id)
        is_cut = len(found) == LARGEST
        table = table_of(ITEMS, found)
        files = _files(campaign_id, "items", table)
        return show_tab(
            connection, campaign, "items", table=table, write_cell=write_cell, is_cut=is_cut, files=files
        )


@blueprint.get("/campaigns/<campaign_id>/contacts")
def contacts(campaign_id: str) -> Response:
    """Who clicked and who bought: by reference, or sorted and searched if they are not too many."""
    asked = read_asked()
    with services().database.read() as connection:
        columns = _contact_columns(connection, campaign_id)
        if not (asked.sort or asked.search):
            return _contacts_by_reference(connection, campaign_id, columns)
        campaign, found = use_cases.list_all_contact_activity(connection, principal(), campaign_id)
        if found is None:
            return _contacts_by_reference(connection, campaign_id, columns, is_cut=True)
        table = table_of(columns, found)
        files = _files(campaign_id, "contacts", table)
        return show_tab(connection, campaign, "contacts", table=table, write_cell=write_cell, files=files)


def _contacts_by_reference(
    connection: sa.Connection, campaign_id: str, columns: list[Column[ContactActivity]], **values: Any
) -> Response:
    given = (request.args.get(name) for name in ("cursor", "newer"))
    after, before = (read_cursor(one, 1)[0] if one else None for one in given)
    campaign, found = use_cases.list_contact_activity(
        connection, principal(), campaign_id, PAGE + 1, after, before
    )
    shown, has_previous, has_next = cut_page(found, PAGE, after=after, before=before)
    table = table_of(columns, shown)
    return show_tab(
        connection,
        campaign,
        "contacts",
        table=table,
        write_cell=write_cell,
        files=_files(campaign_id, "contacts", table),
        previous=write_cursor(shown[0].contact) if shown and has_previous else None,
        next=write_cursor(shown[-1].contact) if shown and has_next else None,
        **values,
    )


def _contact_columns(connection: sa.Connection, campaign_id: str) -> list[Column[ContactActivity]]:
    """The columns of contacts: a column of revenue for each currency of the campaign."""
    currencies = [total.currency for total in sale_totals(connection, campaign_id)]
    return [
        Column("contact", N_("Contact"), Kind.TEXT, lambda row: row.contact),
        Column("human", N_("Human clicks"), Kind.COUNT, lambda row: row.human_clicks),
        Column("bots", N_("Bot clicks"), Kind.COUNT, lambda row: row.bot_clicks),
        Column("orders", N_("Orders"), Kind.COUNT, lambda row: row.orders),
        *(_revenue(currency, several=len(currencies) > 1) for currency in currencies),
    ]


def _revenue(currency: str, *, several: bool) -> Column[ContactActivity]:
    text = language().text(N_("Net revenue")) + (f" {currency}" if several else "")
    return Column(f"net-{currency}", text, Kind.MONEY, lambda row: row.net.get(currency), lambda _: currency)


def _files(campaign_id: str, name: str, table: Table[Any]) -> dict[Form, str]:
    """The addresses of a table as a file, with what the page was asked for."""

    forms: tuple[Form, ...] = ("xlsx", "csv")
    its: dict[str, Any] = {"campaign_id": campaign_id, "table": name, **table.parameters}
    return {form: url_for("pages.download_table", form=form, **its) for form in forms}


@blueprint.get("/campaigns/<campaign_id>/<any(links, items, contacts):table>.<any(csv, xlsx):form>")
def download_table(campaign_id: str, table: str, form: Form) -> Response:
    """A table with its sorting, search and columns, all pages of it, as a file in the reader's language."""
    with services().database.read() as connection:
        columns, rows = _whole_table(connection, campaign_id, table)
    return send_table(form, f"{table}-{campaign_id}", _TITLES[table], columns, rows, language())


def _whole_table(
    connection: sa.Connection, campaign_id: str, name: str
) -> tuple[list[Column[Any]], Iterable[Any]]:
    if name == "links":
        _, links = use_cases.list_link_activity(connection, principal(), campaign_id)
        return [*shown_of(LINKS), _ADDRESS], table_of(LINKS, links, whole=True).found.rows
    if name == "items":
        _, items = use_cases.list_items_sold(connection, principal(), campaign_id)
        return [*shown_of(ITEMS), CURRENCY], table_of(ITEMS, items, whole=True).found.rows
    columns = _contact_columns(connection, campaign_id)
    _, contacts = use_cases.list_all_contact_activity(connection, principal(), campaign_id)
    if contacts is None:
        return shown_of(columns), _all_contacts(services().database, principal(), campaign_id)
    return shown_of(columns), table_of(columns, contacts, whole=True).found.rows


def _all_contacts(database: Database, its: Principal, campaign_id: str) -> Iterator[ContactActivity]:
    # Without the services of the request: it has ended when the file is sent.
    after = None
    # One connection per page: a connection open for a slow reader would block SQLite's checkpoints.
    while True:
        with database.read() as connection:
            _, rows = use_cases.list_contact_activity(connection, its, campaign_id, _FILE_ROWS, after)
        yield from rows
        if len(rows) < _FILE_ROWS:
            return
        after = rows[-1].contact
