"""Stored sales and their refunds."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from itertools import pairwise
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from salepixel.attribution.evidence import Rung
from salepixel.attribution.sales import Sale, Status
from salepixel.money.amounts import Rate, from_minor, to_minor
from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.sold import Refund
from salepixel.orders.store import StoredOrder
from salepixel.storage.schema import sale_refunds, sales
from salepixel.sums import sold
from salepixel.sums.sales import Sold

_Rows = Mapping[OrderKey, Sequence[Mapping[Any, Any]]]

SaleKey = tuple[str, str, str, bytes]
"""Shop, order, line, click."""


def replace_sales(
    connection: sa.Connection, given: Sequence[tuple[StoredOrder, Sequence[Sale]]]
) -> tuple[Mapping[OrderKey, Sold], Mapping[OrderKey, Sold]]:
    """Replace the sales of orders and their refunds; writes only changed rows.

    Returns the rows of each order before and after.
    """
    keys = [stored.key for stored, _ in given]
    found = connection.execute(_kept_sales(connection.dialect.name), {"these": as_keys(keys)}).all()
    # The query returns at least one row for each order, which also shows whether there are refunds.
    is_sold = _by_order(sales, [row for row in found if row.shop_id is not None])
    must = {stored.key: _sold(stored, rows) for stored, rows in given}
    has_refunds = found[0].has_refunds or any(its.refunds for its in must.values())
    dated = _kept_refunds(connection, keys) if has_refunds else {}
    kept = {key: Sold(is_sold.get(key, ()), dated.get(key, ())) for key in keys}
    changed = _replace(connection, sales, kept, must, _SALES)
    changed |= _replace(connection, sale_refunds, kept, must, _REFUNDS)
    _add_to_sums(connection, kept, must, changed)
    return kept, must


def replace_sale_refunds(connection: sa.Connection, stored: StoredOrder, rows: Sequence[Sale]) -> None:
    """Replace the refunds of an order's sales; writes only changed rows.

    `rows`: the sales as stored, with new `refunds`.
    """
    must = {stored.key: _sold(stored, rows)}
    kept_refunds = _kept_refunds(connection, [stored.key]).get(stored.key, ())
    kept = {stored.key: Sold(must[stored.key].sales, kept_refunds)}
    changed = _replace(connection, sale_refunds, kept, must, _REFUNDS)
    _add_to_sums(connection, kept, must, changed)


def _sold(stored: StoredOrder, rows: Sequence[Sale]) -> Sold:
    return Sold([sale_row(stored, sale) for sale in rows], refund_rows(*stored.key, rows))


_SALES, _REFUNDS = itemgetter(0), itemgetter(1)


def _add_to_sums(
    connection: sa.Connection,
    kept: Mapping[OrderKey, Sold],
    must: Mapping[OrderKey, Sold],
    changed: Collection[OrderKey],
) -> None:
    if changed:
        sold.add(connection, *(_together(of[key] for key in changed) for of in (kept, must)))


def _together(some: Iterable[Sold]) -> Sold:
    orders = list(some)
    return Sold([row for its in orders for row in its.sales], [row for its in orders for row in its.refunds])


def _replace(
    connection: sa.Connection,
    table: sa.Table,
    kept: Mapping[OrderKey, Sold],
    must: Mapping[OrderKey, Sold],
    rows_of: Callable[[Sold], Sequence[Mapping[Any, Any]]],
) -> set[OrderKey]:
    """Replace the rows of those orders that have different rows now; returns these orders."""
    changed = [key for key in must if not _is_same(table, rows_of(kept[key]), rows_of(must[key]))]
    if old := [key for key in changed if rows_of(kept[key])]:
        connection.execute(_delete_from(table, connection.dialect.name), {"these": as_keys(old)})
    if new := [row for key in changed for row in rows_of(must[key])]:
        connection.execute(_insert_into(table), new)
    return set(changed)


def _is_same(table: sa.Table, kept: Sequence[Mapping[Any, Any]], must: Sequence[Mapping[Any, Any]]) -> bool:
    if len(kept) != len(must):
        return False
    key = _key_of(table)
    of_key = {key(row): row for row in kept}
    return all(of_key.get(key(row)) == row for row in must)


@cache
def _key_of(table: sa.Table) -> Callable[[Mapping[Any, Any]], Any]:
    return itemgetter(*(column.name for column in table.primary_key))


@cache
def _kept_sales(dialect: str) -> Any:
    has_refunds = sa.exists().where(_is_of(sale_refunds, dialect)).label("has_refunds")
    one = sa.select(has_refunds).subquery()
    return sa.select(sales, one.c.has_refunds).select_from(one.outerjoin(sales, _is_of(sales, dialect)))


def _kept_refunds(connection: sa.Connection, keys: Collection[OrderKey]) -> _Rows:
    query = _all_refunds(connection.dialect.name)
    return _by_order(sale_refunds, connection.execute(query, {"these": as_keys(keys)}).all())


@cache
def _all_refunds(dialect: str) -> Any:
    return sa.select(sale_refunds).where(_is_of(sale_refunds, dialect))


def _by_order(table: sa.Table, rows: Iterable[sa.Row[Any]]) -> _Rows:
    """The rows of each order, with the columns of the table only. These must come first in a row."""
    names = table.columns.keys()
    found: dict[OrderKey, list[Mapping[Any, Any]]] = {}
    for row in rows:
        # Dicts, because one comparison then compares the whole row.
        found.setdefault((row.shop_id, row.order_id), []).append(dict(zip(names, row, strict=False)))
    return found


@cache
def _delete_from(table: sa.Table, dialect: str) -> Any:
    return sa.delete(table).where(_is_of(table, dialect))


@cache
def _insert_into(table: sa.Table) -> Any:
    return sa.insert(table)


def _is_of(table: sa.Table, dialect: str) -> sa.ColumnElement[bool]:
    return is_of_orders(dialect, table.c.shop_id, table.c.order_id)


def refunds_of(
    connection: sa.Connection, pairs: Sequence[tuple[str, str]]
) -> dict[SaleKey, tuple[Refund, ...]]:
    """The refunds of the sales of orders (shop, order), oldest first."""
    query = sa.select(sale_refunds).where(
        sale_refunds.c.shop_id.in_({shop_id for shop_id, _ in pairs}),
        sale_refunds.c.order_id.in_({order_id for _, order_id in pairs}),
    )
    found: dict[SaleKey, tuple[Refund, ...]] = {}
    for row in connection.execute(query.order_by(sale_refunds.c.refunded_at)):
        key = (row.shop_id, row.order_id, row.line_id, row.click_id)
        found[key] = (*found.get(key, ()), Refund(row.refunded_at, from_minor(row.amount, row.currency)))
    return found


def rate_columns(sale: Sale) -> dict[str, Any]:
    """The columns of a sale with its amounts in the account's currency."""
    rate = sale.rate
    if rate is None:
        return dict.fromkeys(("converted", "converted_refunded", "converted_currency", "rate", "rate_date"))
    return {
        "converted": rate.convert_minor(sale.amount),
        "converted_refunded": rate.convert_minor(sale.refunded),
        "converted_currency": rate.into,
        "rate": f"{rate.value:f}",
        "rate_date": rate.on.isoformat(),
    }


def _refund_rows(shop_id: str, order_id: str, sale: Sale) -> list[dict[str, Any]]:
    return [
        {
            "shop_id": shop_id,
            "order_id": order_id,
            "line_id": sale.line,
            "click_id": sale.click_id,
            "refunded_at": refund.at,
            "campaign_id": sale.campaign,
            "amount": to_minor(refund.amount, sale.currency),
            "currency": sale.currency,
            "converted": converted,
        }
        for refund, converted in zip(sale.refunds, _converted(sale), strict=True)
    ]


def _converted(sale: Sale) -> list[int | None]:
    # Each part is the growth of the converted sum, so that the parts add up to it exactly.
    if sale.rate is None:
        return [None] * len(sale.refunds)
    so_far, sums = sale.amount * 0, [0]
    for refund in sale.refunds:
        so_far += refund.amount
        sums.append(sale.rate.convert_minor(so_far))
    return [later - earlier for earlier, later in pairwise(sums)]


def refund_rows(shop_id: str, order_id: str, rows: Sequence[Sale]) -> list[dict[str, Any]]:
    """The rows of the refunds of an order's sales."""
    return [values for sale in rows for values in _refund_rows(shop_id, order_id, sale)]


def sale_row(stored: StoredOrder, sale: Sale) -> dict[str, Any]:
    """The row of a sale."""
    return {
        "shop_id": stored.shop_id,
        "order_id": stored.order.id,
        "line_id": sale.line,
        "emp_id": stored.emp_id,
        "campaign_id": sale.campaign,
        "link_id": sale.link,
        "click_id": sale.click_id,
        "contact": sale.contact,
        "item": sale.item,
        "sku": sale.sku,
        "quantity": sale.quantity,
        "amount": to_minor(sale.amount, sale.currency),
        "refunded": to_minor(sale.refunded, sale.currency),
        "currency": sale.currency,
        "purchased_at": sale.purchased_at,
        "order_number": sale.order,
        "evidence": sale.evidence,
        "confidence": sale.confidence,
        "status": sale.status,
        "share": sale.share,
        "refunded_at": sale.refunded_at,
        **rate_columns(sale),
    }


Cursor = tuple[datetime, str, str, str, bytes]
"""The position of the last sale on a page: purchased_at, shop, order, line, click."""


@dataclass(frozen=True, slots=True)
class StoredSale:
    """A row of the report with the shop and id of its order."""

    shop_id: str
    order_id: str
    sale: Sale

    @property
    def cursor(self) -> Cursor:
        """The cursor after this row."""
        return self.sale.purchased_at, self.shop_id, self.order_id, self.sale.line, self.sale.click_id


def sales_of_orders(connection: sa.Connection, keys: Collection[OrderKey]) -> dict[OrderKey, list[Sale]]:
    """The rows of each of these orders in all campaigns, sorted by line and click; [] for an unsold order."""
    rows = connection.execute(_all_sales(connection.dialect.name), {"these": as_keys(keys)}).all()
    sold: dict[OrderKey, list[Sale]] = {key: [] for key in keys}
    refunds = refunds_of(connection, sorted({(row.shop_id, row.order_id) for row in rows})) if rows else {}
    for row in rows:
        key = row.shop_id, row.order_id, row.line_id, row.click_id
        sold[key[:2]].append(_stored(row, refunds.get(key, ())).sale)
    return sold


@cache
def _all_sales(dialect: str) -> Any:
    return sa.select(sales).where(_is_of(sales, dialect)).order_by(sales.c.line_id, sales.c.click_id)


def sold_rows(connection: sa.Connection, keys: Collection[OrderKey]) -> dict[OrderKey, Sold]:
    """The rows of `sales` and `sale_refunds` of each of these orders, as stored."""
    found = connection.execute(_all_sales(connection.dialect.name), {"these": as_keys(keys)}).all()
    is_sold, dated = _by_order(sales, found), _kept_refunds(connection, keys)
    return {key: Sold(is_sold.get(key, ()), dated.get(key, ())) for key in keys}


def _stored(row: sa.Row[Any], refunds: tuple[Refund, ...]) -> StoredSale:
    sale = Sale(
        line=row.line_id,
        click_id=row.click_id,
        campaign=row.campaign_id,
        link=row.link_id,
        contact=row.contact,
        item=row.item,
        sku=row.sku,
        quantity=row.quantity,
        amount=from_minor(row.amount, row.currency),
        refunded=from_minor(row.refunded, row.currency),
        currency=row.currency,
        purchased_at=row.purchased_at,
        order=row.order_number,
        evidence=Rung(row.evidence),
        confidence=row.confidence,
        status=Status(row.status),
        share=row.share,
        refunds=refunds,
        refunded_at=row.refunded_at,
        rate=row.rate and Rate(row.converted_currency, Decimal(row.rate), date.fromisoformat(row.rate_date)),
    )
    return StoredSale(row.shop_id, row.order_id, sale)
