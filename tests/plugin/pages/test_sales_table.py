"""The SALES table: sorted, searched and filtered, with pages in both directions."""

import re
from datetime import timedelta
from itertools import chain

import pytest

from salepixel.report import sorted_sales, use_cases
from salepixel_plugin.pages import sales
from tests.plugin.conftest import PLACED, SHOES, Office

SOLD = [
    ("ana", "Red shoes", "39.80", "EUR", 3),
    ("eva", "Blue shoes", "9.00", "EUR", 2),
    ("ben", "Hat_%", "100.00", "USD", 1),
]


@pytest.fixture
def path(office: Office) -> str:
    campaign = office.campaign()
    for contact, item, amount, currency, hours in SOLD:
        office.order(
            id=item,
            number=f"n-{contact}",
            currency=currency,
            placed_at=(PLACED - timedelta(hours=hours)).isoformat(),
            lines=[{"item": item, "sku": f"sku-{contact}", "quantity": hours, "amount": amount}],
            click=office.click(campaign, contact, PLACED - timedelta(hours=hours)),
        )
    return f"/campaigns/{campaign['id']}/sales"


def _items(office: Office, address: str) -> list[str]:
    answer = office.page(address, SHOES)
    assert answer.status_code == 200, answer.text
    return [found.strip() for found in re.findall(r'data-label="Item"[^>]*>([^<]+)<?', answer.text)]


FOUND = [
    ("", ["Hat_%", "Blue shoes", "Red shoes"]),
    ("?sort=item", ["Blue shoes", "Hat_%", "Red shoes"]),
    ("?sort=contact", ["Red shoes", "Hat_%", "Blue shoes"]),
    ("?sort=-amount", ["Hat_%", "Red shoes", "Blue shoes"]),
    ("?sort=amount", ["Blue shoes", "Red shoes", "Hat_%"]),
    ("?sort=date", ["Red shoes", "Blue shoes", "Hat_%"]),
    ("?sort=-quantity", ["Red shoes", "Blue shoes", "Hat_%"]),
    ("?sort=unknown", ["Hat_%", "Blue shoes", "Red shoes"]),
    ("?q=SHOES&sort=item", ["Blue shoes", "Red shoes"]),
    ("?q=_%25", ["Hat_%"]),
    ("?q=n-eva", ["Blue shoes"]),
    ("?q=ana", ["Red shoes"]),
    ("?q=nothing", []),
    ("?evidence=token&sort=item", ["Blue shoes", "Hat_%", "Red shoes"]),
    ("?evidence=email", []),
    ("?status=refunded", []),
    ("?evidence=unknown", ["Hat_%", "Blue shoes", "Red shoes"]),
]


@pytest.mark.parametrize(("query", "items"), FOUND)
def test_sales_are_sorted_searched_and_filtered(
    office: Office, path: str, query: str, items: list[str]
) -> None:
    assert _items(office, path + query) == items


def test_more_orders_than_can_be_sorted_stay_newest_first(
    office: Office, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "LARGEST", 2)
    assert _items(office, f"{path}?sort=item") == ["Hat_%", "Blue shoes", "Red shoes"]
    assert "only Date and Amount can be sorted" in office.page(f"{path}?sort=item", SHOES).text


@pytest.mark.parametrize("sort", ["date", "-date", "amount", "-amount"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_however_many_there_are_sales_are_sorted_by_date_and_amount_in_both_directions(
    office: Office, path: str, monkeypatch: pytest.MonkeyPatch, sort: str, size: int
) -> None:
    items = _items(office, f"{path}?sort={sort}")
    monkeypatch.setattr(use_cases, "LARGEST", 2)
    monkeypatch.setattr(sales, "PAGE", size)
    for scanned, query in (
        (2000, ""),
        (1, ""),
        (2, "&q=h"),
        (2000, f"&from={PLACED - timedelta(1):%Y-%m-%d}"),
    ):
        monkeypatch.setattr(sorted_sales, "SCANNED", max(scanned, size + 1) if not query else scanned)
        forward, address = list[str](), f"{path}?sort={sort}{query}"
        for way in ("next", "prev"):
            seen = list[list[str]]()
            while address:
                page = office.page(address, SHOES).text
                assert "Choose fewer days" not in page
                seen.append(_items(office, address))
                assert len(seen) < 9, (query, way, seen, address)
                last, links = address, dict(re.findall(r'<a rel="(\w+)" href="([^"]+)"', page))
                address = links.get(way, "").replace("&amp;", "&")
            if way == "next":
                forward, address = list(chain.from_iterable(seen)), last
                assert forward == items, query
            else:
                assert list(chain.from_iterable(reversed(seen))) == forward, query


def test_an_amount_that_few_sales_have_is_searched_page_by_page(
    office: Office, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "LARGEST", 2)
    monkeypatch.setattr(sorted_sales, "SCANNED", 1)
    assert _items(office, f"{path}?q=blue&sort=-amount&currency=EUR") == []
    page = office.page(f"{path}?q=blue&sort=-amount&currency=EUR", SHOES).text
    assert "Searched as far as €39.80 so far" in page
    address = re.findall(r'<a rel="next" href="([^"]+)"', page)[0].replace("&amp;", "&")
    assert _items(office, address) == ["Blue shoes"]
    assert office.page(f"{path}?sort=amount&cursor=bad", SHOES).status_code == 422


def test_more_sales_than_can_be_read_at_once_are_searched_page_by_page(
    office: Office, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "LARGEST", 2)
    assert _items(office, f"{path}?q=shoes") == ["Blue shoes", "Red shoes"]
    monkeypatch.setattr(sorted_sales, "SCANNED", 1)
    assert _items(office, f"{path}?q=blue&sort=-date") == []
    page = office.page(f"{path}?q=blue&sort=-date", SHOES).text
    assert "Searched back to" in page
    assert "Choose fewer days" not in page
    address = re.findall(r'<a rel="next" href="([^"]+)"', page)[0].replace("&amp;", "&")
    assert _items(office, address) == ["Blue shoes"]


def test_pages_lead_in_both_directions(office: Office, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sales, "PAGE", 1)
    seen, address = [], path
    for way in ("next", "next", "", "prev", "prev"):
        seen += _items(office, address)
        page = office.page(address, SHOES).text
        links = dict(re.findall(r'<a rel="(\w+)" href="([^"]+)"', page))
        assert set(links) == (
            {"next"} if len(seen) in (1, 5) else {"prev"} if len(seen) == 3 else {"next", "prev"}
        )
        address = links[way or "prev"] if len(seen) < 5 else ""
        address = address.replace("&amp;", "&")
    assert seen == ["Hat_%", "Blue shoes", "Red shoes", "Blue shoes", "Hat_%"]


def test_sorted_pages_lead_in_both_directions(
    office: Office, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sales, "PAGE", 2)
    assert _items(office, f"{path}?sort=item") == ["Blue shoes", "Hat_%"]
    assert _items(office, f"{path}?sort=item&page=2") == ["Red shoes"]
    assert _items(office, f"{path}?sort=item&page=9") == ["Red shoes"]
    assert "Page 2 of 2" in office.page(f"{path}?sort=item&page=2", SHOES).text


def test_a_hidden_column_is_not_shown(office: Office, path: str) -> None:
    page = office.page(f"{path}?hide=evidence,status", SHOES).text
    assert 'data-label="Evidence"' not in page
    assert 'data-label="Amount"' in page
    assert "Show: Evidence" in page
