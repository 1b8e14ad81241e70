"""The SALES table as a file: CSV and XLSX for people, in their language, and CSV for programs."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any, Literal

import xlsxwriter
from babel.numbers import get_decimal_symbol
from flask import Response
from xlsxwriter.worksheet import Worksheet

from salepixel.attribution.sale_store import StoredSale
from salepixel.money.amounts import minor_digits
from salepixel.report.totals import Total
from salepixel.report.use_cases import Export
from salepixel_plugin.explanations import EVIDENCE, STATUS
from salepixel_plugin.languages import N_, Language

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 1_048_576
"""Of a sheet, its header among them (support.microsoft.com, "Excel specifications and limits")."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a cell for a formula (OWASP, "CSV Injection")."""

_PIECE = 64 * 1024
_BOM = "\ufeff"  # without it Excel takes UTF-8 for the system's own encoding

_COLUMNS = (
    N_("Contact"),
    N_("Item"),
    N_("SKU"),
    N_("Quantity"),
    N_("Amount"),
    N_("Refunded"),
    N_("Currency"),
    N_("Date (UTC)"),
    N_("Order"),
    N_("Campaign"),
    N_("Link"),
    N_("Evidence"),
    N_("Confidence"),
    N_("Status"),
    N_("Share of the order line"),
    N_("Last refund (UTC)"),
    N_("Refunded after the month was closed"),
    N_("Converted amount"),
    N_("Converted to"),
    N_("Exchange rate"),
    N_("Date of the exchange rate"),
)
_MONEY = {_COLUMNS.index(name) for name in ("Amount", "Refunded", "Refunded after the month was closed")}
_WIDTHS = {0: 24, 1: 32, 7: 19, 9: 24, 10: 24, 11: 26, 15: 19}

Kind = Literal["csv", "xlsx"]

Pages = Callable[[], Iterator[Sequence[StoredSale]]]
"""Gives the rows of a table from the first one on, some at a time."""

Value = str | Decimal | float | datetime | date | None


@dataclass(frozen=True, slots=True)
class Words:
    """What people read in place of ids: the campaign's name, and the label of each link."""

    campaign: str
    links: Mapping[str, str]


def program_csv(columns: Sequence[str], pages: Iterator[Sequence[Mapping[str, object]]]) -> Iterator[str]:
    """CSV for programs (RFC 4180): commas, points, the names of the API; a piece for each page."""
    yield _csv_text([list(columns)], ",")
    for rows in pages:
        yield _csv_text([[_safe(_plain(row[name])) for name in columns] for row in rows], ",")


def people_csv(language: Language, words: Words, pages: Pages) -> Iterator[str]:
    """CSV as a spreadsheet in the reader's language opens it: a piece for each page.

    The separator is a semicolon where the decimal mark is a comma: Excel takes both from the system.
    """
    mark = get_decimal_symbol(language.code)
    separator = ";" if mark == "," else ","
    yield _BOM + _csv_text([[language.text(label) for label in _COLUMNS]], separator)
    for rows in pages():
        cells = [[_csv_cell(value, mark) for value in _values(row, language, words)] for row in rows]
        yield _csv_text(cells, separator)


def people_xlsx(language: Language, words: Words, pages: Pages, totals: Sequence[Total]) -> Iterator[bytes]:
    """A workbook with the rows and their sums, in pieces; memory stays flat, the rows are on disk.

    Texts are never formulas, money has its currency's digits, times are dates in UTC.
    """
    file = TemporaryFile()  # noqa: SIM115  # _pieces closes it
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        formats = _Formats(book)
        header = [language.text(label) for label in _COLUMNS]
        sheet, row = None, MAX_ROWS
        for stored in (stored for rows in pages() for stored in rows):
            if row >= MAX_ROWS:
                sheet, row = _new_sheet(book, language.text(N_("Sales")), header, formats), 1
            for column, value in enumerate(_values(stored, language, words)):
                _write(sheet, row, column, value, stored.sale.currency, formats)
            row += 1
        if sheet is None:
            _new_sheet(book, language.text(N_("Sales")), header, formats)
        _write_totals(book, language, totals, formats)
    return _pieces(file)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def as_download(body: Iterator[str] | Iterator[bytes], name: str, mimetype: str) -> Response:
    """The answer that sends a file; a cache never keeps it."""
    answer = Response(body, mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def sales_for_people(export: Export, kind: Kind, language: Language) -> Response:
    """All sales of an export for a spreadsheet, in a language."""
    words = Words(export.campaign.name, export.labels)
    name = f"sales-{export.campaign.id}.{kind}"
    if kind == "csv":
        return as_download(people_csv(language, words, export.pages), name, "text/csv")
    return as_download(people_xlsx(language, words, export.pages, export.totals), name, XLSX)


def _values(stored: StoredSale, language: Language, words: Words) -> list[Value]:
    """The cells of a row, as `_COLUMNS` names them."""
    sale, rate = stored.sale, stored.sale.rate
    return [
        sale.contact,
        language.text(N_("Shipping")) if sale.line == "shipping" else sale.item,
        sale.sku,
        sale.quantity,
        sale.amount,
        sale.refunded,
        sale.currency,
        sale.purchased_at,
        sale.order,
        words.campaign,
        words.links.get(sale.link, ""),
        language.text(EVIDENCE[sale.evidence]),
        sale.confidence,
        language.text(STATUS[sale.status]),
        sale.share,
        sale.refunded_at,
        sale.refunded_later or None,
        sale.converted,
        rate.into if rate else None,
        rate.value if rate else None,
        rate.on if rate else None,
    ]


def _csv_text(rows: list[list[str]], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue()


def _csv_cell(value: Value, mark: str) -> str:
    if isinstance(value, Decimal | float):
        return _plain(value).replace(".", mark)  # a negative number is no formula
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")  # with a T and a Z it is a text to Excel
    return value.isoformat() if isinstance(value, date) else _safe(value or "")


def _plain(value: object) -> str:
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class _Formats:
    def __init__(self, book: Any) -> None:
        self._book = book
        self.header = book.add_format({"bold": True, "bottom": 1})
        self.time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.number = book.add_format({"num_format": "General"})
        self._money: dict[str, Any] = {}

    def money(self, currency: str) -> Any:
        """Grouped thousands, and the digits that the currency has."""
        if currency not in self._money:
            digits = minor_digits(currency)
            pattern = "#,##0" + ("." + "0" * digits if digits else "")
            self._money[currency] = self._book.add_format({"num_format": pattern})
        return self._money[currency]


def _new_sheet(book: Any, title: str, header: Sequence[str], formats: _Formats) -> Worksheet:
    number = len(book.worksheets()) + 1
    sheet: Worksheet = book.add_worksheet(title if number == 1 else f"{title} {number}")
    for column in range(len(header)):
        sheet.set_column(column, column, _WIDTHS.get(column, 14))
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(header):
        sheet.write_string(0, column, name, formats.header)
    return sheet


def _write(sheet: Any, row: int, column: int, value: Value, currency: str, formats: _Formats) -> None:
    if isinstance(value, datetime):
        sheet.write_datetime(row, column, value.astimezone(UTC).replace(tzinfo=None), formats.time)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, formats.day)
    elif isinstance(value, Decimal | float):
        number = formats.money(currency) if column in _MONEY else formats.number
        sheet.write_number(row, column, float(value), number)
    elif value:
        sheet.write_string(row, column, value)


def _write_totals(book: Any, language: Language, totals: Sequence[Total], formats: _Formats) -> None:
    names = (
        N_("Currency"),
        N_("Orders"),
        N_("Quantity"),
        N_("Gross revenue"),
        N_("Refunded"),
        N_("Net revenue"),
    )
    sheet = book.add_worksheet(language.text(N_("Totals")))
    sheet.set_column(0, len(names) - 1, 16)
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(names):
        sheet.write_string(0, column, language.text(name), formats.header)
    for row, total in enumerate(totals, 1):
        sheet.write_string(row, 0, total.currency)
        sheet.write_number(row, 1, total.orders)
        sheet.write_number(row, 2, float(total.quantity))
        for column, amount in enumerate((total.gross, total.refunded, total.net), 3):
            sheet.write_number(row, column, float(amount), formats.money(total.currency))
