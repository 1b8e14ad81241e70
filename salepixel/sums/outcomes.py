"""Decided orders of an account by outcome and reason, of all days, read for each page of a list."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import decisions, outcome_sums
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference


def add(
    connection: sa.Connection, before: Sequence[Mapping[Any, Any]], after: Sequence[Mapping[Any, Any]]
) -> None:
    """Add what changed from rows of `decisions` before to the rows of the same orders after."""
    add_cells(connection, outcome_sums, difference(sums_of(before), sums_of(after)))


def sums_of(rows: Sequence[Mapping[Any, Any]]) -> Cells:
    """The cells of rows of `decisions`."""
    counted: Counter[Key] = Counter((row["emp_id"], str(row["outcome"]), row["reason"]) for row in rows)
    return {key: (count,) for key, count in counted.items()}


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all decisions."""
    key = decisions.c.emp_id, decisions.c.outcome, decisions.c.reason
    return sa.select(*key, sa.func.count().label("orders")).group_by(*key)


SUM = KeptSum(outcome_sums, definition)


def count_outcomes(connection: sa.Connection, emp_id: int) -> dict[tuple[str, str], int]:
    """The number of an account's decided orders for each (outcome, reason)."""
    key, count = (outcome_sums.c.outcome, outcome_sums.c.reason), sa.func.sum(outcome_sums.c.orders)
    query = sa.select(*key, count).where(outcome_sums.c.emp_id == emp_id).group_by(*key).having(count > 0)
    return {(outcome, reason): int(orders) for outcome, reason, orders in connection.execute(query)}
