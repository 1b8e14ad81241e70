"""Measures that may exceed 64 bits, stored in two columns: `<name>_high` * 10^9 + `<name>_low`.

Each row's value is split before it is added, in Python as in SQL, so that both halves are sums of the rows.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

_BASE = 10**9


def halves(value: int) -> tuple[int, int]:
    """The high and low half of a row's value, which is not negative."""
    return divmod(value, _BASE)


def sum_of_halves(value: sa.ColumnElement[int], name: str) -> Iterator[sa.Label[Any]]:
    """Two columns of a definition: the sums of both halves of a value."""
    yield sa.func.sum(value // _BASE).label(f"{name}_high")
    yield sa.func.sum(value % _BASE).label(f"{name}_low")


def kept_sum(table: sa.FromClause, name: str) -> Iterator[sa.Label[Any]]:
    """Two columns for `read_sum`, from a table that stores the measure in halves."""
    for half in ("high", "low"):
        yield sa.func.sum(table.c[f"{name}_{half}"]).label(f"{name}_{half}")


def read_sum(row: sa.Row[Any], name: str) -> int:
    """The whole measure of a row."""
    return int(getattr(row, f"{name}_high")) * _BASE + int(getattr(row, f"{name}_low"))
