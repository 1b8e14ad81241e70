"""The link map by the API."""

from tests.plugin.conftest import HATS, Office
from tests.plugin.pages.test_link_map import campaign_of


def test_the_links_have_the_numbers_of_the_map_and_what_they_brought(office: Office) -> None:
    campaign = campaign_of(office) | {"empId": 7}
    office.order(click=office.click(campaign, "c1"), refunded="9.80")
    office.click(campaign, "c2", link=1)
    first, second, *others = office.get(f"/campaigns/{campaign['id']}/link-map")["links"]
    assert (first["number"], first["label"], first["url"]) == (1, "Red shoes · More", "https://shop.test/p/1")
    assert (first["human_clicks"], first["contacts"], first["orders"]) == (1, 1, 1)
    assert first["net"] == [{"currency": "EUR", "net": "30.00"}]
    assert (second["number"], second["label"], second["orders"], second["net"]) == (2, "Laces", 0, [])
    assert all(one["number"] is None for one in others)


def test_only_campaigns_with_an_e_mail_of_the_own_account_have_one(office: Office) -> None:
    made = campaign_of(office)["id"]
    assert office.call("GET", f"/campaigns/{made}/link-map", key=HATS).status_code == 404
    assert office.call("GET", f"/campaigns/{office.campaign()['id']}/link-map").status_code == 404
