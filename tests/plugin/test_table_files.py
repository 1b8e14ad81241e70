"""Every table as a file, opened by an independent reader and added up: equal to the page, to the cent."""

import csv
import io
import re
from decimal import Decimal
from html import unescape
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from salepixel.report import exports
from salepixel_plugin.languages import LANGUAGES
from tests.plugin.conftest import SHOES, Office

LINES = [
    {"item": "=1+1", "sku": "R-1", "quantity": 2, "amount": "1234.50"},
    {"item": 'Café; "azul"', "sku": "", "quantity": "0.25", "amount": "0.10"},
]
HEADERS = {
    "items": {
        "en": ["Item", "SKU", "Items sold", "Gross revenue", "Refunds", "Net revenue", "Currency"],
        "es": [
            "Artículo",
            "SKU",
            "Artículos vendidos",
            "Ingresos brutos",
            "Reembolsos",
            "Ingresos netos",
            "Moneda",
        ],
    },
}


@pytest.fixture
def campaign(office: Office) -> str:
    made = office.campaign(label="+Hero")
    for name, currency in (("ana", "EUR"), ("=eva", "EUR"), ("=eva", "USD")):
        its: dict[str, Any] = {
            "id": f"{name} {currency}",
            "number": f"{name} {currency}",
            "currency": currency,
        }
        office.order(click=office.click(made, name), lines=LINES, **its)
    return str(made["id"])


def _file(office: Office, path: str) -> Any:
    answer = office.page(path, SHOES)
    assert answer.status_code == 200, answer.text
    return answer


def _sheets(office: Office, path: str) -> tuple[list[list[Any]], list[list[Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(_file(office, path).data))
    first, sums = book.worksheets
    assert first.freeze_panes == "A2"
    assert not [cell for sheet in book for row in sheet for cell in row if cell.data_type == "f"], "a formula"
    return [list(row) for row in first.values], [list(row) for row in sums.values]


@pytest.mark.parametrize("code", ["en", "es"])
@pytest.mark.parametrize("table", ["items", "contacts", "items of the account"])
def test_the_sums_of_a_file_are_those_of_the_page(
    office: Office, campaign: str, table: str, code: str
) -> None:
    path = f"/campaigns/{campaign}/{table}"
    if table == "items of the account":
        path, table = "/accounts/7/items", "items"
    (header, *rows), (_, *sums) = _sheets(office, f"{path}.xlsx?lang={code}")
    if table in HEADERS:
        assert header == HEADERS[table][code]
    text = _file(office, f"{path}.csv?lang={code}").text
    mark, separator = (",", ";") if code == "es" else (".", ",")
    head, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=separator)
    assert head == header
    page = _file(office, f"{path}?lang={code}").text
    of_page = [Decimal(0), Decimal(0)]
    for place, column in enumerate(header):
        cells = [row[place] for row in rows if isinstance(row[place], int | float)]
        if not cells:
            continue
        added = sum(Decimal(str(cell)) for cell in cells)
        assert added == sum(Decimal(line[place].replace(mark, ".") or 0) for line in lines)
        assert added == sum(Decimal(str(total)) for name, _, total in sums if name == column)
        if "net" in column.lower():
            of_page[0] += added
    for euros, currency in ((Decimal("2469.20"), "EUR"), (Decimal("1234.60"), "USD")):
        of_page[1] += euros
        assert (
            LANGUAGES[code].money(euros, currency)
            in _file(office, f"/campaigns/{campaign}/sales?lang={code}").text
        )
    assert of_page[0] == of_page[1]
    assert len(re.findall('<th scope="row">', page)) == len(rows) == len(lines)


def test_no_cell_of_a_csv_is_a_formula(office: Office, campaign: str) -> None:
    for table in ("items", "contacts", "links"):
        text = _file(office, f"/campaigns/{campaign}/{table}.csv").text
        cells = [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
        assert [cell for cell in cells if cell.startswith(("'=", "'+"))]


SORTS = [
    ("sort=item", ["=1+1", 'Café; "azul"']),
    ("sort=-item", ['Café; "azul"', "=1+1"]),
    ("q=azul", ['Café; "azul"']),
]


@pytest.mark.parametrize(("query", "items"), SORTS)
def test_a_file_has_the_sorting_and_the_search_of_its_page(
    office: Office, campaign: str, query: str, items: list[str]
) -> None:
    (_, *rows), _ = _sheets(office, f"/campaigns/{campaign}/items.xlsx?{query}")
    assert list(dict.fromkeys(row[0] for row in rows)) == items
    page = _file(office, f"/campaigns/{campaign}/items?{query}").text
    assert f"items.xlsx?{query}" in page
    assert ("&#34;azul&#34;" in page, "=1+1" in page) == ('Café; "azul"' in items, "=1+1" in items)


def test_a_hidden_column_is_neither_on_the_page_nor_in_the_file(office: Office, campaign: str) -> None:
    (header, *_), _ = _sheets(office, f"/campaigns/{campaign}/items.xlsx?hide=sku,gross")
    assert header == ["Item", "Items sold", "Refunds", "Net revenue", "Currency"]
    page = _file(office, f"/campaigns/{campaign}/items?hide=sku,gross").text
    assert 'data-label="SKU"' not in page
    assert "Show: SKU" in page
    assert "Hide: Refunds" in page


def test_a_sorted_column_says_so(office: Office, campaign: str) -> None:
    page = _file(office, f"/campaigns/{campaign}/contacts?sort=-human").text
    assert 'aria-sort="descending"><a href="/campaigns/' + campaign + '/contacts?sort=human"' in page


def test_links_are_sorted_and_their_clickers_not_added_up(office: Office, campaign: str) -> None:
    (header, *rows), (_, *sums) = _sheets(office, f"/campaigns/{campaign}/links.xlsx?sort=-human")
    assert header == ["Link", "Human clicks", "Clickers", "Bot clicks", "Orders", "Destination"]
    assert [row[0] for row in rows] == ["+Hero", "About"]
    assert [row[0] for row in sums] == ["Human clicks", "Bot clicks"]


QUERIES = (
    "",
    "evidence=token",
    "q=azul",
    "item=%3D1%2B1&sku=R-1",
    "currency=USD",
    "sort=-amount",
    "contact=ana",
)


@pytest.mark.parametrize("code", ["en", "es"])
@pytest.mark.parametrize("query", QUERIES)
def test_a_file_of_sales_has_the_rows_and_the_sums_of_its_page(
    office: Office, campaign: str, query: str, code: str
) -> None:
    path = f"/campaigns/{campaign}/sales"
    page = _file(office, f"{path}?{query}&lang={code}").text
    address = re.search(r'href="([^"]+sales\.xlsx[^"]*)"', page)
    assert address
    file = unescape(address[1])
    joint = "&" if "?" in file else "?"
    (header, *rows), (_, *sums) = _sheets(office, f"{file}{joint}lang={code}")
    text = _file(office, f"{file.replace('.xlsx', '.csv')}{joint}lang={code}").text
    mark, separator = (",", ";") if code == "es" else (".", ",")
    head, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=separator)
    assert head == header
    assert len(re.findall('<th scope="row">', page)) == len(rows) == len(lines) > 0
    items = [row[1] for row in rows]
    assert items == [line[1].removeprefix("'") for line in lines]
    for currency, orders, quantity, gross, refunded, net in sums:
        its = [row for row in rows if row[6] == currency]
        for place, total in ((3, quantity), (4, gross), (5, refunded)):
            added = sum(Decimal(str(row[place])) for row in its)
            assert added == Decimal(str(total))
            assert added == sum(
                Decimal(line[place].replace(mark, ".")) for line in lines if line[6] == currency
            )
        assert orders == len({row[8] for row in its})
        assert LANGUAGES[code].money(Decimal(str(net)), currency) in page, "the sums of the page"
    assert {row[6] for row in rows} == {total[0] for total in sums}


def test_a_large_file_of_sales_is_not_filtered(
    office: Office, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "SMALL_ORDERS", 1)
    answer = office.page(f"/campaigns/{campaign}/sales.csv?q=azul", SHOES)
    assert answer.status_code == 422
    assert "Choose fewer days" in answer.text
