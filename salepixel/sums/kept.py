"""A table of kept sums, and how cells are added to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.sums.slots import slot

Key = tuple[Any, ...]

ALL_LINKS = ""
"""Stands for all links of a campaign, in place of a link's id. Real ids have 12 characters."""

ALL_CURRENCIES = ""
"""Stands for all currencies, in place of a code. Its rows have numbers of orders and no amounts."""

Cells = dict[Key, Sequence[int]]
"""The cells of a sum: key without slot -> measures, both in the order of the table's columns."""


@dataclass(frozen=True)
class KeptSum:
    """A table of sums, with the SELECT that defines its cells, by the name of the dialect.

    The SELECT has the table's columns without `slot` and without the measures in `ended`. These count rows
    that retention has deleted, so they cannot be compared, and a rebuild keeps them.

    `others`: columns that are not added up. If rows have ended, these columns are neither compared nor
    rebuilt, because they depend on the ended rows, too.
    """

    table: sa.Table
    definition: Callable[[str], sa.Select[Any]]
    ended: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def key(self) -> list[str]:
        """The names of the key's columns, without `slot`."""
        return [column.name for column in self.table.primary_key if column.name != "slot"]

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of the measures that are added up and are in the definition."""
        given = (column.name for column in self.table.c if not column.primary_key)
        return tuple(name for name in given if name not in self.ended + self.others)


def difference(before: Cells, after: Cells) -> Cells:
    """The cells to add to `before` to get `after`."""
    found: dict[Key, Sequence[int]] = dict(after)
    for key, measures in before.items():
        found[key] = [
            new - old for old, new in zip(measures, after.get(key, [0] * len(measures)), strict=True)
        ]
    return {key: measures for key, measures in found.items() if any(measures)}


def add_cells(connection: sa.Connection, table: sa.Table, cells: Mapping[Key, Sequence[int]]) -> None:
    """Add these measures to the table's rows with these keys, in the slot of this transaction.

    Measures that the cells do not have (the last columns of the table) stay, or begin with their default.
    """
    if cells:
        ours = slot(connection)
        # Sorted, so that two writers that share a slot do not deadlock.
        rows = [(*key, ours, *cells[key]) for key in sorted(cells)]
        statement = _add_statement(connection.dialect.name, table, len(rows[0]))
        connection.exec_driver_sql(statement, rows)


@cache
def _add_statement(dialect: str, table: sa.Table, columns: int) -> str:
    # Goes to the driver directly, because SQLAlchemy takes as much time per row as the database.
    names = [column.name for column in table.c][:columns]
    key = [column.name for column in table.primary_key]
    values = ", ".join(["%s" if dialect == "postgresql" else "?"] * columns)
    sums = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names[len(key) :])
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) "  # noqa: S608  # our own names
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}"
    )
