"""Sales per item of a campaign, and of a whole account."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.money.quantities import to_thousandths
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import account_items, campaigns, item_sums, sales
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference
from salepixel.sums.large import halves, kept_sum, sum_of_halves

MAX_CHARS = 255
"""Names with the same first 255 characters count as one: PostgreSQL allows 2,704 bytes in an index entry."""

_LARGE = ("quantity", "gross", "refunded")


def add(
    connection: sa.Connection, before: Sequence[Mapping[Any, Any]], after: Sequence[Mapping[Any, Any]]
) -> None:
    """Add to the sums what changed in the rows of `sales` of some orders."""
    for table, owner in ((item_sums, "campaign_id"), (account_items, "emp_id")):
        add_cells(connection, table, difference(sums_of(before, owner), sums_of(after, owner)))


def sums_of(rows: Sequence[Mapping[Any, Any]], owner: str = "campaign_id") -> Cells:
    """The cells to which these rows of `sales` add up, by campaign or by account (`emp_id`)."""
    cells: dict[Key, list[int]] = {}
    for row in rows:
        key = row[owner], row["item"][:MAX_CHARS], row["sku"] or "", row["currency"]
        quantity, amount, refunded = to_thousandths(row["quantity"]), row["amount"], row["refunded"]
        measures = *halves(quantity), *halves(amount), *halves(refunded)
        so_far = cells.get(key, [0] * len(measures))
        cells[key] = [a + b for a, b in zip(so_far, measures, strict=True)]
    return dict(cells)


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all sales, by campaign."""
    return _define(sales.c.campaign_id)


def account_definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all sales, by account."""
    return _define(sales.c.emp_id)


def _define(owner: sa.Column[Any]) -> sa.Select[Any]:
    # A subquery, because PostgreSQL takes two expressions with equal parameters for different ones.
    rows = sa.select(
        owner,
        sa.func.substr(sales.c.item, 1, MAX_CHARS).label("item"),
        sa.func.coalesce(sales.c.sku, "").label("sku"),
        sales.c.currency,
        sa.type_coerce(sales.c.quantity, sa.BigInteger).label("quantity"),
        sales.c.amount.label("gross"),
        sales.c.refunded,
    ).subquery()
    key = [rows.c[name] for name in (owner.name, "item", "sku", "currency")]
    measures = (half for name in _LARGE for half in sum_of_halves(rows.c[name], name))
    return sa.select(*key, *measures).group_by(*key)


SUM = KeptSum(item_sums, definition)
BY_ACCOUNT = KeptSum(account_items, account_definition)


def is_item(
    columns: sa.ColumnCollection[Any, Any], name: str, sku: str | None
) -> list[sa.ColumnElement[bool]]:
    """The conditions for sales of an item as these sums have it; `sku`: None for all with the name.

    `columns`: item and sku of the sales.
    """
    its_name = sa.func.substr(columns["item"], 1, MAX_CHARS) == name
    return [its_name] if sku is None else [its_name, sa.func.coalesce(columns["sku"], "") == sku]


def items_of(connection: sa.Connection, campaign_id: str) -> Sequence[sa.Row[Any]]:
    """All items of a campaign: item, currency and, for `large.read_sum`, quantity, gross and refunded.

    The quantity is in thousandths. Variants with the same name are one row, whatever their article number.
    """
    key = item_sums.c.item, item_sums.c.currency
    large = (column for name in _LARGE for column in kept_sum(item_sums, name))
    query: sa.Select[Any] = sa.select(*key, *large).where(item_sums.c.campaign_id == campaign_id)
    return connection.execute(query.group_by(*key)).all()


def read_items(connection: sa.Connection, campaign_id: str, limit: int) -> Sequence[sa.Row[Any]]:
    """The items of a campaign that sold, those with the highest gross revenue first.

    Rows with item, sku, currency and, for `large.read_sum`, quantity (in thousandths) and minor units: gross,
    refunded.
    """
    return add_up_items(connection, sa.select(item_sums).where(item_sums.c.campaign_id == campaign_id), limit)


def read_account_items(connection: sa.Connection, emp_id: int, limit: int) -> Sequence[sa.Row[Any]]:
    """The items of all campaigns of an account together, as `read_items`."""
    return add_up_items(connection, sa.select(account_items).where(account_items.c.emp_id == emp_id), limit)


def add_up_items(connection: sa.Connection, cells: sa.SelectBase, limit: int) -> Sequence[sa.Row[Any]]:
    """The items that these cells add up to, as `read_items`."""
    table = cells.subquery()
    key = table.c.item, table.c.sku, table.c.currency
    quantity, *money = (tuple(kept_sum(table, name)) for name in _LARGE)
    high, low = (sa.func.sum(table.c[name]) for name in ("gross_high", "gross_low"))
    query = sa.select(*key, *quantity, *(half for both in money for half in both)).group_by(*key)
    sold = sa.or_(*(sa.func.sum(table.c[f"quantity_{half}"]) != 0 for half in ("high", "low")))
    return connection.execute(query.having(sold).order_by(high.desc(), low.desc(), *key).limit(limit)).all()


def campaigns_of_item(
    connection: sa.Connection, emp_id: int, item: str, sku: str, currency: str
) -> Sequence[sa.Row[Any]]:
    """What each campaign of an account sold of an item: campaign_id and the measures of `read_items`."""
    table = item_sums.c
    theirs = connection.scalars(sa.select(campaigns.c.id).where(campaigns.c.emp_id == emp_id)).all()
    large = (column for name in _LARGE for column in kept_sum(item_sums, name))
    query: sa.Select[Any] = sa.select(table.campaign_id, *large).where(
        is_one_of(connection, table.campaign_id, theirs),
        table.item == item,
        table.sku == sku,
        table.currency == currency,
    )
    return connection.execute(query.group_by(table.campaign_id).order_by(table.campaign_id)).all()
