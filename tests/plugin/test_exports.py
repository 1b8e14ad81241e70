"""The SALES table as a file for spreadsheets, in the language of its reader."""

import csv
import io
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.plugin.conftest import PLACED, SHOES, Office

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  # of a workbook's dates, which have no zone


def _office_with_a_sale(office: Office, **reported: Any) -> str:
    campaign = office.campaign(label="Cabecera")
    office.order(click=office.click(campaign, "José Peña"), currency="EUR", **reported)
    return str(campaign["id"])


def _rows(text: str, separator: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=separator))


def _sheet(content: bytes, number: int) -> list[list[str]]:
    """The cells of a sheet as they are stored: numbers as digits, texts as they are."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))  # noqa: S314  # ours
        shared = (
            [
                "".join(text.itertext())
                for text in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314
            ]
            if "xl/sharedStrings.xml" in book.namelist()
            else []
        )
    rows = []
    for row in root.iter(f"{_NS}row"):
        cells = []
        for cell in row.iter(f"{_NS}c"):
            text = "".join(cell.itertext())
            assert cell.find(f"{_NS}f") is None, "a formula"
            cells.append(shared[int(text)] if cell.get("t") == "s" else text)
        rows.append(cells)
    return rows


@pytest.mark.parametrize(
    ("language", "separator", "amount", "quantity", "status", "header"),
    [
        ("es", ";", "1234,50", "0,25", "Confirmado", "Contacto"),
        ("en", ",", "1234.50", "0.25", "Confirmed", "Contact"),
    ],
)
def test_a_csv_for_people_opens_in_the_spreadsheet_of_their_language(
    office: Office, language: str, separator: str, amount: str, quantity: str, status: str, header: str
) -> None:
    lines = [{"item": "Café = bueno", "sku": "=1+1", "quantity": "0.25", "amount": "1234.50"}]
    campaign = _office_with_a_sale(office, lines=lines)
    answer = office.page(f"/campaigns/{campaign}/sales.csv?lang={language}")
    assert answer.data.startswith(b"\xef\xbb\xbf"), "Excel knows UTF-8 by its mark"
    (row,) = _rows(answer.text.removeprefix("\ufeff"), separator)
    cells = list(row.values())
    assert (next(iter(row)), cells[0], cells[1]) == (header, "José Peña", "Café = bueno")
    assert cells[2:5] == ["'=1+1", quantity, amount]
    assert cells[7] == PLACED.strftime("%Y-%m-%d %H:%M:%S")
    assert (cells[10], cells[13]) == ("Cabecera", status)
    by_key = office.call("GET", f"/campaigns/{campaign}/sales.csv?lang={language}", key=SHOES)
    assert by_key.data == answer.data


def test_a_csv_for_programs_has_no_bom_and_the_field_names_of_the_api(office: Office) -> None:
    campaign = _office_with_a_sale(office)
    text = office.call("GET", f"/campaigns/{campaign}/sales.csv").text
    assert text.startswith("contact,item,sku,quantity,amount,currency,")


def test_a_workbook_has_numbers_dates_and_sums_and_no_formula(office: Office) -> None:
    lines = [{"item": "=2+2", "sku": "R-1", "quantity": 2, "amount": "39.80"}]
    campaign = _office_with_a_sale(office, lines=lines, refunded="9.80")
    answer = office.page(f"/campaigns/{campaign}/sales.xlsx?lang=es")
    assert answer.content_type.endswith("spreadsheetml.sheet")
    header, row = _sheet(answer.data, 1)
    assert (header[0], header[7], header[13]) == ("Contacto", "Fecha (UTC)", "Estado")
    assert row[:3] == ["José Peña", "=2+2", "R-1"]
    assert [round(Decimal(cell), 9) for cell in row[3:6]] == [Decimal(2), Decimal("39.8"), Decimal("9.8")]
    placed = _DAY_ZERO + timedelta(days=float(row[7]))
    assert abs(placed - PLACED.replace(tzinfo=None)) < timedelta(seconds=1)
    _, sums = _sheet(answer.data, 2)
    assert (sums[0], [round(Decimal(cell), 9) for cell in sums[1:]]) == (
        "EUR",
        [1, 2, Decimal("39.8"), Decimal("9.8"), Decimal(30)],
    )


def test_an_empty_workbook_has_its_header(office: Office) -> None:
    campaign = office.campaign()["id"]
    day = date(2020, 1, 1)
    answer = office.page(f"/campaigns/{campaign}/sales.xlsx?from={day}&to={day}")
    assert [row[0] for row in _sheet(answer.data, 1)] == ["Contact"]
