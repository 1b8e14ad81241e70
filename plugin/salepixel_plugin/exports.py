"""The SALES table as a file: CSV and XLSX for people, in their language, and CSV for programs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from babel.numbers import get_decimal_symbol
from flask import Response

from salepixel.computations.store import read_parts
from salepixel.computations.use_cases import Computed
from salepixel.report import use_cases
from salepixel.report.exports import Export, Format
from salepixel.report.sales_file import Style
from salepixel_plugin.access import principal
from salepixel_plugin.computed import ask
from salepixel_plugin.explanations import EVIDENCE, STATUS
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.services import services
from salepixel_plugin.workbooks import write_workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_COLUMNS = (
    N_("Contact"),
    N_("Item"),
    N_("SKU"),
    N_("Quantity"),
    N_("Amount"),
    N_("Refunded"),
    N_("Currency"),
    N_("Date (%(zone)s)"),
    N_("Order"),
    N_("Campaign"),
    N_("Link"),
    N_("Evidence"),
    N_("Confidence"),
    N_("Status"),
    N_("Share of the order line"),
    N_("Last refund (%(zone)s)"),
    N_("Refunded after the month was closed"),
    N_("Converted amount"),
    N_("Converted to"),
    N_("Exchange rate"),
    N_("Date of the exchange rate"),
)

Kind = Literal["csv", "xlsx"]


def style_of(language: Language, export: Export) -> Style:
    """The style of a file for people.

    The separator is a semicolon where the decimal mark is a comma: Excel takes both from the system.
    """
    mark, zone = get_decimal_symbol(language.code), language.zone.key if language.zone else "UTC"
    return Style(
        tuple(language.text(label) % {"zone": zone} for label in _COLUMNS),
        ";" if mark == "," else ",",
        mark,
        export.campaign.name,
        export.labels,
        {name: language.text(text) for name, text in EVIDENCE.items()},
        {name: language.text(text) for name, text in STATUS.items()},
        language.text(N_("Shipping")),
        zone,
    )


def send_sales(
    export: Export, kind: Kind, language: Language | None, *, is_fetched: bool = True
) -> Response | Computed[int]:
    """The file, if it is small or the worker has written it; otherwise the progress.

    Without a language a CSV is for programs. `is_fetched`: False for a page with a link to the file.
    """
    style = None if language is None else style_of(language, export)
    form = Format.XLSX if kind == "xlsx" else Format.PEOPLE_CSV if style else Format.PROGRAM_CSV
    here = services()
    if export.is_small:
        with here.database.read() as connection:
            rows = export.count_rows(connection) if form is Format.XLSX else 0
        pieces = (piece.encode() for piece in export.pieces(here.database, form, style))
        return _download(pieces, export, kind, language, style, rows)
    now = datetime.now(UTC)
    found = ask(lambda connection: use_cases.find_file(connection, principal(), export, form, style, now))
    if not is_fetched or found.computation is not None or found.source is None:
        return found
    answer = _download(
        read_parts(here.database, found.source.id), export, kind, language, style, found.result or 0
    )
    answer.last_modified = found.as_of
    return answer


def _download(
    pieces: Iterator[bytes],
    export: Export,
    kind: Kind,
    language: Language | None,
    style: Style | None,
    rows: int,
) -> Response:
    name = f"sales-{export.campaign.id}.{kind}"
    if kind == "csv" or language is None or style is None:
        return as_download(pieces, name, "text/csv")
    return as_download(write_workbook(language, style.header, export.totals, pieces, rows), name, XLSX)


def as_download(body: Iterator[bytes], name: str, mimetype: str) -> Response:
    """The response with a file. Caches must not store it."""
    answer = Response(body, mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
