"""Clicks per campaign and hour, and per account and day: by verdict, without links and reasons.

A chart by day or by hour after sending so reads few rows, however many links a campaign has.
"""

from collections import Counter
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import click_days, click_hours, clicks
from salepixel.sums.days import Days, within
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells

_TIMES = {  # milliseconds, as in clicks.py; an hour has 3,600,000
    "sqlite": "json_extract('0x' || hex(substr(clicks.id, 1, 6)), '$') / {}",
    "postgresql": "('x' || encode(substr(clicks.id, 1, 6), 'hex'))::bit(48)::bigint / {}",
}


def add(connection: sa.Connection, changed: Cells) -> None:
    """Add changes in the number of clicks, by the key of `clicks.by_hour`."""
    add_cells(connection, click_hours, hours_of(changed))
    add_cells(connection, click_days, days_of(changed))


def end(connection: sa.Connection, ended: Cells) -> None:
    """Count deleted clicks as ended, by the same key."""
    for table, cells in ((click_hours, hours_of(ended)), (click_days, days_of(ended))):
        add_cells(connection, table, {key: (-count, count) for key, (count,) in cells.items()})


def hours_of(cells: Cells) -> Cells:
    """The cells of `click_hours`."""
    counted: Counter[Key] = Counter()
    for (_, campaign, _, hour, verdict, _), (count,) in cells.items():
        counted[campaign, hour, verdict] += count
    return {key: (count,) for key, count in counted.items() if count}


def days_of(cells: Cells) -> Cells:
    """The cells of `click_days`."""
    counted: Counter[Key] = Counter()
    for (account, _, _, hour, verdict, _), (count,) in cells.items():
        counted[account, hour // 24, verdict] += count
    return {key: (count,) for key, count in counted.items() if count}


def hours_definition(dialect: str) -> sa.Select[Any]:
    """The cells of `click_hours` of all clicks."""
    return _define(clicks.c.campaign_id, _time(dialect, 3_600_000).label("hour"))


def days_definition(dialect: str) -> sa.Select[Any]:
    """The cells of `click_days` of all clicks."""
    return _define(clicks.c.emp_id, _time(dialect, 86_400_000).label("day"))


def _define(*by: sa.ColumnElement[Any]) -> sa.Select[Any]:
    key = *by, clicks.c.verdict
    return sa.select(*key, sa.func.count().label("clicks")).group_by(*key)


def _time(dialect: str, unit: int) -> sa.ColumnElement[int]:
    return sa.literal_column(_TIMES[dialect].format(unit), sa.Integer)


HOURS = KeptSum(click_hours, hours_definition, ended=("ended",))
DAYS = KeptSum(click_days, days_definition, ended=("ended",))

_HUMAN, _BOT = "human", "bot"


def clicks_by_day(
    connection: sa.Connection, days: Days, *, emp_id: int | None = None, campaign_id: str = ""
) -> dict[int, tuple[int, int]]:
    """The human and the bot clicks of each day (UTC, since 1970) with clicks, of an account or of a campaign.

    Clicks with the verdict unknown count as human, as everywhere in the report.
    """
    if emp_id is not None:
        table, day, ours = click_days, click_days.c.day, click_days.c.emp_id == emp_id
        return _read(connection, table, day, ours, *within(days, day))
    first, last = (None if day is None else day * 24 for day in days)
    table, hour, ours = click_hours, click_hours.c.hour, click_hours.c.campaign_id == campaign_id
    return _read(connection, table, hour // 24, ours, *within((first, last), hour))


def clicks_by_hour(
    connection: sa.Connection, campaign_id: str, first: int, last: int
) -> dict[int, tuple[int, int]]:
    """A campaign's human and bot clicks in each hour (UTC, since 1970), from `first` to before `last`."""
    hour = click_hours.c.hour
    ours = click_hours.c.campaign_id == campaign_id
    return _read(connection, click_hours, hour, ours, hour >= first, hour < last)


def _read(
    connection: sa.Connection,
    table: sa.Table,
    time: sa.ColumnElement[Any],
    *ours: sa.ColumnElement[bool],
) -> dict[int, tuple[int, int]]:
    count, is_bot = table.c.clicks + table.c.ended, table.c.verdict == _BOT
    sums = [sa.func.sum(sa.case((kind, count), else_=0)) for kind in (~is_bot, is_bot)]
    query: sa.Select[Any] = sa.select(time, *sums).where(*ours).group_by(time)
    found = connection.execute(query).all()
    return {int(row[0]): (int(row[1]), int(row[2])) for row in found if row[1] or row[2]}
