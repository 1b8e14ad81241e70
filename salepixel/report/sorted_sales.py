"""A campaign's sales sorted by any column, filtered and searched.

By date and by amount they are read by a key, however many there are; filters and the search are then applied
to at most SCANNED of them, and the next page continues from there. By another column only for a period with
at most LARGEST orders: for more, the database would read and sort all of them for each page.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.attribution.sale_store import StoredSale
from salepixel.money.amounts import from_minor, to_minor
from salepixel.money.quantities import from_thousandths
from salepixel.report.periods import Period
from salepixel.report.sales import BY_AMOUNT, BY_DATE, Place, in_sequence, read_sales
from salepixel.report.tables import Asked
from salepixel.report.totals import Total
from salepixel.storage.schema import sales
from salepixel.sums.items import is_item

_SORTS: dict[str, sa.Column[Any]] = {
    "contact": sales.c.contact,
    "item": sales.c.item,
    "quantity": sales.c.quantity,
    "amount": sales.c.amount,
    "refund": sales.c.refunded,
    "date": sales.c.purchased_at,
    "evidence": sales.c.evidence,
    "status": sales.c.status,
    "order": sales.c.order_number,
}
_AMOUNTS = ("amount", "refund")
BY_KEY = ("date", "amount")
"""What sales are sorted by however many there are."""

_TEXTS = ("item", "sku", "order_number")

SCANNED = 2000
"""The most sales that one page reads, however few of them fit."""


def find_sales(
    connection: sa.Connection,
    campaign_id: str,
    limit: int,
    period: Period,
    step: Sequence[Place | None],
    asked: Asked,
    filters: dict[str, str],
    *,
    by_contact: bool,
) -> tuple[list[StoredSale], Place | None]:
    """The first of a campaign's sales that fit, and the place to search on from.

    By amount, or else by date. None: the page is full, or all were searched. `step`: the places `after` and
    `before`, as of `sales.in_sequence`; `filters`, `by_contact`: as of `_fits`.
    """
    after, before = step
    is_by_amount, descending = asked.sort == "amount", asked.descending or asked.sort not in BY_KEY
    key = BY_AMOUNT if is_by_amount else BY_DATE
    keys = in_sequence(campaign_id, key, after, before, descending=descending)
    if not is_by_amount:
        keys = keys.where(*period.holds(sales.c.purchased_at))
    else:
        keys = keys.where(sales.c.currency != sa.literal_column("''"))  # columns.HAS_CURRENCY
        its = [sales.c.currency == filters["currency"]] if "currency" in filters else []
        keys = keys.where(*its)
    keys = keys.limit(SCANNED)
    read = keys.subquery("read")
    its = _fits(read.c, asked, filters, by_contact=by_contact)
    if is_by_amount:
        its += period.holds(read.c.purchased_at)
    found = read_sales(connection, sa.select(read).where(*its).limit(limit), is_newer=before is not None)
    last = connection.execute(keys.offset(SCANNED - 1).limit(1)).first() if len(found) < limit else None
    return found, last and tuple(getattr(last, column.name) for column in key)


def place_of(row: StoredSale, asked: Asked) -> Place:
    """The place of a sale in the sequence of `find_sales`."""
    if asked.sort != "amount":
        return row.cursor
    return row.sale.currency, to_minor(row.sale.amount, row.sale.currency), *row.cursor


def _fits(
    columns: sa.ColumnCollection[Any, Any], asked: Asked, filters: Mapping[str, str], *, by_contact: bool
) -> list[sa.ColumnElement[bool]]:
    """The conditions of a search and of filters, on these columns of sales.

    `filters`: column (evidence, status, link_id, contact, currency, item, sku) -> value. `by_contact`: False
    for a principal who may not see contacts, because a search would reveal them.
    """
    plain = {name: value for name, value in filters.items() if name not in ("item", "sku")}
    its: list[sa.ColumnElement[bool]] = [columns[name] == value for name, value in plain.items()]
    if "contact" in filters and not by_contact:
        its.append(sa.false())
    if "item" in filters:
        its += is_item(columns, filters["item"], filters.get("sku"))
    if asked.search:
        texts = (*_TEXTS, "contact") if by_contact else _TEXTS
        its.append(sa.or_(*(columns[text].icontains(asked.search, autoescape=True) for text in texts)))
    return its


def conditions_of(
    campaign_id: str, period: Period, asked: Asked, filters: Mapping[str, str], *, by_contact: bool
) -> list[sa.ColumnElement[bool]]:
    """The SQL conditions for a campaign's sales in a period that fit a search and filters."""
    its = [sales.c.campaign_id == campaign_id, *period.holds(sales.c.purchased_at)]
    return [*its, *_fits(sales.c, asked, filters, by_contact=by_contact)]


def sequence_of(asked: Asked, *, by_contact: bool) -> list[sa.ColumnElement[Any]]:
    """The columns to sort by. Amounts are sorted within their currency."""
    sort = asked.sort if by_contact or asked.sort != "contact" else ""
    by = [sales.c.currency] if sort in _AMOUNTS else []
    by += [_SORTS[sort]] if sort in _SORTS else []
    order: list[sa.ColumnElement[Any]] = [one.desc() if asked.descending else one.asc() for one in by]
    return [*order, sales.c.purchased_at.desc(), *sales.primary_key]


def list_sorted_sales(
    connection: sa.Connection,
    campaign_id: str,
    period: Period,
    asked: Asked,
    filters: dict[str, str],
    size: int,
    *,
    by_contact: bool,
) -> tuple[int, list[StoredSale]]:
    """The number of sales found, and the page of them that was asked for.

    `filters`, `by_contact`: as of `_fits`.
    """
    its = conditions_of(campaign_id, period, asked, filters, by_contact=by_contact)
    count = connection.scalar(sa.select(sa.func.count()).select_from(sales).where(*its)) or 0
    order = sequence_of(asked, by_contact=by_contact)
    page = min(asked.page, max(1, -(-count // size)))
    query = sa.select(sales).where(*its).order_by(*order).limit(size).offset((page - 1) * size)
    return count, read_sales(connection, query)


def totals_found(
    connection: sa.Connection,
    campaign_id: str,
    period: Period,
    asked: Asked,
    filters: Mapping[str, str],
    *,
    by_contact: bool,
) -> list[Total]:
    """The sums of the sales that `list_sorted_sales` finds, per currency, sorted by code."""
    its = conditions_of(campaign_id, period, asked, filters, by_contact=by_contact)
    money = (sa.func.sum(sales.c[name]).label(name) for name in ("amount", "refunded"))
    quantity = sa.func.sum(sa.type_coerce(sales.c.quantity, sa.BigInteger)).label("quantity")
    orders = sa.func.count(sa.distinct(sales.c.shop_id + " " + sales.c.order_id)).label("orders")
    query = sa.select(sales.c.currency, orders, quantity, *money).where(*its)
    return [
        Total(
            row.currency,
            int(row.orders),
            from_thousandths(int(row.quantity)),
            from_minor(int(row.amount), row.currency),
            from_minor(int(row.refunded), row.currency),
        )
        for row in connection.execute(query.group_by(sales.c.currency).order_by(sales.c.currency))
    ]
