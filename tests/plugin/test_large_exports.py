"""Files of many sales are written by the worker, in pieces, and are those that are written at once."""

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.privacy.erase import finish_erasure
from salepixel.privacy.use_cases import begin_erasure
from salepixel.report import exports, sales_file
from salepixel.storage.schema import computation_parts
from salepixel_plugin import workbooks
from tests.make import RATED
from tests.plugin.computing import work
from tests.plugin.conftest import HATS, PLACED, SHOES, Office
from tests.plugin.test_exports import _sheet

ODD = 'quote" s="@EUR" <&> _x0041_ =1+1'
WAYS = ["sales.csv", "sales.csv?lang=en", "sales.csv?lang=es", "sales.xlsx?lang=es"]


@pytest.fixture
def campaign(office: Office, monkeypatch: pytest.MonkeyPatch) -> str:
    """Seven sales of four orders; a page is two rows."""
    monkeypatch.setattr(sales_file, "ROWS_AT_ONCE", 2)
    made = office.campaign(label="Cabecera =1")
    for number, (contact, currency) in enumerate(
        (("ana", "EUR"), ("ben", "JPY"), ("Peña; José", "USD"), ("cy", "EUR"))
    ):
        lines = [
            {"item": ODD, "sku": "-1", "quantity": "0.25", "amount": "12"},
            {"item": "Laces", "quantity": 2, "amount": "20", "refunded": "5"},
        ][: 1 if number == 3 else 2]
        office.order(
            id=f"o-{number}",
            number=f"10{number}",
            currency=currency,
            click=office.click(made, contact, RATED),
            placed_at=RATED.isoformat(),
            lines=lines,
        )
    return str(made["id"])


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, campaign: str) -> str:
    """Every export is large."""
    monkeypatch.setattr(exports, "SMALL_ORDERS", 0)
    return campaign


def fetch(office: Office, campaign: str, way: str) -> Any:
    return office.call("GET", f"/campaigns/{campaign}/{way}", key=SHOES)


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_the_worker_is_the_one_that_is_written_at_once(
    office: Office, campaign: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = fetch(office, campaign, way)
    assert at_once.status_code == 200
    monkeypatch.setattr(exports, "SMALL_ORDERS", 0)
    assert fetch(office, campaign, way).status_code == 202
    for _ in range(3):
        work(office, steps=1)  # each might be the last one of its worker
        assert fetch(office, campaign, way).status_code == 202
    work(office)
    by_worker = fetch(office, campaign, way)
    assert by_worker.status_code == 200
    assert by_worker.headers["Content-Disposition"] == at_once.headers["Content-Disposition"]
    assert by_worker.last_modified is not None
    if "xlsx" in way:
        for sheet in (1, 2):
            assert _sheet(by_worker.data, sheet) == _sheet(at_once.data, sheet)
    else:
        assert by_worker.data == at_once.data
        assert len(by_worker.data.splitlines()) == 8


def test_a_csv_of_pages_has_all_rows_once(office: Office, campaign: str) -> None:
    text = fetch(office, campaign, "sales.csv").text
    rows = office.get(f"/campaigns/{campaign}/sales")["rows"]
    found = list(csv.DictReader(io.StringIO(text)))
    assert [(row["order"], row["item"]) for row in found] == [(row["order"], row["item"]) for row in rows]
    assert {(row["amount"], row["currency"], row["converted_currency"]) for row in found} >= {
        ("12.00", "EUR", "EUR"),
        ("12", "JPY", "EUR"),
    }


def test_a_workbook_has_as_many_sheets_as_it_needs(
    office: Office, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (exports, workbooks):
        monkeypatch.setattr(module, "MAX_ROWS", 4)
    monkeypatch.setattr(workbooks, "_SHEET_IS_FULL", b'<row r="4">')
    (whole,) = [fetch(office, campaign, "sales.xlsx").data]
    sheets = [_sheet(whole, number) for number in (1, 2, 3, 4)]
    assert [len(sheet) for sheet in sheets] == [4, 4, 2, 4]
    assert {sheet[0][0] for sheet in sheets[:3]} == {"Contact"}
    assert sheets[3][0][0] == "Currency"


def test_a_text_is_no_style_and_no_broken_xml(office: Office, campaign: str) -> None:
    row = next(row for row in _sheet(fetch(office, campaign, "sales.xlsx").data, 1) if row[2] == "-1")
    assert row[1].replace("_x005F_x0041_", "_x0041_") == ODD


def test_a_page_shows_the_progress_and_then_the_file(office: Office, large: str) -> None:
    address = f"/campaigns/{large}/sales.xlsx?lang=en"
    shown = office.page(address, SHOES).text
    assert "Sales as an Excel file" in shown
    assert '<meta http-equiv="refresh"' in shown
    work(office)
    shown = office.page(address, SHOES).text
    assert "It has 7 rows" in shown
    assert "Being computed" not in shown
    file = office.page(f"{address}&file=1", SHOES)
    assert len(_sheet(file.data, 1)) == 8
    assert office.page(address, HATS).status_code == 404


def test_the_file_of_a_person_who_is_erased_is_deleted(office: Office, large: str) -> None:
    for way in WAYS:
        fetch(office, large, way)
    work(office, steps=9)
    work(office)
    assert "ana" in fetch(office, large, "sales.csv").text
    fetch(office, large, f"sales.csv?from={PLACED.date()}")
    work(office, steps=1)  # one is under way
    with office.database.write() as connection:
        begun = begin_erasure(connection, INSTALLATION, office.keys, 7, "ana", PLACED)
    assert finish_erasure(office.database, office.sealer, begun, 60).ended_at is not None
    with office.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(computation_parts)) == 0
    assert fetch(office, large, "sales.csv").status_code == 202
    work(office)
    text = fetch(office, large, "sales.csv").text
    assert "ana" not in text
    assert len(text.splitlines()) == 8
