"""Dynamic links in the API: where they may lead, their switches, and the report by page."""

import re
from typing import Any

import pytest

from salepixel.campaigns.links import LinkSealer
from salepixel.campaigns.pages import links_of_pages
from salepixel.clicks.store import store_clicks
from salepixel.clicks.tokens import Click, Signal, new_click_id
from tests.plugin.conftest import HATS, PLACED, SHOES, Office


def test_every_campaign_has_a_dynamic_link(office: Office) -> None:
    made = office.campaign()
    found = re.fullmatch(
        r"http://track7\.shop\.test/r/([\w-]+)\?k=\{contact\}&u=\{url\}", made["dynamic_url"]
    )
    assert found
    link = LinkSealer(office.keys).open(found[1])
    assert (link.emp_id, link.campaign, link.link, link.url) == (7, made["id"], made["id"], "")
    assert office.get(f"/campaigns/{made['id']}")["dynamic_url"] == made["dynamic_url"]
    assert [one["dynamic"] for one in made["links"]] == [False, False]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (["shop.test", "*.shop.test"], ["shop.test", "*.shop.test"]),
        ([" Shop.Test. ", "*.NIÑO.test"], ["shop.test", "*.xn--nio-8ma.test"]),
        ([], ["tienda.test", "www.tienda.test"]),
    ],
)
def test_an_account_lists_the_hosts_of_its_dynamic_links(
    office: Office, sent: list[str], kept: list[str]
) -> None:
    office.call("PATCH", "/accounts/7", {"site": "www.tienda.test"})
    assert _patch(office, "/accounts/7", {"link_hosts": sent})["link_hosts"] == kept
    assert office.get("/accounts/7")["link_hosts"] == kept


def test_a_new_account_may_list_hosts(office: Office) -> None:
    wanted = {"empId": 9, "name": "Socks", "currency": "EUR", "link_hosts": ["*.socks.test"]}
    assert office.post("/accounts", wanted)["link_hosts"] == ["*.socks.test"]
    assert office.post("/accounts", wanted | {"empId": 10, "link_hosts": []})["link_hosts"] == []


@pytest.mark.parametrize(
    "hosts",
    [
        ["*"],
        ["*."],
        [""],
        ["https://shop.test/"],
        ["shop.test:8443"],
        ["a b"],
        ["*.*.shop.test"],
        ["shop.*"],
        "shop.test",
        [7],
    ],
)
def test_what_is_no_host_is_refused(office: Office, hosts: object) -> None:
    answer = office.call("PATCH", "/accounts/7", {"link_hosts": hosts})
    assert answer.status_code == 422
    assert "link_hosts" in answer.text


def _patch(office: Office, path: str, change: dict[str, Any]) -> dict[str, Any]:
    answer = office.call("PATCH", path, change, SHOES)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json or {}
    return changed


def _clicked(office: Office, campaign: Any, page: str) -> str:
    click_id = new_click_id(int(PLACED.timestamp() * 1000) - 3_600_000)
    click = Click(click_id, 7, campaign["id"], campaign["id"], "ana")
    with office.database.write() as connection:
        its = links_of_pages(connection, {(campaign["id"], page): 1})
        store_clicks(connection, [(click._replace(link=its[campaign["id"], page]), Signal(0))])
    return office.sealer.seal(click)


def test_the_report_has_a_line_for_each_page_with_its_orders(office: Office) -> None:
    campaign = office.campaign()
    token = _clicked(office, campaign, "shop.test/p/red-shoes")
    office.order(click=token)
    found = office.get(f"/campaigns/{campaign['id']}/links")["links"]
    assert [
        (one["label"], one["url"], one["human_clicks"], one["orders"]) for one in found if one["dynamic"]
    ] == [
        ("/r/", "", 0, 0),
        ("/p/red-shoes", "https://shop.test/p/red-shoes", 1, 1),
    ]
    assert found[3]["tracked_url"].endswith("?k={contact}&u=https%3A%2F%2Fshop.test%2Fp%2Fred-shoes")
    (sale,) = office.get(f"/campaigns/{campaign['id']}/sales")["rows"]
    assert (sale["link"], sale["item"]) == (found[3]["id"], "Red shoes")


def test_the_sales_switch_of_a_dynamic_link_decides_orders_of_its_pages_again(office: Office) -> None:
    campaign = office.campaign()
    shop, order = office.order(click=_clicked(office, campaign, "shop.test/p/red-shoes"))
    path = f"/campaigns/{campaign['id']}/links/{campaign['id']}"
    assert _patch(office, path, {"sale_pixel": False})["sale_pixel"] is False
    office.reconcile(shop, order)
    assert office.get(f"/campaigns/{campaign['id']}/sales")["rows"] == []
    assert _patch(office, path, {"sale_pixel": True})["sale_pixel"] is True
    office.reconcile(shop, order)
    assert len(office.get(f"/campaigns/{campaign['id']}/sales")["rows"]) == 1


def test_a_dynamic_link_is_switched_off_before_anybody_clicked(office: Office) -> None:
    campaign = office.campaign()
    path = f"/campaigns/{campaign['id']}/links/{campaign['id']}"
    assert office.call("PATCH", path, {"active": False}, HATS).status_code == 404
    changed = _patch(office, path, {"active": False, "label": "Basket"})
    assert (changed["active"], changed["label"], changed["dynamic"]) == (False, "Basket", True)
    assert changed["tracked_url"] == campaign["dynamic_url"]


@pytest.mark.parametrize(
    ("of_page", "change"),
    [
        (False, {"url": "https://shop.test/"}),
        (True, {"url": "https://shop.test/"}),
        (True, {"active": False}),
    ],
)
def test_what_a_dynamic_link_does_not_have_cannot_change(
    office: Office, of_page: bool, change: dict[str, Any]
) -> None:
    campaign = office.campaign()
    _clicked(office, campaign, "shop.test/p/1")
    link = office.get(f"/campaigns/{campaign['id']}")["links"][3 if of_page else 2]
    answer = office.call("PATCH", f"/campaigns/{campaign['id']}/links/{link['id']}", change)
    assert answer.status_code == 422
    assert next(iter(change)) in answer.text
