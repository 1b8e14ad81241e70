"""The time from the credited click to the order, in steps, per campaign and day (UTC) of the order.

Of the click that a decision credits: with a model that shares, of the one with the largest share.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import EPOCH, decisions, delay_sums
from salepixel.sums.days import Days, day_column, day_of, within
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference

_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = 60_000
STEPS = tuple(minutes * _MINUTE for minutes in (10, 30, 60, 180, 360, 720, 1440, 2880, 4320, 10_080))
"""The end (exclusive, milliseconds) of each step; the last step has no end. Changing them needs a rebuild."""

ALL_CAMPAIGNS = ""
"""Stands for all campaigns of the account, in place of a campaign's id."""

_TIME = {  # the first 48 bits of a click id; as in clicks.py
    "sqlite": "json_extract('0x' || hex(substr(decisions.click_id, 1, 6)), '$')",
    "postgresql": "('x' || encode(substr(decisions.click_id, 1, 6), 'hex'))::bit(48)::bigint",
}


def step_of(milliseconds: int) -> int:
    """The step of a delay. Clocks differ: an order a little before its click is in the first one."""
    return next((step for step, end in enumerate(STEPS) if milliseconds < end), len(STEPS))


def add(
    connection: sa.Connection, before: Sequence[Mapping[Any, Any]], after: Sequence[Mapping[Any, Any]]
) -> None:
    """Add what changed from rows of `decisions` before to the rows of the same orders after."""
    add_cells(connection, delay_sums, difference(sums_of(before), sums_of(after)))


def sums_of(rows: Sequence[Mapping[Any, Any]]) -> Cells:
    """The cells of rows of `decisions`."""
    counted: Counter[Key] = Counter()
    for row in rows:
        if row["click_id"] is not None:
            placed = row["placed_at"]
            milliseconds = (placed - EPOCH) // _MILLISECOND - int.from_bytes(row["click_id"][:6])
            when = day_of(placed), step_of(milliseconds)
            for campaign in (row["campaign_id"], ALL_CAMPAIGNS):
                counted[row["emp_id"], campaign, *when] += 1
    return {key: (count,) for key, count in counted.items()}


def _step(dialect: str) -> sa.ColumnElement[int]:
    clicked: sa.ColumnElement[int] = sa.literal_column(_TIME[dialect], sa.BigInteger)
    delay = sa.type_coerce(decisions.c.placed_at, sa.BigInteger) // 1000 - clicked
    return sa.case(
        *((delay < end, sa.literal_column(str(number))) for number, end in enumerate(STEPS)),
        else_=sa.literal_column(str(len(STEPS))),
    )


def has_delay(dialect: str, step: int) -> list[sa.ColumnElement[bool]]:
    """The conditions for decisions in a step."""
    return [decisions.c.click_id.is_not(None), _step(dialect) == step]


def definition(dialect: str) -> sa.Select[Any]:
    """The cells of all decisions."""
    step = _step(dialect)
    rows = (
        sa.select(
            decisions.c.emp_id,
            decisions.c.campaign_id,
            day_column(decisions.c.placed_at),
            sa.type_coerce(step, sa.Integer).label("step"),
        )
        .where(decisions.c.click_id.is_not(None))
        .subquery()
    )
    both = sa.union_all(
        sa.select(*rows.c),
        sa.select(rows.c.emp_id, sa.literal_column("''", sa.Text), rows.c.day, rows.c.step),
    ).subquery()
    return sa.select(*both.c, sa.func.count().label("orders")).group_by(*both.c)


SUM = KeptSum(delay_sums, definition)


def orders_by_step(
    connection: sa.Connection, emp_id: int, days: Days, campaign_id: str = ALL_CAMPAIGNS
) -> list[int]:
    """The number of orders in each step, of a campaign or of a whole account, by the day of the order."""
    table = delay_sums.c
    ours = table.emp_id == emp_id, table.campaign_id == campaign_id, *within(days, table.day)
    query = sa.select(table.step, sa.func.sum(table.orders)).where(*ours).group_by(table.step)
    found = {step: int(orders) for step, orders in connection.execute(query)}
    return [found.get(step, 0) for step in range(len(STEPS) + 1)]
