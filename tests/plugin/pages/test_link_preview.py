"""What switching a sales link would change is seen before it is switched."""

from datetime import timedelta

from salepixel.clicks.tokens import Signal
from tests.plugin.conftest import HATS, PLACED, SHOES, Office


def test_the_preview_of_a_sales_link_shows_all_orders_that_it_would_change(office: Office) -> None:
    campaign = office.campaign()
    about = campaign["links"][1]["id"]
    shop, order = office.order(id="a", number="A-1", click=office.click(campaign, "c1", link=1))
    office.order(id="b", number="B-2", click=office.click(campaign, "c2"))
    path = f"/campaigns/{campaign['id']}/links/{about}/preview"
    (move,) = office.get(path, SHOES)["moves"]
    assert (move["order"], move["before"], move["reason"]) == ("A-1", [], "click_token_on_order")
    assert office.call("GET", path, key=HATS).status_code == 404
    explained = office.page(f"/orders/{shop}/{order}", SHOES).text
    assert f'href="{path}"' in explained, "the remedy stands beside the reason"
    page = office.page(path, SHOES).text
    assert "A-1" in page
    assert "B-2" not in page
    assert "older orders" not in page, "the preview has all of them"
    decided = office.get(f"/orders/{shop}/{order}/decision", SHOES)
    assert decided["reason"] == "not_a_sales_link", "a preview changes nothing"
    office.page(path.removesuffix("/preview"), SHOES, method="POST", data={"sale_pixel": "on"})
    office.reconcile(shop, order)
    assert office.get(f"/orders/{shop}/{order}/decision", SHOES)["outcome"] == "attributed"


def test_an_order_outside_the_window_leads_to_the_preview_of_a_wider_one(office: Office) -> None:
    campaign = office.campaign()
    token = office.click(campaign, "c1", at=PLACED - timedelta(days=10))
    shop, order = office.order(id="a", number="A-1", click=token)
    page = office.page(f"/orders/{shop}/{order}", SHOES).text
    assert 'href="/accounts/7/policy/preview?window_days=11"' in page
    assert "A-1" in office.page("/accounts/7/policy/preview?window_days=11", SHOES).text


def test_a_wider_window_is_not_offered_if_its_evidence_would_be_too_weak(office: Office) -> None:
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "c1", "email": "ana@shop.test"}]}, SHOES)
    office.click(office.campaign(), "c1", at=PLACED - timedelta(days=10))
    shop, order = office.order(id="a", number="A-1", email="ana@shop.test")
    assert office.get(f"/orders/{shop}/{order}/decision", SHOES)["reason"] == "outside_window"
    page = office.page(f"/orders/{shop}/{order}", SHOES).text
    assert "window_days" not in page
    assert 'href="/accounts/7/first-steps">Check the tracking' in page


def test_an_order_with_bot_clicks_alone_leads_to_the_check_of_the_tracking(office: Office) -> None:
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "c1", "email": "ana@shop.test"}]}, SHOES)
    office.click(office.campaign(), "c1", signals=Signal.KNOWN_AGENT)
    shop, order = office.order(id="a", number="A-1", email="ana@shop.test")
    assert office.get(f"/orders/{shop}/{order}/decision", SHOES)["reason"] == "bot_click"
    page = office.page(f"/orders/{shop}/{order}", SHOES).text
    assert 'href="/accounts/7/first-steps">Check the tracking' in page
