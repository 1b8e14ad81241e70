"""Sales and refunds per campaign and day (UTC), and by every field that filters a report.

An order counts once per campaign in `orders`, and once per link in `link_orders`. All sales of an order have
the same shop, day, evidence and currency. So `orders` is exact for every filter except by link, and
`link_orders` is exact for the filter by link.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.money.quantities import to_thousandths
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import campaign_sums, campaigns, sale_refunds, sale_sums, sales
from salepixel.sums.days import ALWAYS, Days, day_column, day_of, within
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference
from salepixel.sums.large import halves, kept_sum, sum_of_halves

_LARGE = ("quantity", "gross", "refunded", "refunded_on", "converted", "converted_refunded")
_BY = ("campaign_id", "day", "link_id", "shop_id", "evidence", "currency", "converted_currency")
_BY_CAMPAIGN = ("campaign_id", "day", "currency", "converted_currency")
_NONE = (0, 0)


class Sold(NamedTuple):
    """All rows of `sales` and `sale_refunds` of some orders, by the names of their columns."""

    sales: Sequence[Mapping[Any, Any]] = ()
    refunds: Sequence[Mapping[Any, Any]] = ()


def add(connection: sa.Connection, before: Sold, after: Sold) -> Cells:
    """Add what changed from the rows of some orders before to the rows of the same orders after.

    Returns the cells of `sale_sums` that were added, from which the sums of all days follow.
    """
    changed = difference(sums_of(before), sums_of(after))
    add_cells(connection, sale_sums, changed)
    add_cells(connection, campaign_sums, by_campaign(changed))
    return changed


def sums_of(sold: Sold) -> Cells:
    """The cells of `sale_sums`."""
    cells: dict[Key, list[int]] = {}
    for key, measures in (*_of_sales(sold.sales), *_of_refunds(sold)):
        _add_to(cells, key, measures)
    return dict(cells)


def by_campaign(cells: Cells) -> Cells:
    """The cells of `campaign_sums` from those of `sale_sums`."""
    found: dict[Key, list[int]] = {}
    for (campaign, day, _, _, _, *currencies), (orders, _, *large) in cells.items():
        _add_to(found, (campaign, day, *currencies), [orders, *large])
    return {key: measures for key, measures in found.items() if any(measures)}


def _of_sales(rows: Sequence[Mapping[Any, Any]]) -> Iterator[tuple[Key, Sequence[int]]]:
    counted: set[Key] = set()
    for row in sorted(rows, key=itemgetter("click_id", "link_id")):
        order = row["campaign_id"], row["shop_id"], row["order_id"]
        of_link = *order, row["link_id"]
        measures = (
            *(int(order not in counted), int(of_link not in counted)),
            *halves(to_thousandths(row["quantity"])),
            *halves(row["amount"]),
            *halves(row["refunded"]),
            *_NONE,
            *halves(row["converted"] or 0),
            *halves(row["converted_refunded"] or 0),
        )
        counted |= {order, of_link}
        yield _key(row, row, row["purchased_at"]), measures


def _of_refunds(sold: Sold) -> Iterator[tuple[Key, Sequence[int]]]:
    its_sale = itemgetter("shop_id", "order_id", "line_id", "click_id")
    by_key = {its_sale(row): row for row in sold.sales}
    for row in sold.refunds:
        measures = 0, 0, *_NONE * 3, *halves(row["amount"]), *_NONE * 2
        yield _key(row, by_key.get(its_sale(row), _NO_SALE), row["refunded_at"]), measures


_NO_SALE = {"link_id": "", "evidence": "", "converted_currency": None}


def _key(row: Mapping[Any, Any], sale: Mapping[Any, Any], at: datetime) -> Key:
    of_sale = sale["link_id"], row["shop_id"], sale["evidence"]
    return row["campaign_id"], day_of(at), *of_sale, row["currency"], sale["converted_currency"] or ""


def _add_to(cells: dict[Key, list[int]], key: Key, measures: Sequence[int]) -> None:
    cell = cells.get(key)
    cells[key] = list(measures) if cell is None else [a + b for a, b in zip(cell, measures, strict=True)]


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of `sale_sums` of all rows."""
    return _define(_BY, ("orders", "link_orders"))


def campaign_definition(_dialect: str) -> sa.Select[Any]:
    """The cells of `campaign_sums` of all rows."""
    return _define(_BY_CAMPAIGN, ("orders",))


SUM = KeptSum(sale_sums, definition)
BY_CAMPAIGN = KeptSum(campaign_sums, campaign_definition)


def _define(by: Sequence[str], counts: Sequence[str]) -> sa.Select[Any]:
    rows = sa.union_all(_define_sales(), _define_refunds()).subquery()
    key = [rows.c[name] for name in by]
    large = (column for name in _LARGE for column in sum_of_halves(rows.c[name], name))
    return sa.select(*key, *(sa.func.sum(rows.c[name]).label(name) for name in counts), *large).group_by(*key)


def _define_sales() -> sa.Select[Any]:
    order = sales.c.shop_id, sales.c.order_id, sales.c.campaign_id
    return sa.select(
        sales.c.campaign_id,
        day_column(sales.c.purchased_at),
        *(sales.c[name] for name in ("link_id", "shop_id", "evidence", "currency")),
        _into(sales.c.converted_currency),
        first_of(*order).label("orders"),
        first_of(*order, sales.c.link_id).label("link_orders"),
        sa.type_coerce(sales.c.quantity, sa.BigInteger).label("quantity"),
        sales.c.amount.label("gross"),
        sales.c.refunded,
        sa.literal_column("0").label("refunded_on"),
        *(sa.func.coalesce(sales.c[name], 0).label(name) for name in ("converted", "converted_refunded")),
    )


def _define_refunds() -> sa.Select[Any]:
    key = ("shop_id", "order_id", "line_id", "click_id")
    its_sale = sa.and_(*(sales.c[name] == sale_refunds.c[name] for name in key))
    return sa.select(
        sale_refunds.c.campaign_id,
        day_column(sale_refunds.c.refunded_at),
        sa.func.coalesce(sales.c.link_id, "").label("link_id"),
        sale_refunds.c.shop_id,
        sa.func.coalesce(sales.c.evidence, "").label("evidence"),
        sale_refunds.c.currency,
        _into(sales.c.converted_currency),
        *(sa.literal_column("0").label(name) for name in ("orders", "link_orders", *_LARGE[:3])),
        sale_refunds.c.amount.label("refunded_on"),
        *(sa.literal_column("0").label(name) for name in _LARGE[4:]),
    ).select_from(sale_refunds.outerjoin(sales, its_sale))


def first_of(*order: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """1 for one of the sales with the same values of these columns, the first by click; else 0."""
    place = sa.func.row_number().over(partition_by=order, order_by=(sales.c.click_id, sales.c.link_id))
    return sa.case((place == 1, 1), else_=0)


def _into(currency: sa.Column[str | None]) -> sa.Label[str | None]:
    return sa.func.coalesce(currency, "").label("converted_currency")


def read_campaigns(
    connection: sa.Connection, ids: Sequence[str], days: Days = ALWAYS
) -> Sequence[sa.Row[Any]]:
    """The sales of campaigns on some days, by campaign, currency and converted currency.

    Rows with `orders` and, for `large.read_sum`, quantity (in thousandths) and minor units: gross, refunded
    (of these sales), refunded_on (these days), converted and converted_refunded.
    """
    table = campaign_sums.c
    key = table.campaign_id, table.currency, table.converted_currency
    large = (column for name in _LARGE for column in kept_sum(campaign_sums, name))
    query = sa.select(*key, sa.func.sum(table.orders).label("orders"), *large)
    query = query.where(table.campaign_id.in_(ids), *within(days, table.day))
    return connection.execute(query.group_by(*key).order_by(*key)).all()


def sold_by_day(connection: sa.Connection, days: Days, campaign_id: str) -> Sequence[sa.Row[Any]]:
    """The sales of a campaign: currency, day (UTC, since 1970), orders.

    And, for `large.read_sum`, gross and refunded (minor units).
    """
    table = campaign_sums.c
    ours = table.campaign_id == campaign_id
    return _read_sold(connection, campaign_sums, (table.currency, table.day), days, table.orders, ours)


def sold_by_campaign(connection: sa.Connection, days: Days, emp_id: int) -> Sequence[sa.Row[Any]]:
    """The sales of each campaign of an account on some days, as `sold_by_day`, with campaign_id for day.

    An order that several campaigns share counts in each of them.
    """
    # In two steps: PostgreSQL would read the sums of these days of all accounts, and join campaigns.
    theirs = connection.scalars(sa.select(campaigns.c.id).where(campaigns.c.emp_id == emp_id)).all()
    table = campaign_sums.c
    key, ours = (table.currency, table.campaign_id), is_one_of(connection, table.campaign_id, theirs)
    return _read_sold(connection, campaign_sums, key, days, table.orders, ours)


def sold_by_link(connection: sa.Connection, campaign_id: str, days: Days) -> Sequence[sa.Row[Any]]:
    """The sales of each link of a campaign on some days, as `sold_by_day`, with link_id for day.

    An order that several links share counts for each. Those of all days: `parts.sold_by_link`.
    """
    table = sale_sums.c
    ours = table.campaign_id == campaign_id
    return _read_sold(connection, sale_sums, (table.currency, table.link_id), days, table.link_orders, ours)


def _read_sold(
    connection: sa.Connection,
    table: sa.Table,
    key: Sequence[sa.Column[Any]],
    days: Days,
    orders: sa.Column[Any],
    ours: sa.ColumnElement[bool],
) -> Sequence[sa.Row[Any]]:
    count = sa.func.sum(orders).label("orders")
    large = (column for name in ("gross", "refunded") for column in kept_sum(table, name))
    query: sa.Select[Any] = sa.select(*key, count, *large).where(ours, *within(days, table.c.day))
    return connection.execute(query.group_by(*key).having(count > 0)).all()
