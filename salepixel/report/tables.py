"""Tables of a page: sorted, searched and cut into pages. Pure: rows in, rows out.

Only tables with at most LARGEST rows are arranged in memory; larger ones are read by their key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

LARGEST = 2000
"""Rows that are read and sorted for one page, within 50 ms."""

Row = TypeVar("Row")
Value = str | int | Decimal | None


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column. `name` is for addresses, `text` for people. `currency`: of the row's amount, for money. A
    value of None is unknown.

    `adds_up`: False if the sum of its rows means nothing, as of the clickers of several links.
    """

    name: str
    text: str
    kind: Kind
    value: Callable[[Row], Value]
    currency: Callable[[Row], str] = lambda _: ""
    adds_up: bool = True

    def key(self, row: Row) -> str | int | Decimal:
        """What rows of one currency are sorted by."""
        value = self.value(row)
        if self.kind is Kind.TEXT:
            return str(value).casefold()
        return -1 if value is None else value


@dataclass(frozen=True, slots=True)
class Asked:
    """How a table is asked for. `sort`: the name of a column; empty: as the rows come. `page`: from 1."""

    sort: str = ""
    descending: bool = False
    search: str = ""
    page: int = 1


@dataclass(frozen=True)
class Arranged(Generic[Row]):
    """A page of a table; `count` of all rows that were found, `pages` of them."""

    rows: Sequence[Row]
    count: int
    page: int
    pages: int


def arrange(
    rows: Sequence[Row], columns: Sequence[Column[Row]], asked: Asked, size: int | None
) -> Arranged[Row]:
    """The page of the rows that was asked for, with `size` rows; None: all rows on one page.

    The search finds a row if a column of texts contains the text. Equal rows stay in their sequence.
    """
    wanted = asked.search.casefold()
    texts = [column for column in columns if column.kind is Kind.TEXT]
    found = [
        row
        for row in rows
        if not wanted or any(wanted in str(column.value(row)).casefold() for column in texts)
    ]
    by = next((column for column in columns if column.name == asked.sort), None)
    if by is not None:
        found.sort(key=by.key, reverse=asked.descending)
        found.sort(key=by.currency)  # amounts of different currencies are not compared
    size = size or max(1, len(found))
    pages = max(1, -(-len(found) // size))
    page = min(asked.page, pages)
    return Arranged(found[(page - 1) * size : page * size], len(found), page, pages)
