"""Tables as files, CSV and XLSX, in the language of the reader."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO
from tempfile import TemporaryFile
from typing import IO, Any, Literal, TypeVar

from babel.numbers import get_decimal_symbol
from flask import Response

from salepixel.money.amounts import minor_digits
from salepixel.report.sales_file import safe_cell
from salepixel.report.tables import Column, Kind
from salepixel_plugin.exports import XLSX, as_download
from salepixel_plugin.languages import N_, Language

Row = TypeVar("Row")
Form = Literal["csv", "xlsx"]

_BOM = "\ufeff"
_CHUNK = 65_536
_AT_ONCE = 1000


def send_table(
    form: Form, name: str, title: str, columns: Sequence[Column[Row]], rows: Iterable[Row], language: Language
) -> Response:
    """A table as a file. `rows` may be read while it is sent; memory does not grow with their number."""
    if form == "csv":
        return as_download(_csv(columns, rows, language), f"{name}.csv", "text/csv")
    return as_download(_xlsx(title, columns, rows, language), f"{name}.xlsx", XLSX)


def _csv(columns: Sequence[Column[Row]], rows: Iterable[Row], language: Language) -> Iterator[bytes]:
    mark = str(get_decimal_symbol(language.code))
    text = StringIO()
    # Excel takes both marks from the system: a semicolon separates where a comma is the decimal mark.
    writer = csv.writer(text, delimiter=";" if mark == "," else ",")
    text.write(_BOM)
    writer.writerow([language.text(column.text) for column in columns])
    for number, row in enumerate(rows, 1):
        writer.writerow([_csv_cell(column.value(row), mark) for column in columns])
        if number % _AT_ONCE == 0:
            yield _taken(text)
    yield _taken(text)


def _csv_cell(value: str | int | Decimal | None, mark: str) -> str:
    if isinstance(value, str):
        return safe_cell(value)
    return (
        "" if value is None else f"{value:f}".replace(".", mark) if isinstance(value, Decimal) else str(value)
    )


def _taken(text: StringIO) -> bytes:
    content = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return content


def _xlsx(
    title: str, columns: Sequence[Column[Row]], rows: Iterable[Row], language: Language
) -> Iterator[bytes]:
    with TemporaryFile() as file:
        _write_book(file, title, columns, rows, language)
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


def _write_book(
    file: IO[bytes], title: str, columns: Sequence[Column[Row]], rows: Iterable[Row], language: Language
) -> None:
    import xlsxwriter  # here and not above: it is a twentieth of the plugin's start

    options = {"constant_memory": True, "strings_to_urls": False, "strings_to_formulas": False}
    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        formats: dict[str, Any] = {}
        sums: dict[tuple[int, str], Decimal] = {}
        sheet = book.add_worksheet(language.text(title)[:31])
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, 32 if column.kind is Kind.TEXT else 14)
            sheet.write_string(0, place, language.text(column.text), bold)
        for number, row in enumerate(rows, 1):
            for place, column in enumerate(columns):
                value, currency = column.value(row), column.currency(row)
                if value is None:
                    continue
                if isinstance(value, str):
                    sheet.write_string(number, place, value[:32_767])
                    continue
                sheet.write_number(number, place, float(value), _format(book, formats, column, currency))
                if column.adds_up:
                    sums[place, currency] = sums.get((place, currency), Decimal(0)) + value
        _write_sums(book, columns, sums, formats, language, bold)


def _format(book: Any, formats: dict[str, Any], column: Column[Any], currency: str) -> Any:
    if column.kind is not Kind.MONEY:
        return None
    digits = minor_digits(currency)
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    if pattern not in formats:
        formats[pattern] = book.add_format({"num_format": pattern})
    return formats[pattern]


def _write_sums(
    book: Any,
    columns: Sequence[Column[Any]],
    sums: dict[tuple[int, str], Decimal],
    formats: dict[str, Any],
    language: Language,
    bold: Any,
) -> None:
    sheet = book.add_worksheet(language.text(N_("Totals")))
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 2, 24)
    for place, text in enumerate((N_("Column"), N_("Currency"), N_("Total"))):
        sheet.write_string(0, place, language.text(text), bold)
    for number, ((place, currency), total) in enumerate(sorted(sums.items()), 1):
        column = columns[place]
        sheet.write_string(number, 0, language.text(column.text))
        sheet.write_string(number, 1, currency)
        sheet.write_number(number, 2, float(total), _format(book, formats, column, currency))
