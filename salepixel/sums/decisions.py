"""Decided orders of an account, per day (UTC) on which they were placed: by outcome, and what the pixel saw.

What the pixel saw is counted by payment method and by browser in a table of its own: one key with both and
the outcome would have hundreds of cells a day.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import decision_sums, decisions, seen_sums, shops
from salepixel.sums import delays, outcomes, revenue
from salepixel.sums.days import ALWAYS, Days, day_column, day_of, within
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference

PAYMENT, BROWSER = "payment", "browser"
"""The kinds of `seen_sums`."""


def add(
    connection: sa.Connection, before: Sequence[Mapping[Any, Any]], after: Sequence[Mapping[Any, Any]]
) -> None:
    """Add what changed from rows of `decisions` before to the rows of the same orders after."""
    add_cells(connection, decision_sums, difference(sums_of(before), sums_of(after)))
    add_cells(connection, seen_sums, difference(seen_cells(before), seen_cells(after)))
    delays.add(connection, before, after)
    outcomes.add(connection, before, after)
    revenue.add(connection, before, after)


def sums_of(rows: Sequence[Mapping[Any, Any]]) -> Cells:
    """The cells of `decision_sums`."""
    orders: Counter[Key] = Counter()
    seen: Counter[Key] = Counter()
    healed: Counter[Key] = Counter()
    for row in rows:
        key = row["emp_id"], day_of(row["placed_at"]), row["shop_id"], str(row["outcome"]), row["reason"]
        orders[key] += 1
        seen[key] += row["seen"]
        healed[key] += row["healed"]
    return {key: (orders[key], seen[key], healed[key]) for key in orders}


def seen_cells(rows: Sequence[Mapping[Any, Any]]) -> Cells:
    """The cells of `seen_sums`: all orders by payment method, and orders with a known click by browser."""
    orders: Counter[Key] = Counter()
    seen: Counter[Key] = Counter()
    for row in rows:
        kinds = [(PAYMENT, row["payment"]), *([(BROWSER, row["browser"])] if row["browser"] else [])]
        for kind, name in kinds:
            key = row["emp_id"], kind, day_of(row["placed_at"]), row["shop_id"], name
            orders[key] += 1
            seen[key] += row["seen"]
    return {key: (orders[key], seen[key]) for key in orders}


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of `decision_sums` of all decisions."""
    rows = _with_day("emp_id", "shop_id", "outcome", "reason", "seen", "healed")
    key = [rows.c[name] for name in ("emp_id", "day", "shop_id", "outcome", "reason")]
    counts = sa.func.count().label("orders"), _count(rows.c.seen), _count(rows.c.healed)
    return sa.select(*key, *counts).group_by(*key)


def seen_definition(_dialect: str) -> sa.Select[Any]:
    """The cells of `seen_sums` of all decisions."""
    rows = _with_day("emp_id", "shop_id", "payment", "browser", "seen")
    kinds = []
    for kind in (PAYMENT, BROWSER):
        its = rows.c.emp_id, sa.literal_column(f"'{kind}'", sa.Text).label("kind"), rows.c.day, rows.c.shop_id
        name = rows.c[kind].label("name")
        counts = sa.func.count().label("orders"), _count(rows.c.seen)
        query = sa.select(*its, name, *counts).group_by(rows.c.emp_id, rows.c.day, rows.c.shop_id, name)
        kinds.append(query.where(rows.c.browser != "") if kind == BROWSER else query)
    return sa.select(sa.union_all(*kinds).subquery())


SUM = KeptSum(decision_sums, definition)
SEEN = KeptSum(seen_sums, seen_definition)


def _with_day(*names: str) -> sa.Subquery:
    day = day_column(decisions.c.placed_at)
    return sa.select(day, *(decisions.c[name] for name in names)).subquery()


def _count(condition: sa.ColumnElement[bool]) -> sa.Label[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0)).label(str(condition.key))


def count_outcomes(connection: sa.Connection, emp_id: int, days: Days = ALWAYS) -> dict[tuple[str, str], int]:
    """The number of an account's decided orders, placed on some days, for each (outcome, reason)."""
    if days == ALWAYS:
        return outcomes.count_outcomes(connection, emp_id)
    key, count = (decision_sums.c.outcome, decision_sums.c.reason), sa.func.sum(decision_sums.c.orders)
    ours = decision_sums.c.emp_id == emp_id, *within(days, decision_sums.c.day)
    query = sa.select(*key, count).where(*ours).group_by(*key).having(count > 0)
    return {(outcome, reason): int(orders) for outcome, reason, orders in connection.execute(query)}


def count_by_day(
    connection: sa.Connection, emp_id: int, days: Days, credited: Sequence[str]
) -> Sequence[sa.Row[Any]]:
    """The decided orders of shops that report their own: shop_id, day, orders, seen, healed, attributed.

    `credited`: the outcomes that count as attributed.
    """
    table = decision_sums.c
    attributed = sa.case((table.outcome.in_(credited), table.orders), else_=0)
    counts = [sa.func.sum(table[name]).label(name) for name in ("orders", "seen", "healed")]
    key = table.shop_id, table.day
    query = sa.select(*key, *counts, sa.func.sum(attributed).label("attributed"))
    return connection.execute(_of_shops(query, decision_sums, emp_id, days, *key)).all()


def count_seen(connection: sa.Connection, emp_id: int, days: Days, kind: str) -> Sequence[sa.Row[Any]]:
    """The orders of `count_by_day`, by payment method or by browser: name, orders, seen."""
    table = seen_sums.c
    query = sa.select(table.name, *(sa.func.sum(table[name]).label(name) for name in ("orders", "seen")))
    return connection.execute(
        _of_shops(query.where(table.kind == kind), seen_sums, emp_id, days, table.name)
    ).all()


def _of_shops(
    query: sa.Select[Any], table: sa.Table, emp_id: int, days: Days, *by: sa.ColumnElement[Any]
) -> sa.Select[Any]:
    ours = table.c.emp_id == emp_id, shops.c.platform != "pixel", *within(days, table.c.day)
    query = query.join(shops, shops.c.id == table.c.shop_id).where(*ours).group_by(*by)
    return query.having(sa.func.sum(table.c.orders) > 0)
