"""Compares kept sums with their definitions, and rebuilds them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.storage.database import Database
from salepixel.storage.upsert import insert_into
from salepixel.sums import (
    buyers,
    clickers,
    clicks,
    decisions,
    delays,
    hours,
    item_days,
    items,
    links,
    outcomes,
    parts,
    reasons,
    returning,
    revenue,
    sales,
)
from salepixel.sums.kept import KeptSum

SUMS: tuple[KeptSum, ...] = (
    clicks.SUM,
    hours.HOURS,
    hours.DAYS,
    reasons.SUM,
    clickers.SUM,
    sales.SUM,
    sales.BY_CAMPAIGN,
    parts.SUM,
    items.SUM,
    items.BY_ACCOUNT,
    item_days.SUM,
    buyers.SUM,
    links.SUM,
    decisions.SUM,
    decisions.SEEN,
    outcomes.SUM,
    delays.SUM,
    revenue.SUM,
    returning.SUM,
)
"""All sums. A sum whose definition reads other sums comes after these."""

SHOWN = 1000
"""The most wrong cells listed for one table."""


def find_wrong_sums(connection: sa.Connection, sums: Sequence[KeptSum] = SUMS) -> list[str]:
    """A line for each cell that differs from its definition: table, key, actual and correct value."""
    _take_time(connection)
    return [line for kept in sums for line in _wrong_cells(connection, kept)]


def rebuild_sums(database: Database, sums: Sequence[KeptSum] = SUMS) -> None:
    """Compute all sums again, each table in its own transaction; writers can continue meanwhile."""
    for kept in sums:
        with database.write() as connection:
            _take_time(connection)
            _rebuild(connection, kept)


def _take_time(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def _wrong_cells(connection: sa.Connection, kept: KeptSum) -> list[str]:
    return [_describe(kept, row) for row in connection.execute(_difference(kept, connection.dialect.name))]


@cache
def _difference(kept: KeptSum, dialect: str) -> sa.Select[Any]:
    """Selects the key of each wrong cell, then each measure: the actual value and the correct one."""
    # One statement reads one snapshot. On PostgreSQL, others write meanwhile.
    must = kept.definition(dialect).subquery()
    columns = [kept.table.c[name] for name in (*kept.measures, *kept.others)]
    zero: sa.ColumnElement[int] = sa.literal_column("0", sa.BigInteger)
    nothing = {
        c.name: sa.literal_column("''" if isinstance(c.type, sa.Text) else "0", c.type) for c in columns
    }
    both = sa.union_all(
        sa.select(
            *(kept.table.c[name] for name in kept.key),
            *(column.label(f"is_{column.name}") for column in columns),
            *(nothing[column.name].label(f"must_{column.name}") for column in columns),
            sum((kept.table.c[name] for name in kept.ended), zero).label("ended"),
        ),
        sa.select(
            *(must.c[name] for name in kept.key),
            *(nothing[column.name].label(f"is_{column.name}") for column in columns),
            *(must.c[column.name].label(f"must_{column.name}") for column in columns),
            zero.label("ended"),
        ),
    ).subquery()
    key = [both.c[name] for name in kept.key]
    measured, others = (
        [(of(both.c[f"is_{name}"]), of(both.c[f"must_{name}"])) for name in names]
        for of, names in ((sa.func.sum, kept.measures), (sa.func.max, kept.others))
    )
    query = sa.select(*key, *(side for pair in (*measured, *others) for side in pair)).group_by(*key)
    differ = sa.or_(
        *(present != right for present, right in measured),
        *(sa.and_(sa.func.sum(both.c.ended) == 0, present != right) for present, right in others),
    )
    return query.having(differ).order_by(*key).limit(SHOWN)


def _describe(kept: KeptSum, row: Sequence[Any]) -> str:
    key = ", ".join(f"{name} {value!r}" for name, value in zip(kept.key, row, strict=False))
    values = row[len(kept.key) :]
    wrong = (
        f"{name} is {present}, must be {right}"
        for name, present, right in zip(kept.measures + kept.others, values[::2], values[1::2], strict=True)
        if present != right
    )
    return f"{kept.table.name} ({key}): {', '.join(wrong)}"


def _rebuild(connection: sa.Connection, kept: KeptSum) -> None:
    table, dialect = kept.table, connection.dialect.name
    if dialect == "postgresql":
        # A transaction with new rows that the definition does not see yet waits for this lock, and adds them
        # afterwards. EXCLUSIVE, so that a transaction that has locked rows of `clickers` ends first.
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE")
    connection.execute(sa.delete(table).where(*(table.c[name] == 0 for name in kept.ended)))
    if kept.ended:
        connection.execute(sa.update(table).values(dict.fromkeys(kept.measures, 0)))
    connection.execute(_redefinition(kept, dialect))


@cache
def _redefinition(kept: KeptSum, dialect: str) -> Any:
    """Writes each cell with the values of its definition."""
    table = kept.table
    names, cells = [*kept.key, *kept.measures, *kept.others], kept.definition(dialect).subquery()
    columns = [cells.c[name] for name in names]
    if "slot" in table.c:
        names, columns = [*names, "slot"], [*columns, sa.literal_column("0")]
    # `true`, or SQLite takes ON CONFLICT for the condition of a join (sqlite.org/lang_upsert, 2.2).
    statement = insert_into(dialect, table).from_select(names, sa.select(*columns).where(sa.true()))
    changed = {name: statement.excluded[name] for name in kept.measures}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
