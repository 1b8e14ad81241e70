"""From every number of an overview to its rows, whose sum is the same number, to the cent."""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from tests.plugin.api.test_overview import fill
from tests.plugin.conftest import PLACED, Office

DAY = timedelta(days=1)
_LINK = re.compile(r'href="([^"]+)"')
_MONEY = re.compile(r"-?[€$]([\d,]+\.\d\d)")


def fill_more(office: Office) -> str:
    """Two currencies, a refund; orders without an e-mail; a buyer who comes again, one who is new."""
    campaign = fill(office)
    for number, days, email in ((11, 1, "eva@shop.test"), (12, 0, "eva@shop.test"), (13, 0, "bo@shop.test")):
        placed = PLACED - days * DAY
        click = office.click(campaign, "eva", at=placed) if number > 11 else None
        more: dict[str, Any] = {"click": click} if click else {}
        office.order(
            id=f"n-{number}",
            number=f"{number}",
            email=email,
            placed_at=placed.isoformat(),
            lines=[
                {"item": "Café", "sku": "", "quantity": 1, "amount": "10.01"},
                {"item": "Café", "sku": "C-2", "quantity": 1, "amount": "0.02"},
            ],
            **more,
        )
    return str(campaign["id"])


def cells_of(row: str) -> list[str]:
    found = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in found]


def money(text: str) -> Decimal:
    found = _MONEY.search(text)
    return Decimal(found[1].replace(",", "")) if found else Decimal(0)


def rows_behind(office: Office, path: str) -> Iterator[dict[str, str]]:
    """The rows of a list, all pages of it, by the heads of their columns."""
    while path:
        page = office.page(path)
        assert page.status_code == 200, path
        table = re.search(r'<table class="(?:rows|stacked[^"]*)">(.*?)</table>', page.text, re.DOTALL)
        assert table, path
        head, *rows = re.findall(r"<tr>(.*?)</tr>", table[1], re.DOTALL)
        for row in rows:
            yield dict(zip(cells_of(head), cells_of(row), strict=True))
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        path = unescape(older[1]) if older else ""


def behind(office: Office, path: str) -> tuple[Decimal, int, Decimal]:
    """The net revenue, the number of orders and the refunds of a list of orders or sales."""
    rows = [*rows_behind(office, path)]
    if "/sales" in path:
        refunded = sum((money(row["Refunded"]) for row in rows), Decimal(0))
        gross = sum((money(row["Amount"]) for row in rows), Decimal(0))
        return gross - refunded, len({row["Order"] for row in rows}), refunded
    net = sum((money(row["Net revenue"]) for row in rows), Decimal(0))
    refunds = (money(row["Net revenue"].partition(" ")[2]) for row in rows)
    return net, len(rows), sum(refunds, Decimal(0))


@pytest.mark.parametrize("what", ["account", "campaign"])
@pytest.mark.parametrize("currency", ["EUR", "USD"])
def test_every_number_of_a_table_leads_to_rows_with_the_same_sum(
    office: Office, what: str, currency: str
) -> None:
    campaign = fill_more(office)
    path = "/accounts/7?period=7d" if what == "account" else f"/campaigns/{campaign}?period=7d"
    page = office.page(f"{path}&currency={currency}").text
    seen = set()
    for figure in re.findall(r"<figure.*?</figure>", page, re.DOTALL):
        name = re.search(r'id="([^"]+)"', figure)
        assert name
        if name[1] in ("clicks", "hours", "funnel"):
            continue  # of clicks and people, not of orders
        for row in re.findall(r"<tr>(.*?)</tr>", figure, re.DOTALL)[1:]:
            title, value, *others = cells_of(row)
            counts = [int(cell) for cell in (value, *others) if cell.isdigit()]
            link = _LINK.search(row)
            if link is None:
                assert not money(value), (name[1], title)
                assert not any(counts), (name[1], title)
                continue
            net, orders, _ = behind(office, unescape(link[1]))
            seen.add(name[1])
            if name[1] in ("revenue", "campaigns", "links", "items"):
                assert net == money(value), (name[1], title)
            if name[1] in ("orders", "delays", "buyers"):
                assert orders == sum(counts), (name[1], title)
    assert ("buyers" in seen) == (currency == "EUR"), "in dollars, no order has an address"
    assert seen >= {"revenue", "orders", "delays"} | (
        {"campaigns"} if what == "account" else {"links", "items"}
    )


@pytest.mark.parametrize("what", ["account", "campaign"])
def test_every_figure_of_money_and_orders_leads_to_its_rows(office: Office, what: str) -> None:
    campaign = fill_more(office)
    path = "/accounts/7?period=7d" if what == "account" else f"/campaigns/{campaign}?period=7d"
    cards = re.findall(r'<li class="card figure (\w+)">(.*?)</li>', office.page(path).text, re.DOTALL)
    values = {name: (re.findall(r'class="big">(.*?)</p>', card, re.DOTALL)[0]) for name, card in cards}
    found = {
        name: (cells_of(f"<td>{value}</td>")[0], behind(office, unescape(link[1])))
        for name, value in values.items()
        if (link := _LINK.search(value)) and ("/orders" in link[1] or "/sales" in link[1])
    }
    for name, (text, (net, orders, refunded)) in found.items():
        match name:
            case "net_revenue":
                assert money(text) == net
            case "refunds":
                assert money(text) == refunded
            case "orders" | "first_orders" | "returning_orders":
                assert int(text) == orders, name
            case "share_of_revenue":
                (earned, _, _) = found["net_revenue"][1]
                assert text == f"{round(earned / net * 100, 2).normalize():f}%"
            case "share_of_orders":
                assert orders > found["orders"][1][1]
    assert {"net_revenue", "refunds", "orders"} <= found.keys()
    assert {"first_orders", "returning_orders"} <= found.keys()
    assert found["returning_orders"][0] == "1"
    if what == "account":
        assert {"share_of_revenue", "share_of_orders"} <= found.keys()


def test_an_item_of_the_account_leads_to_its_campaigns_and_their_sales(office: Office) -> None:
    fill_more(office)
    items = [*rows_behind(office, "/accounts/7/items")]
    assert {(row["Item"], row["SKU"]) for row in items} >= {("Café", ""), ("Café", "C-2")}
    page = office.page("/accounts/7/items").text
    links = [unescape(one) for one in re.findall(r'href="(/accounts/7/items/one[^"]+)"', page)]
    assert len(links) == len(items)
    for row, link in zip(items, links, strict=True):
        by_campaign = office.page(link).text
        (sales,) = (unescape(one) for one in re.findall(r'href="(/campaigns/\w+/sales[^"]+)"', by_campaign))
        assert behind(office, sales)[0] == money(row["Net revenue"])
        assert money(next(rows_behind(office, link))["Net revenue"]) == money(row["Net revenue"])


@pytest.mark.parametrize("days", [0, 1, None])
def test_the_items_of_some_days_add_up_to_the_orders_of_these_days(office: Office, days: int | None) -> None:
    fill_more(office)
    day = None if days is None else (PLACED - days * DAY).date()
    query = "" if day is None else f"from={day}&to={day}"
    net = behind(office, f"/accounts/7/orders?outcome=earned&{query}")[0]
    items = [*rows_behind(office, f"/accounts/7/items?{query}")]
    assert sum((money(row["Net revenue"]) for row in items), Decimal(0)) == net > 0
    page = office.page(f"/accounts/7/items?{query}").text
    (file,) = (unescape(one) for one in re.findall(r'href="(/accounts/7/items\.csv[^"]*)"', page))
    assert len(office.page(file).text.splitlines()) - 1 == len(items)


def test_days_without_items_lead_to_other_days(office: Office) -> None:
    fill_more(office)
    day = (PLACED - 30 * DAY).date()
    page = office.page(f"/accounts/7/items?from={day}&to={day}").text
    assert "No items sold in this period" in page
    assert 'name="from"' in page
