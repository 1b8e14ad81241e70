"""Buyers: the known contacts who bought in a campaign, with their orders and amounts per currency.

A contact's row with the currency '' counts the orders of all currencies, so each buyer has one such row. The
rows have no slot: two writers of the same buyer in a campaign wait for each other. So exactly one of them
sees the change from no order to one, or back. A buyer without orders has no row.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.money.amounts import from_minor
from salepixel.storage.schema import buyers, sales
from salepixel.sums import links
from salepixel.sums.kept import ALL_CURRENCIES, Cells, KeptSum, Key, difference
from salepixel.sums.large import halves, read_sum, sum_of_halves
from salepixel.sums.sales import first_of

_NONE = (0, 0)


def add(
    connection: sa.Connection, before: Sequence[Mapping[Any, Any]], after: Sequence[Mapping[Any, Any]]
) -> None:
    """Add what changed from rows of `sales` of some orders before to the rows of the same orders after."""
    changed = difference(sums_of(before), sums_of(after))
    if not changed:
        return
    # Sorted, so that two writers lock the rows of the same buyers in the same sequence.
    rows = json.dumps([(*key, *changed[key]) for key in sorted(changed)])
    kept = connection.exec_driver_sql(_add_rows(connection.dialect.name), (rows,)).all()
    new: Counter[str] = Counter()
    for campaign, contact, currency, orders in kept:
        if currency == ALL_CURRENCIES:
            before_that = orders - changed[campaign, contact, currency][0]
            new[campaign] += (orders > 0) - (before_that > 0)
    links.add_buyers(connection, new)
    if gone := [row for row in kept if not row.orders]:
        names = [f"its_{column.name}" for column in buyers.primary_key]
        connection.execute(_delete_row(), [dict(zip(names, row, strict=False)) for row in gone])


def sums_of(rows: Sequence[Mapping[Any, Any]]) -> Cells:
    """The cells of rows of `sales`."""
    cells: dict[Key, list[int]] = {}
    counted: set[Key] = set()
    for row in rows:
        if not row["contact"]:
            continue  # the contact is unknown, or the e-mail was forwarded
        buyer = row["campaign_id"], row["contact"]
        order = *buyer, row["shop_id"], row["order_id"]
        is_first = int(order not in counted)
        counted.add(order)
        money = *halves(row["amount"]), *halves(row["refunded"])
        for currency, measures in (
            (row["currency"], (is_first, *money)),
            (ALL_CURRENCIES, (is_first, *_NONE * 2)),
        ):
            so_far = cells.get((*buyer, currency), [0] * len(measures))
            cells[*buyer, currency] = [a + b for a, b in zip(so_far, measures, strict=True)]
    return dict(cells)


@cache
def _add_rows(dialect: str) -> str:
    """Adds to rows, given as JSON; returns their keys and their new numbers of orders."""
    # One statement for all rows, or the driver does not return them.
    key, names = len(buyers.primary_key), [column.name for column in buyers.c]
    values = [f"value ->> {i}" if i < key else f"CAST(value ->> {i} AS BIGINT)" for i in range(len(names))]
    rows = (
        "json_array_elements(CAST(%s AS json)) AS each(value)"
        if dialect == "postgresql"
        else "json_each(?) AS each"
    )
    sums = ", ".join(f"{name} = buyers.{name} + excluded.{name}" for name in names[key:])
    # `true`, or SQLite takes ON CONFLICT for the condition of a join (sqlite.org/lang_upsert, 2.2).
    return (
        f"INSERT INTO buyers ({', '.join(names)}) SELECT {', '.join(values)} FROM {rows} WHERE true "  # noqa: S608
        f"ON CONFLICT ({', '.join(names[:key])}) DO UPDATE SET {sums} "
        f"RETURNING {', '.join(names[: key + 1])}"
    )


@cache
def _delete_row() -> Any:
    return sa.delete(buyers).where(
        *(column == sa.bindparam(f"its_{column.name}") for column in buyers.primary_key)
    )


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all sales."""
    order = first_of(sales.c.shop_id, sales.c.order_id, sales.c.campaign_id, sales.c.contact)
    kept = (sales.c[name] for name in ("campaign_id", "contact", "currency", "amount", "refunded"))
    rows = sa.select(*kept, order.label("orders")).where(sales.c.contact != "").cte()
    buyer = rows.c.campaign_id, rows.c.contact
    orders = sa.func.sum(rows.c.orders).label("orders")
    nothing: sa.ColumnElement[int] = sa.literal_column("0")
    money = *sum_of_halves(rows.c.amount, "gross"), *sum_of_halves(rows.c.refunded, "refunded")
    by_currency = sa.select(*buyer, rows.c.currency, orders, *money).group_by(*buyer, rows.c.currency)
    empty = sa.literal_column("''", sa.Text).label("currency")
    whole = sa.select(*buyer, empty, orders, *(nothing.label(one.name) for one in money)).group_by(*buyer)
    return sa.select(sa.union_all(by_currency, whole).subquery())


SUM = KeptSum(buyers, definition)


def orders_by_contact(connection: sa.Connection, campaign_id: str, refs: Sequence[str]) -> dict[str, int]:
    """The number of a campaign's orders by each of these contacts; contacts without orders are left out."""
    query = sa.select(buyers.c.contact, buyers.c.orders).where(
        *_of(campaign_id, refs), buyers.c.currency == ALL_CURRENCIES
    )
    return {row.contact: row.orders for row in connection.execute(query)}


def net_by_contact(
    connection: sa.Connection, campaign_id: str, refs: Sequence[str]
) -> dict[str, dict[str, Decimal]]:
    """A campaign's net revenue with each of these contacts, per currency, sorted by code."""
    query = sa.select(buyers).where(*_of(campaign_id, refs), buyers.c.currency != ALL_CURRENCIES)
    found: dict[str, dict[str, Decimal]] = {}
    for row in connection.execute(query.order_by(buyers.c.contact, buyers.c.currency)):
        net = read_sum(row, "gross") - read_sum(row, "refunded")
        found.setdefault(row.contact, {})[row.currency] = from_minor(net, row.currency)
    return found


def _of(campaign_id: str, refs: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
    return buyers.c.campaign_id == campaign_id, buyers.c.contact.in_(refs)
