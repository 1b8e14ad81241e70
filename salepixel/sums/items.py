"""Sales per item of a campaign."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.money.quantities import to_thousandths
from salepixel.storage.schema import item_sums, sales
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference
from salepixel.sums.large import halves, kept_sum, sum_of_halves

_MAX_CHARS = 255
"""Names with the same first 255 characters count as one: PostgreSQL allows 2,704 bytes in an index entry."""


def add(
    connection: sa.Connection, before: Sequence[Mapping[Any, Any]], after: Sequence[Mapping[Any, Any]]
) -> None:
    """Add to the sums what changed in the rows of `sales` of some orders."""
    add_cells(connection, item_sums, difference(sums_of(before), sums_of(after)))


def sums_of(rows: Sequence[Mapping[Any, Any]]) -> Cells:
    """The cells to which these rows of `sales` add up."""
    cells: dict[Key, list[int]] = {}
    for row in rows:
        key = row["campaign_id"], row["item"][:_MAX_CHARS], row["sku"] or "", row["currency"]
        quantity, amount, refunded = to_thousandths(row["quantity"]), row["amount"], row["refunded"]
        measures = *halves(quantity), *halves(amount), *halves(refunded)
        so_far = cells.get(key, [0] * len(measures))
        cells[key] = [a + b for a, b in zip(so_far, measures, strict=True)]
    return dict(cells)


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all sales."""
    # A subquery, because PostgreSQL takes two expressions with equal parameters for different ones.
    rows = sa.select(
        sales.c.campaign_id,
        sa.func.substr(sales.c.item, 1, _MAX_CHARS).label("item"),
        sa.func.coalesce(sales.c.sku, "").label("sku"),
        sales.c.currency,
        sa.type_coerce(sales.c.quantity, sa.BigInteger).label("quantity"),
        sales.c.amount.label("gross"),
        sales.c.refunded,
    ).subquery()
    key = [rows.c[name] for name in ("campaign_id", "item", "sku", "currency")]
    measures = (
        half for name in ("quantity", "gross", "refunded") for half in sum_of_halves(rows.c[name], name)
    )
    return sa.select(*key, *measures).group_by(*key)


SUM = KeptSum(item_sums, definition)


def items_of(connection: sa.Connection, campaign_id: str) -> Sequence[sa.Row[Any]]:
    """All items of a campaign: item, currency and, for `large.read_sum`, quantity, gross and refunded.

    The quantity is in thousandths. Variants with the same name are one row, whatever their article number.
    """
    key = item_sums.c.item, item_sums.c.currency
    large = (column for name in ("quantity", "gross", "refunded") for column in kept_sum(item_sums, name))
    query: sa.Select[Any] = sa.select(*key, *large).where(item_sums.c.campaign_id == campaign_id)
    return connection.execute(query.group_by(*key)).all()


def read_items(connection: sa.Connection, campaign_id: str, limit: int) -> Sequence[sa.Row[Any]]:
    """The items of a campaign that sold, those with the highest gross revenue first.

    Rows with item, sku, currency and, for `large.read_sum`, quantity (in thousandths) and minor units: gross,
    refunded.
    """
    key = item_sums.c.item, item_sums.c.sku, item_sums.c.currency
    quantity, *money = (tuple(kept_sum(item_sums, name)) for name in ("quantity", "gross", "refunded"))
    high, low = (sa.func.sum(item_sums.c[name]) for name in ("gross_high", "gross_low"))
    query = sa.select(*key, *quantity, *(half for both in money for half in both))
    query = query.where(item_sums.c.campaign_id == campaign_id).group_by(*key)
    sold = sa.or_(*(sa.func.sum(item_sums.c[f"quantity_{half}"]) != 0 for half in ("high", "low")))
    return connection.execute(query.having(sold).order_by(high.desc(), low.desc(), *key).limit(limit)).all()
