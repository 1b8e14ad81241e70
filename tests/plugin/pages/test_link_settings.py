"""The page with an account's settings for links, and the dynamic link on a campaign's page."""

import pytest

from tests.plugin.conftest import HATS, SHOES, Office

PAGE = "/accounts/7/links"
SENT = {
    "source": "news",
    "medium": "email",
    "campaign": "{campaign}",
    "content": "{link}-{position}",
    "term": "",
}


def test_hosts_and_patterns_are_saved(office: Office) -> None:
    sent = SENT | {"link_hosts": "shop.test\r\n*.Shop.Test\r\n", "replace": "on", "step": "save"}
    assert office.page(PAGE, SHOES, method="POST", data=sent).status_code == 303
    account = office.get("/accounts/7")
    assert account["link_hosts"] == ["shop.test", "*.shop.test"]
    assert account["utm"] == SENT | {"replace": True}
    text = office.page(PAGE, SHOES).text
    assert "shop.test\n*.shop.test</textarea>" in text
    assert 'value="{link}-{position}"' in text


def test_a_preview_shows_a_destination_and_changes_nothing(office: Office) -> None:
    text = office.page(PAGE, SHOES, method="POST", data=SENT | {"step": "preview"}).text
    query = "utm_source=news&amp;utm_medium=email&amp;utm_campaign=Autumn&amp;utm_content=Red%20shoes-3"
    assert f"https://shop.example/p/1?{query}" in text
    assert office.get("/accounts/7")["utm"]["source"] == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("campaign", "{kampaign}"),
        ("source", "a" * 201),
        ("link_hosts", "https://shop.test/"),
        ("link_hosts", "*"),
    ],
)
def test_an_error_is_shown_at_its_field_and_the_input_is_kept(office: Office, name: str, value: str) -> None:
    answer = office.page(PAGE, SHOES, method="POST", data=SENT | {name: value, "step": "save"})
    assert answer.status_code == 422
    assert f'id="bad-{name}"' in answer.text
    assert value in answer.text
    assert 'value="news"' in answer.text or name == "source"
    assert office.get("/accounts/7")["utm"]["medium"] == ""


def test_the_settings_belong_to_their_account(office: Office) -> None:
    assert office.page(PAGE, HATS).status_code == 404
    assert office.page(PAGE, HATS, method="POST", data=SENT | {"step": "save"}).status_code == 404


def test_a_campaign_shows_its_dynamic_link_with_the_tag_of_its_platform(office: Office) -> None:
    links = [{"url": "https://shop.test/"}]
    body = {"empId": 7, "name": "Basket", "mailer": "klaviyo", "links": links}
    made = office.post("/campaigns", body)
    assert made["dynamic_url"].endswith("?k={{ person.KlaviyoID }}&u={{ item.url|urlencode }}")
    path = f"/campaigns/{made['id']}/links"
    assert "list the hosts of your shop first" in office.page(path, SHOES).text
    office.call("PATCH", "/accounts/7", {"site": "shop.test"})
    text = office.page(path, SHOES).text
    assert "u={{ item.url|urlencode }}</textarea>" in text
    assert "It leads only to: shop.test, www.shop.test" in text


def test_the_dynamic_link_is_switched_off_on_its_page(office: Office) -> None:
    campaign = office.campaign()
    path = f"/campaigns/{campaign['id']}/links/{campaign['id']}"
    text = office.page(path, SHOES).text
    assert 'name="url"' not in text
    sent = {"label": "/r/", "active": "off"}
    assert office.page(path, SHOES, method="POST", data=sent).status_code == 303
    assert "Other pages of the dynamic link" in office.page(f"/campaigns/{campaign['id']}/links", SHOES).text
    assert office.get(f"/campaigns/{campaign['id']}")["links"][2]["active"] is False
