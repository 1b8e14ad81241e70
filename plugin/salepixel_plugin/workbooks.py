"""Workbooks (XLSX), streamed.

xlsxwriter creates a template with header, styles and totals. The rows are inserted into its sheets while the
file is sent. So memory stays constant, and the first byte is sent before the last row is read.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from salepixel.money.amounts import minor_digits
from salepixel.report.sales_file import MAX_ROWS
from salepixel.report.totals import Total
from salepixel_plugin.languages import N_, Language

_WIDTHS = {0: 24, 1: 32, 7: 19, 9: 24, 10: 24, 11: 26, 15: 19}
_PATTERNS = {"t": "yyyy-mm-dd hh:mm:ss", "d": "yyyy-mm-dd"}


def write_workbook(
    language: Language, header: Sequence[str], totals: Sequence[Total], pieces: Iterable[bytes], rows: int
) -> Iterator[bytes]:
    """The file, in pieces. `pieces`: rows as `sales_file.sheet_rows` writes them, `rows`: their number."""
    sheets = max(1, -(-rows // (MAX_ROWS - 1)))
    template = zipfile.ZipFile(io.BytesIO(_template(language, header, totals, sheets)))
    left, sink = iter(pieces), _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        styles = _styles(template.read("xl/worksheets/sheet1.xml"), totals)
        for name in template.namelist():
            found = re.fullmatch(r"xl/worksheets/sheet(\d+)\.xml", name)
            content = template.read(name)
            if found is None or int(found[1]) > sheets:
                book.writestr(name, content)
                continue
            begin, end = _around_rows(content)
            with book.open(name, "w") as entry:
                entry.write(begin)
                for piece in _of_one_sheet(left):
                    entry.write(_STYLE.sub(styles, piece))
                    yield from sink.taken()
                entry.write(end)
            yield from sink.taken()
    yield from sink.taken()


_STYLE = re.compile(rb's="@(\w+)"')
_SHEET_IS_FULL = f'<row r="{MAX_ROWS}">'.encode()


def _of_one_sheet(left: Iterator[bytes]) -> Iterator[bytes]:
    for piece in left:
        yield piece
        if _SHEET_IS_FULL in piece:
            return


def _styles(sheet: bytes, totals: Sequence[Total]) -> Callable[[re.Match[bytes]], bytes]:
    """Replace the names of styles by their numbers, which the cells in the template's second row have."""
    numbers = re.findall(rb'<c r="[A-Z]+2" s="(\d+)"', sheet)
    names = [*_PATTERNS, *(total.currency for total in totals)]
    of_name = {name.encode(): b's="%s"' % number for name, number in zip(names, numbers, strict=True)}
    return lambda found: of_name.get(found[1], b's="0"')


def _around_rows(sheet: bytes) -> tuple[bytes, bytes]:
    """What is before and after the rows. Without the sheet's dimension, which is optional and not known."""
    begin, _, _ = sheet.partition(b'<row r="2"')
    _, end, rest = sheet.partition(b"</sheetData>")
    return re.sub(rb"<dimension [^>]*/>", b"", begin), end + rest


def _template(language: Language, header: Sequence[str], totals: Sequence[Total], sheets: int) -> bytes:
    import xlsxwriter  # here and not above: it is a twentieth of the plugin's start

    file = io.BytesIO()
    options = {
        "constant_memory": True,
        "in_memory": True,
        "strings_to_urls": False,
        "strings_to_formulas": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        title = language.text(N_("Sales"))
        bold = book.add_format({"bold": True, "bottom": 1})
        money = {total.currency: _money_pattern(total.currency) for total in totals}
        formats = {
            name: book.add_format({"num_format": pattern}) for name, pattern in {**_PATTERNS, **money}.items()
        }
        for number in range(sheets):
            sheet = book.add_worksheet(f"{title} {number + 1}" if number else title)
            for column in range(len(header)):
                sheet.set_column(column, column, _WIDTHS.get(column, 14))
            sheet.freeze_panes(1, 0)
            for column, name in enumerate(header):
                sheet.write_string(0, column, name, bold)
            for column, its in enumerate(formats.values()):
                sheet.write_blank(1, column, None, its)
        _write_totals(book, language, totals, bold, formats)
    return file.getvalue()


def _money_pattern(currency: str) -> str:
    """Grouped thousands, and the digits that the currency has."""
    digits = minor_digits(currency)
    return "#,##0" + ("." + "0" * digits if digits else "")


def _write_totals(
    book: Any, language: Language, totals: Sequence[Total], bold: Any, formats: Mapping[str, Any]
) -> None:
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
        sheet.write_string(0, column, language.text(name), bold)
    for row, total in enumerate(totals, 1):
        sheet.write_string(row, 0, total.currency)
        sheet.write_number(row, 1, total.orders)
        sheet.write_number(row, 2, float(total.quantity))
        for column, amount in enumerate((total.gross, total.refunded, total.net), 3):
            sheet.write_number(row, column, float(amount), formats[total.currency])


class _Sink(io.RawIOBase):
    """A file that can only be written to. `taken` returns its content piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, piece: Any, /) -> int:
        """Keep a piece."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> Iterator[bytes]:
        """What was written since the last call."""
        if self._pieces:
            yield b"".join(self._pieces)
            self._pieces.clear()
