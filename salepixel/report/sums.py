"""Sums of minor units as great as they come: what is more than 64 bits makes SQLite's sum() fail."""

from typing import Any

import sqlalchemy as sa

_BASE = 10**9


def great_sum(value: sa.ColumnElement[int], name: str) -> list[sa.Label[Any]]:
    """The columns of a sum, for `read_sum`; sums of such columns are columns of the whole sum again."""
    high, low = sa.func.sum(value // _BASE), sa.func.sum(value % _BASE)
    return [high.label(f"{name}_high"), low.label(f"{name}_low")]


def read_sum(row: sa.Row[Any], name: str) -> int:
    """The sum of a row."""
    return int(row._mapping[f"{name}_high"]) * _BASE + int(row._mapping[f"{name}_low"])
