"""Exports of a campaign's sales: small ones are streamed, the worker writes large ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.principal import HIDDEN
from salepixel.campaigns.store import Campaign
from salepixel.computations.store import compress
from salepixel.computations.work import Json, Progress, Task, Tools
from salepixel.report import sales_file
from salepixel.report.periods import Period
from salepixel.report.sales import sale_totals
from salepixel.report.sales_file import MAX_ROWS, PROGRAM_COLUMNS, Place, Row, Style
from salepixel.report.totals import Total
from salepixel.storage.database import Database
from salepixel.storage.schema import sales

KIND = "sales"

SMALL_ORDERS = 20_000
"""The worker writes larger files (about 50,000 rows), because a request would take more than a second."""

_BOM = "\ufeff"  # without it Excel takes UTF-8 for the system's own encoding


class Format(StrEnum):
    """The format of a file. Stored in the parameters of computations."""

    PROGRAM_CSV = "program.csv"
    PEOPLE_CSV = "people.csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Export:
    """All sales of a campaign in a period: their sums, and the labels of its links.

    `contacts`: whether their references are in the file. `chosen`: only these rows, in this sequence; None:
    all, newest first.
    """

    campaign: Campaign
    period: Period
    labels: Mapping[str, str]
    totals: list[Total]
    contacts: bool
    chosen: Sequence[Row] | None = None

    @property
    def is_small(self) -> bool:
        """True if it is streamed."""
        return sum(total.orders for total in self.totals) <= SMALL_ORDERS

    def count_rows(self, connection: sa.Connection) -> int:
        """The number of its rows, if it is small."""
        if self.chosen is not None:
            return len(self.chosen)
        its = sales.c.campaign_id == self.campaign.id, *self.period.holds(sales.c.purchased_at)
        return connection.scalar(sa.select(sa.func.count()).select_from(sales).where(*its)) or 0

    def parameters(self, form: Format, style: Style | None) -> dict[str, Any]:
        """The parameters for the worker."""
        return {
            "campaign": self.campaign.id,
            "since": self.period.since and self.period.since.isoformat(),
            "until": self.period.until and self.period.until.isoformat(),
            "format": str(form),
            "style": style and style.as_json(),
            "contacts": self.contacts,
        }

    def pieces(self, database: Database, form: Format, style: Style | None) -> Iterator[str]:
        """The file, some rows at a time; for a workbook, the rows of its sheet. Memory stays constant."""
        if self.chosen is not None:
            yield from self._chosen_pieces(self.chosen, form, style)
            return
        after: Place | None = None
        done = 0
        # One connection per page: a connection open for a slow reader would block SQLite's checkpoints.
        while True:
            with database.read() as connection:
                rows = _page(connection, self.campaign.id, self.period, after, done, contacts=self.contacts)
            yield write(form, style, rows, done)
            if not rows:
                return
            done, after = done + len(rows), rows[-1].place

    def _chosen_pieces(self, chosen: Sequence[Row], form: Format, style: Style | None) -> Iterator[str]:
        for done in range(0, max(1, len(chosen)), sales_file.ROWS_AT_ONCE):
            rows = chosen[done : done + sales_file.ROWS_AT_ONCE]
            yield write(form, style, [*rows] if self.contacts else _hidden(rows), done)


def write(form: Format, style: Style | None, rows: list[Row], done: int) -> str:
    """Rows as a piece of a file that has `done` rows so far."""
    if style is None:
        begin = sales_file.header(PROGRAM_COLUMNS, ",") if not done else ""
        return begin + sales_file.program_csv(rows)
    if form is Format.XLSX:
        return sales_file.sheet_rows(style, rows, done % (MAX_ROWS - 1) + 2)
    begin = _BOM + sales_file.header(style.header, style.separator) if not done else ""
    return begin + sales_file.people_csv(style, rows)


def _page(
    connection: sa.Connection,
    campaign_id: str,
    period: Period,
    after: Place | None,
    done: int,
    *,
    contacts: bool,
) -> list[Row]:
    # A piece of a workbook belongs to one sheet.
    limit = min(sales_file.ROWS_AT_ONCE, MAX_ROWS - 1 - done % (MAX_ROWS - 1))
    rows = sales_file.read_rows(connection, campaign_id, period, after, limit)
    return rows if contacts else _hidden(rows)


def _hidden(rows: Sequence[Row]) -> list[Row]:
    return [row._replace(contact=row.contact and HIDDEN) for row in rows]


def step(connection: sa.Connection, tools: Tools, task: Task, place: Json) -> Progress:
    """One step: the next rows, as a piece of the file. The result says how many rows it has."""
    given = task.parameters
    since, until = (given[name] and datetime.fromisoformat(given[name]) for name in ("since", "until"))
    period, style = Period(since, until), given["style"] and Style(**given["style"])
    done = place.get("done", 0)
    # The progress counts orders, because the number of rows is unknown.
    total = place.get("total") or sum(
        total.orders for total in sale_totals(connection, given["campaign"], period)
    )
    contacts = given.get("contacts", True)  # files that were requested by an earlier version have them
    rows = _page(connection, given["campaign"], period, place.get("after"), done, contacts=contacts)
    text = write(Format(given["format"]), style, rows, done)
    if not rows:
        return Progress(None, done, done, compress(text) if not done else b"", {"rows": done})
    done += len(rows)
    total = max(total, done)
    return Progress({"after": rows[-1].place, "done": done, "total": total}, done, total, compress(text))
