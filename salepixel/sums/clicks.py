"""Clicks per campaign, link, day, verdict and reasons; and, without links and reasons, by hour (hours.py)."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import click_sums, clicks
from salepixel.sums import clickers, hours, links
from salepixel.sums import reasons as reason_sums
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference

_HOUR_MS = 3_600_000

# A click id begins with 48 bits of milliseconds. Its first five bytes are 256 ms each, 337,500 of them a day.
_DAY = {
    # JSON5 has hexadecimal numbers; SQLite has no other way to read them.
    "sqlite": "json_extract('0x' || hex(substr(clicks.id, 1, 5)), '$') / 337500",
    "postgresql": "('x' || encode(substr(clicks.id, 1, 5), 'hex'))::bit(40)::bigint / 337500",
}


def sums_of(rows: Iterable[Sequence[Any]]) -> Cells:
    """The cells of rows of `clicks`, with values in the order of its columns."""
    return _by_day(by_hour(rows))


def by_hour(rows: Iterable[Sequence[Any]]) -> Cells:
    """The clicks in these rows by account, campaign, link, hour, verdict and reasons."""
    # One key, from which the keys of all sums follow, because counting the rows takes most of the time.
    counted = Counter(
        (row[1], row[2], row[3], int.from_bytes(row[0][:6]) // _HOUR_MS, row[6], row[7]) for row in rows
    )
    return {key: (count,) for key, count in counted.items()}


def _by_day(cells: Cells) -> Cells:
    counted: Counter[Key] = Counter()
    for (_, campaign, link, hour, verdict, reasons), (count,) in cells.items():
        counted[campaign, link, hour // 24, verdict, reasons] += count
    return {key: (count,) for key, count in counted.items() if count}


def add(
    connection: sa.Connection,
    before: Sequence[Sequence[Any]],
    after: Sequence[Sequence[Any]],
    known: clickers.Known | None = None,
) -> None:
    """Add what changed from rows of `clicks` before to the same rows after, which are written already.

    `before` must have been read FOR UPDATE in this transaction, or on PostgreSQL another transaction may
    change a verdict in between. Also adds to the sums of clickers, to which `known` goes, and of links.
    """
    changed = difference(by_hour(before), by_hour(after))
    cells = _by_day(changed)
    add_cells(connection, click_sums, cells)
    hours.add(connection, changed)
    reason_sums.add(connection, cells)
    links.add(connection, cells, clickers.add(connection, before, after, known))


def end(connection: sa.Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Count rows of `clicks` that retention has deleted as ended: all totals stay.

    The caller must prevent that they are stored again, or they would be counted twice.
    """
    ended = by_hour(rows)
    add_cells(connection, click_sums, {key: (-count, count) for key, (count,) in _by_day(ended).items()})
    hours.end(connection, ended)
    clickers.end(connection, rows)


def forget(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> int:
    """Delete the rows of contacts of an account. They no longer count as clickers; their clicks still count.

    For contacts whose clicks have all ended, or no longer have a contact. Returns the number of rows.
    """
    count, fewer = clickers.forget(connection, emp_id, refs)
    links.add(connection, {}, fewer)
    return count


def definition(dialect: str) -> sa.Select[Any]:
    """The cells of all clicks."""
    day: sa.ColumnElement[int] = sa.literal_column(_DAY[dialect], sa.Integer)
    key = clicks.c.campaign_id, clicks.c.link_id, day.label("day"), clicks.c.verdict, clicks.c.reasons
    return sa.select(*key, sa.func.count().label("clicks")).group_by(*key)


SUM = KeptSum(click_sums, definition, ended=("ended",))
