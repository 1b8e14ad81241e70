"""The items that all campaigns of an account sold, as a table and as files; and one item by campaign."""

import sqlalchemy as sa
from flask import Response, request

from salepixel.accounts.store import Account
from salepixel.accounts.use_cases import see_account
from salepixel.report import use_cases
from salepixel.report.items import ItemSold, SoldByCampaign
from salepixel.report.periods import Preset
from salepixel.report.tables import LARGEST, Column, Kind
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.pages.campaign_tables import CURRENCY, ITEMS
from salepixel_plugin.pages.periods import Chosen, read_period
from salepixel_plugin.pages.tables import shown_of, table_of, write_cell
from salepixel_plugin.services import services
from salepixel_plugin.table_files import Form, send_table

CAMPAIGNS = [
    Column[SoldByCampaign]("campaign", N_("Campaign"), Kind.TEXT, lambda row: row.name),
    Column[SoldByCampaign]("quantity", N_("Items sold"), Kind.COUNT, lambda row: row.sold.quantity),
    Column[SoldByCampaign](
        "gross", N_("Gross revenue"), Kind.MONEY, lambda row: row.sold.gross, lambda row: row.sold.currency
    ),
    Column[SoldByCampaign](
        "refunds", N_("Refunds"), Kind.MONEY, lambda row: row.sold.refunded, lambda row: row.sold.currency
    ),
    Column[SoldByCampaign](
        "net", N_("Net revenue"), Kind.MONEY, lambda row: row.sold.net, lambda row: row.sold.currency
    ),
]


@blueprint.get("/accounts/<int:emp_id>/items")
def list_account_items(emp_id: int) -> Response:
    """What all campaigns of the account sold in a period."""
    with services().database.read() as connection:
        account, chosen, found = _read_items(connection, emp_id)
    is_cut = len(found) == LARGEST
    return page(
        "account_items.html",
        account=account,
        chosen=chosen,
        table=table_of(ITEMS, found),
        write_cell=write_cell,
        is_cut=is_cut,
    )


@blueprint.get("/accounts/<int:emp_id>/items.<any(csv, xlsx):form>")
def download_account_items(emp_id: int, form: Form) -> Response:
    """The same table with its period, sorting, search and columns, as a file in the reader's language."""
    with services().database.read() as connection:
        _, _, found = _read_items(connection, emp_id)
    rows = table_of(ITEMS, found, whole=True).found.rows
    return send_table(form, f"items-{emp_id}", N_("Items"), [*shown_of(ITEMS), CURRENCY], rows, language())


def _read_items(connection: sa.Connection, emp_id: int) -> tuple[Account, Chosen, list[ItemSold]]:
    chosen = read_period(see_account(connection, principal(), emp_id), Preset.ALL)
    account, found = use_cases.list_account_items(connection, principal(), emp_id, chosen.range.period)
    return account, chosen, found


@blueprint.get("/accounts/<int:emp_id>/items/one")
def show_item(emp_id: int) -> Response:
    """What each campaign sold of an item (`item`, `sku`, `currency`) on all days."""
    its = [request.args.get(name, "") for name in ("item", "sku", "currency")]
    with services().database.read() as connection:
        account, found = use_cases.list_campaigns_of_item(connection, principal(), emp_id, *its)
    return page(
        "account_item.html",
        account=account,
        item=its[0],
        sku=its[1],
        table=table_of(CAMPAIGNS, found),
        write_cell=write_cell,
    )
