"""The list of orders: filters, search, pages, and whose orders and contacts are seen."""

from datetime import timedelta
from typing import Any

import pytest

from tests.plugin.conftest import HATS, PLACED, SHOES, Office


@pytest.fixture
def sold(office: Office) -> Any:
    """A campaign of account 7 with an order by its click (A-1), and an order of an address (B-2)."""
    campaign = office.campaign()
    office.order(id="a", number="A-1", click=office.click(campaign, "c1"))
    office.order(
        id="b", number="B-2", email="Ana@Shop.test", placed_at=(PLACED - timedelta(days=2)).isoformat()
    )
    return campaign


def numbers(office: Office, query: str = "", key: str = SHOES) -> list[str]:
    return [row["order"] for row in office.get(f"/orders?empId=7{query}", key)["rows"]]


def test_all_orders_are_listed_with_their_decisions(office: Office, sold: Any) -> None:
    answer = office.get("/orders?empId=7", SHOES)
    first, second = answer["rows"]
    assert (first["order"], first["outcome"], first["reason"], first["campaign"], first["contact"]) == (
        *("A-1", "attributed", "click_token_on_order"),
        *(sold["id"], "c1"),
    )
    assert (first["total"], first["currency"], first["evidence"]) == ("39.80", "EUR", "token")
    assert (second["order"], second["outcome"], second["reason"], second["campaign"], second["contact"]) == (
        *("B-2", "unattributed", "no_click"),
        *(None, None),
    )
    assert (answer["next"], answer["previous"], answer["searched_to"]) == (None, None, None)


def test_orders_are_sorted_by_date_and_by_amount_in_both_directions(office: Office, sold: Any) -> None:
    lines = [{"item": "Hat", "quantity": 1, "amount": "90.00"}]
    office.order(id="c", number="C-3", lines=lines, placed_at=(PLACED - timedelta(days=1)).isoformat())
    for sort, found in (
        ("date", ["B-2", "C-3", "A-1"]),
        ("-date", ["A-1", "C-3", "B-2"]),
        ("amount", ["B-2", "A-1", "C-3"]),
        ("-amount", ["C-3", "A-1", "B-2"]),
    ):
        assert numbers(office, f"&sort={sort}") == found
        first = office.get(f"/orders?empId=7&sort={sort}&limit=2", SHOES)
        assert [row["order"] for row in first["rows"]] == found[:2]
        last = office.get(f"/orders?empId=7&sort={sort}&limit=2&cursor={first['next']}", SHOES)
        assert ([row["order"] for row in last["rows"]], last["next"]) == (found[2:], None)
        back = f"/orders?empId=7&sort={sort}&limit=2&cursor={last['previous']}"
        assert office.get(back, SHOES)["rows"] == first["rows"]
        wrong = "amount" if "date" in sort else "date"
        answer = office.call("GET", f"/orders?empId=7&sort={wrong}&cursor={first['next']}", key=SHOES)
        assert answer.status_code == 422


def test_filters_and_searches_find_their_orders(office: Office, sold: Any) -> None:
    day = f"{PLACED - timedelta(days=2):%Y-%m-%d}"
    address = office.post("/orders/address", {"empId": 7, "email": " ana@shop.TEST"}, SHOES)["address"]
    other = office.post("/orders/address", {"empId": 7, "email": "bo@shop.test"}, SHOES)["address"]
    for query, found in (
        ("&outcome=attributed", ["A-1"]),
        ("&reason=no_click", ["B-2"]),
        ("&evidence=token", ["A-1"]),
        ("&evidence=email", []),
        (f"&campaign={sold['id']}", ["A-1"]),
        (f"&campaign={sold['id']}&link={sold['links'][1]['id']}", []),
        (f"&from={day}&to={day}", ["B-2"]),
        ("&min=39.80&max=39.8", ["A-1", "B-2"]),
        ("&min=39.81", []),
        ("&q=b-2", ["B-2"]),
        ("&q=c1", ["A-1"]),
        (f"&address={address}", ["B-2"]),
        (f"&address={other}", []),
    ):
        assert numbers(office, query) == found, query


def test_pages_follow_each_other_in_both_directions(office: Office, sold: Any) -> None:
    first = office.get("/orders?empId=7&limit=1", SHOES)
    second = office.get(f"/orders?empId=7&limit=1&cursor={first['next']}", SHOES)
    assert [row["order"] for row in second["rows"]] == ["B-2"]
    assert second["next"] is None
    again = office.get(f"/orders?empId=7&limit=1&cursor={second['previous']}", SHOES)
    assert again["rows"] == first["rows"]


_OTHERS = ["&q=ana@shop.test", "&address=x", "&cursor=x", "&from=2026-11-24&to=2026-11-23"]


@pytest.mark.parametrize(
    "query",
    ["&outcome=won", "&reason=x", "&evidence=x", "&min=-1", "&min=9&max=8", *_OTHERS],
)
def test_a_bad_filter_is_refused(office: Office, query: str) -> None:
    assert office.call("GET", f"/orders?empId=7{query}").status_code == 422
    assert office.page(f"/accounts/7/orders?{query[1:]}").status_code == 422


def test_the_orders_of_another_account_are_not_found(office: Office, sold: Any) -> None:
    assert office.call("GET", "/orders?empId=7", key=HATS).status_code == 404
    assert office.page("/accounts/7/orders", HATS).status_code == 404
    assert office.call("POST", "/orders/address", {"empId": 7, "email": "a@b.c"}, HATS).status_code == 404
    shop = office.get("/orders?empId=7", SHOES)["rows"][0]["shop"]
    assert office.get(f"/orders?empId=8&shop={shop}", HATS)["rows"] == []
    assert office.get("/orders?empId=8&q=A-1", HATS)["rows"] == []
    assert office.get(f"/orders?empId=8&campaign={sold['id']}", HATS)["rows"] == []


def test_the_page_leads_to_each_order_and_back(office: Office, sold: Any) -> None:
    page = office.page("/accounts/7/orders?outcome=attributed").text
    assert "A-1" in page
    assert "B-2" not in page
    link = page.partition('href="/orders/')[2].partition('"')[0]
    order = office.page("/orders/" + link.replace("&amp;", "&")).text
    assert 'href="/accounts/7/orders?outcome=attributed"' in order, "back to the filtered list"


def test_an_address_is_searched_by_its_hash(office: Office, sold: Any) -> None:
    answer = office.page("/accounts/7/orders", method="POST", data={"q": "ana@shop.test"})
    assert answer.status_code == 303
    assert "ana" not in answer.headers["Location"]
    page = office.page(answer.headers["Location"]).text
    assert "B-2" in page
    assert "A-1" not in page
    by_number = office.page("/accounts/7/orders", method="POST", data={"q": " A-1 "})
    assert by_number.headers["Location"].endswith("?q=A-1")
