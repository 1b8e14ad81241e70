"""A campaign's sales sorted by any column, filtered and searched.

Only for a period with at most LARGEST orders: for more, the database would read and sort all of them for each
page. Newest first they are read by their key (report/sales.py), however many there are.
"""

from typing import Any

import sqlalchemy as sa

from salepixel.attribution.sale_store import StoredSale, _stored, refunds_of
from salepixel.report.periods import Period
from salepixel.report.tables import Asked
from salepixel.storage.schema import sales

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
_TEXTS = (sales.c.item, sales.c.sku, sales.c.order_number)


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

    `filters`: column (evidence, status, link_id) -> value. Amounts are sorted within their currency.
    `by_contact`: False for a principal who may not see contacts, because a search would reveal them.
    """
    its = [sales.c.campaign_id == campaign_id, *period.holds(sales.c.purchased_at)]
    its += [sales.c[name] == value for name, value in filters.items()]
    if asked.search:
        texts = (*_TEXTS, sales.c.contact) if by_contact else _TEXTS
        its.append(sa.or_(*(text.icontains(asked.search, autoescape=True) for text in texts)))
    count = connection.scalar(sa.select(sa.func.count()).select_from(sales).where(*its)) or 0
    sort = asked.sort if by_contact or asked.sort != "contact" else ""
    order: list[sa.ColumnElement[Any]] = [sales.c.currency.asc()] if sort in _AMOUNTS else []
    if sort in _SORTS:
        order.append(_SORTS[sort].desc() if asked.descending else _SORTS[sort].asc())
    order += [sales.c.purchased_at.desc(), *sales.primary_key]
    page = min(asked.page, max(1, -(-count // size)))
    query = sa.select(sales).where(*its).order_by(*order).limit(size).offset((page - 1) * size)
    rows = connection.execute(query).all()
    refunds = refunds_of(connection, [(row.shop_id, row.order_id) for row in rows])
    key = [(row.shop_id, row.order_id, row.line_id, row.click_id) for row in rows]
    return count, [_stored(row, refunds.get(one, ())) for one, row in zip(key, rows, strict=True)]
