"""Purchases of an account per day (UTC) on which they were placed: earned by an e-mail or not, by buyer.

Each order counts once, however many campaigns share it, with what it is worth (attribution.worth). So the
earned amounts are those of the sales, and all amounts those of the shops.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import decisions, revenue_sums
from salepixel.sums.days import Days, day_column, day_of, within
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference
from salepixel.sums.large import halves, kept_sum, sum_of_halves
from salepixel.sums.purchases import BOUGHT, EARNED, NO_PURCHASE, is_purchase

_KEY = ("emp_id", "day", "currency", "earned", "buyer_is")


def add(
    connection: sa.Connection, before: Sequence[Mapping[Any, Any]], after: Sequence[Mapping[Any, Any]]
) -> None:
    """Add what changed from rows of `decisions` before to the rows of the same orders after."""
    add_cells(connection, revenue_sums, difference(sums_of(before), sums_of(after)))


def sums_of(rows: Sequence[Mapping[Any, Any]]) -> Cells:
    """The cells of rows of `decisions`."""
    cells: dict[Key, list[int]] = {}
    for row in rows:
        if not is_purchase(row["outcome"], row["reason"]):
            continue
        earned = row["outcome"] in EARNED
        key = row["emp_id"], day_of(row["placed_at"]), row["currency"], earned, str(row["buyer_is"])
        measures = 1, *halves(row["gross"]), *halves(row["refunded"])
        so_far = cells.get(key, [0] * len(measures))
        cells[key] = [a + b for a, b in zip(so_far, measures, strict=True)]
    return dict(cells)


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all decisions."""
    d = decisions.c
    rows = (
        sa.select(
            *(d.emp_id, day_column(d.placed_at), d.currency),
            d.outcome.in_(EARNED).label("earned"),
            *(d.buyer_is, d.gross, d.refunded),
        )
        .where(d.outcome.in_(BOUGHT), d.reason.not_in(NO_PURCHASE))
        .subquery()
    )
    key = [rows.c[name] for name in _KEY]
    money = *sum_of_halves(rows.c.gross, "gross"), *sum_of_halves(rows.c.refunded, "refunded")
    return sa.select(*key, sa.func.count().label("orders"), *money).group_by(*key)


SUM = KeptSum(revenue_sums, definition)


def revenue_by_day(connection: sa.Connection, emp_id: int, days: Days) -> Sequence[sa.Row[Any]]:
    """The purchases of an account: currency, day (UTC, since 1970), earned, buyer_is, orders.

    And, for `large.read_sum`, gross and refunded (minor units).
    """
    table = revenue_sums.c
    key = table.currency, table.day, table.earned, table.buyer_is
    large = (column for name in ("gross", "refunded") for column in kept_sum(revenue_sums, name))
    count = sa.func.sum(table.orders)
    query = sa.select(*key, count.label("orders"), *large).where(
        table.emp_id == emp_id, *within(days, table.day)
    )
    return connection.execute(query.group_by(*key).having(count > 0)).all()
