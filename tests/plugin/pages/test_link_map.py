"""The link map: what each link of an e-mail brought, beside the e-mail itself, which can do no harm."""

import re
from typing import Any

from tests.plugin.conftest import HATS, Office

HTML = (
    "<h1>Autumn</h1><script>alert(1)</script><img src='https://pictures.test/1.png' alt='Shoes'>"
    "<a href='https://shop.test/p/1'>Red shoes</a> <a href='https://shop.test/p/2'>Laces</a>"
    "<a href='https://shop.test/p/1'>More</a> <a href='mailto:a@shop.test'>Write</a>"
)


def campaign_of(office: Office) -> Any:
    body = {"empId": 7, "name": "Autumn", "mailer": "plain", "html": HTML, "text": "Red shoes"}
    return office.post("/campaigns", body)


def test_each_link_has_its_number_clicks_and_revenue(office: Office) -> None:
    campaign = campaign_of(office) | {"empId": 7}
    office.order(click=office.click(campaign, "c1"), refunded="9.80")
    office.click(campaign, "c2", link=1)
    page = office.page(f"/campaigns/{campaign['id']}/map")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))
    assert "1 Red shoes" in text
    assert "Human clicks 1 Clickers 1 Orders 1 Net revenue €30.00" in text
    assert "2 Laces" in text
    assert "Human clicks 1 Clickers 1 Orders 0 Net revenue –" in text
    mail = office.page(f"/campaigns/{campaign['id']}/map/mail").text
    assert re.findall(r'data-link-number="(\d)"', mail) == ["1", "2", "1"], "equal destinations are one link"
    assert "shop.test/p" not in mail
    assert "mailto:" not in mail
    assert 'href="/campaigns/' in page.text
    assert "/map" in office.page(f"/campaigns/{campaign['id']}").text


def test_the_mail_in_the_map_has_no_rights(office: Office) -> None:
    campaign = campaign_of(office)
    page = office.page(f"/campaigns/{campaign['id']}/map")
    assert re.search(r"<iframe [^>]*\ssandbox\s[^>]*></iframe>", page.text)
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    mail = office.page(f"/campaigns/{campaign['id']}/map/mail")
    policy = mail.headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "sandbox" in policy, "without allow-scripts and allow-same-origin"
    assert "img-src data:" in policy, "pictures at outside addresses are not loaded"
    assert not [one for one in policy if one.startswith(("script-src", "connect-src", "frame-src"))]
    assert mail.headers["Cache-Control"] == "no-store"


def test_a_campaign_without_an_e_mail_has_no_map(office: Office) -> None:
    campaign = office.campaign()
    assert office.page(f"/campaigns/{campaign['id']}/map").status_code == 404
    assert office.page(f"/campaigns/{campaign['id']}/map/mail").status_code == 404
    assert "/map" not in office.page(f"/campaigns/{campaign['id']}").text


def test_another_account_sees_neither_map_nor_mail(office: Office) -> None:
    campaign = campaign_of(office)
    for path in ("map", "map/mail"):
        assert office.page(f"/campaigns/{campaign['id']}/{path}", HATS).status_code == 404
