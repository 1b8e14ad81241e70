"""Orders of a campaign per day (UTC) on which they were placed, by whether their buyers bought before.

An order that several campaigns share counts once in each of them, as in `campaign_sums`. `buyer_is` is of its
decision, the other columns are of its sales.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import decisions, returning_sums, sales
from salepixel.sums.days import Days, day_column, day_of, within
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference

Bought = tuple[Mapping[Any, Any], str]
"""A row of `sales`, and the `buyer_is` of its order's decision."""


def add(connection: sa.Connection, before: Iterable[Bought], after: Iterable[Bought]) -> None:
    """Add what changed from all sales of some orders before to all sales of the same orders after."""
    add_cells(connection, returning_sums, difference(sums_of(before), sums_of(after)))


def sums_of(bought: Iterable[Bought]) -> Cells:
    """The cells of all sales of some orders."""
    orders: dict[Key, Key] = {}
    for row, buyer_is in bought:
        cell = row["campaign_id"], day_of(row["purchased_at"]), row["currency"], str(buyer_is)
        orders[row["campaign_id"], row["shop_id"], row["order_id"]] = cell
    return {cell: (count,) for cell, count in Counter(orders.values()).items()}


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all sales."""
    s, d = sales.c, decisions.c
    its = sa.and_(d.shop_id == s.shop_id, d.order_id == s.order_id)
    orders = (
        sa.select(*(s.campaign_id, day_column(s.purchased_at), s.currency, d.buyer_is, s.shop_id, s.order_id))
        .distinct()
        .select_from(sales.join(decisions, its))
        .subquery()
    )
    key = [orders.c[name] for name in ("campaign_id", "day", "currency", "buyer_is")]
    return sa.select(*key, sa.func.count().label("orders")).group_by(*key)


SUM = KeptSum(returning_sums, definition)


def orders_by_buyer(connection: sa.Connection, campaign_id: str, days: Days) -> Sequence[sa.Row[Any]]:
    """The orders of a campaign: currency, day (since 1970), buyer_is, orders."""
    table = returning_sums.c
    key, count = (table.currency, table.day, table.buyer_is), sa.func.sum(table.orders)
    query: sa.Select[Any] = sa.select(*key, count.label("orders")).where(
        table.campaign_id == campaign_id, *within(days, table.day)
    )
    return connection.execute(query.group_by(*key).having(count > 0)).all()
