"""What a table of a page shows: its sorting, its search, its columns and its pages, all in the address.

`sort=-net` sorts by a column, largest first; `q` searches; `hide=sku` hides columns; `page` counts from 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import request

from salepixel.report.tables import Arranged, Asked, Column, Kind, arrange
from salepixel_plugin.languages import Language

Row = TypeVar("Row")

PAGE = 50
_MAX_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column: the changes of the address that its link makes, and `aria-sort`."""

    name: str
    text: str
    is_number: bool
    changes: dict[str, str]
    sorted: str


@dataclass(frozen=True)
class Table(Generic[Row]):
    """A table. `columns`: all of them, `shown`: those not hidden. `is_asked`: it is not as at first."""

    columns: Sequence[Column[Row]]
    shown: Sequence[Column[Row]]
    found: Arranged[Row]
    asked: Asked

    @property
    def heads(self) -> list[Head]:
        """The heads of the shown columns."""
        return [self._head(column) for column in self.shown]

    def _head(self, column: Column[Row]) -> Head:
        is_number = column.kind is not Kind.TEXT
        is_sorted = column.name == self.asked.sort
        # At first the largest numbers, and texts from A.
        descending = not self.asked.descending if is_sorted else is_number
        order = "descending" if self.asked.descending else "ascending"
        changes = {"sort": f"{'-' * descending}{column.name}", "page": "", "cursor": "", "newer": ""}
        return Head(column.name, column.text, is_number, changes, order if is_sorted else "")

    @property
    def choices(self) -> list[Head]:
        """The columns that can be hidden, with the link that hides or shows each. The first always stays."""
        hidden = {column.name for column in self.columns} - {column.name for column in self.shown}
        return [
            Head(
                column.name,
                column.text,
                is_number=column.name not in hidden,
                changes={"hide": ",".join(sorted(hidden ^ {column.name}))},
                sorted="",
            )
            for column in self.columns[1:]
        ]

    @property
    def parameters(self) -> dict[str, str]:
        """The sorting, search and columns of this page, for the address of its file."""
        return {name: request.args[name] for name in ("sort", "q", "hide") if request.args.get(name)}

    @property
    def is_asked(self) -> bool:
        """True if it is sorted or searched."""
        return bool(self.asked.sort or self.asked.search)

    @property
    def previous(self) -> dict[str, str] | None:
        """The change of the address that leads to the page before."""
        return {"page": str(self.found.page - 1)} if self.found.page > 1 else None

    @property
    def next(self) -> dict[str, str] | None:
        """The change of the address that leads to the next page."""
        return {"page": str(self.found.page + 1)} if self.found.page < self.found.pages else None


def read_asked() -> Asked:
    """How the address of this page asks for its table. What is no number is page 1."""
    sort, page = request.args.get("sort", ""), request.args.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1
    search = request.args.get("q", "")[:_MAX_SEARCH].strip()
    return Asked(sort.removeprefix("-"), sort.startswith("-"), search, max(1, number))


def table_of(columns: Sequence[Column[Row]], rows: Sequence[Row], *, whole: bool = False) -> Table[Row]:
    """The table that the address of this page asks for; `whole`: with all rows on one page."""
    asked = read_asked()
    return Table(columns, shown_of(columns), arrange(rows, columns, asked, None if whole else PAGE), asked)


def shown_of(columns: Sequence[Column[Row]]) -> list[Column[Row]]:
    """The columns that the address does not hide."""
    hidden = request.args.get("hide", "").split(",")
    return [column for column in columns if column is columns[0] or column.name not in hidden]


def write_cell(column: Column[Row], row: Row, language: Language) -> str:
    """A cell for people."""
    value = column.value(row)
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if column.kind is Kind.MONEY:
        return language.money(value, column.currency(row))  # type: ignore[arg-type]  # money is decimal
    return language.number(value)
