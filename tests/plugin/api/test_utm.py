"""UTM parameters in the API: of an account, of a campaign, and in the destinations of its links."""

from typing import Any

from tests.plugin.conftest import SHOES, Office

URL = "https://shop.test/p/1?a=b"
LINKS = [{"url": URL, "label": "Hero"}, {"url": "https://shop.test/?utm_source=own"}]


def _campaign(office: Office, **further: Any) -> Any:
    return office.post("/campaigns", {"empId": 7, "name": "Autumn", "links": LINKS, **further}, SHOES)


def _account(office: Office, utm: dict[str, Any]) -> Any:
    answer = office.call("PATCH", "/accounts/7", {"utm": utm}, SHOES)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_new_campaigns_have_the_parameters_of_the_account(office: Office) -> None:
    wanted = {"source": "news", "medium": "email", "campaign": "{campaign}", "content": "{position}"}
    assert _account(office, wanted)["utm"] == wanted | {"term": "", "replace": False}
    made = _campaign(office)
    assert [link["url"] for link in made["links"]] == [
        f"{URL}&utm_source=news&utm_medium=email&utm_campaign=Autumn&utm_content=1",
        "https://shop.test/?utm_source=own&utm_medium=email&utm_campaign=Autumn&utm_content=2",
    ]
    assert made["utm_campaign"] == "Autumn"
    assert made["utm"] == wanted | {"term": "", "replace": False}
    assert "?k={contact}&utm_source=news&utm_medium=email&utm_campaign=Autumn&u={url}" in made["dynamic_url"]


def test_a_campaign_may_have_its_own_or_none(office: Office) -> None:
    _account(office, {"source": "news"})
    assert _campaign(office, utm={"term": "x"})["links"][0]["url"] == f"{URL}&utm_term=x"
    assert _campaign(office, utm={})["links"][0]["url"] == URL
    own = _campaign(office, utm={"campaign": "a"}, utm_campaign="b")
    assert (own["utm_campaign"], own["utm"]["campaign"]) == ("b", "a")


def test_a_changed_destination_has_them_too(office: Office) -> None:
    made = _campaign(office, utm={"content": "{link}-{position}"})
    path = f"/campaigns/{made['id']}/links/{made['links'][1]['id']}"
    answer = office.call("PATCH", path, {"url": "https://shop.test/new", "label": "Foot"})
    assert (answer.json or {})["url"] == "https://shop.test/new?utm_content=Foot-2"


def test_a_copy_has_the_patterns_with_its_own_name(office: Office) -> None:
    made = _campaign(office, utm={"campaign": "{campaign}"})
    copied = office.post(f"/campaigns/{made['id']}/copy", {"name": "Winter"})
    copy = office.get(f"/campaigns/{copied['campaign_id']}")
    assert [link["url"] for link in copy["links"]] == [
        f"{URL}&utm_campaign=Winter",
        "https://shop.test/?utm_source=own&utm_campaign=Winter",
    ]
    assert copy["utm_campaign"] == "Winter"


def test_a_renamed_campaign_keeps_its_name_in_them_and_its_copy_has_its_own(office: Office) -> None:
    """Links with the first name were sent, and orders name the campaign by it."""
    made = _campaign(office, utm={"campaign": "{campaign}", "content": "{link}"})
    path = f"/campaigns/{made['id']}"
    for name in ("Fall", "Fall 2"):
        assert office.call("PATCH", path, {"name": name}, SHOES).status_code == 200
    renamed = office.get(path)
    assert (renamed["utm_campaign"], renamed["utm"]) == (made["utm_campaign"], made["utm"])
    assert renamed["dynamic_url"] == made["dynamic_url"]
    changed = office.call("PATCH", f"{path}/links/{made['links'][1]['id']}", {"url": "https://shop.test/new"})
    assert (changed.json or {})["url"] == "https://shop.test/new?utm_campaign=Autumn&utm_content=2"
    copied = office.post(f"{path}/copy", {"name": "Winter"})
    copy = office.get(f"/campaigns/{copied['campaign_id']}")
    assert copy["utm_campaign"] == "Winter"
    assert [link["url"] for link in copy["links"]] == [
        f"{URL}&utm_campaign=Winter&utm_content=Hero",
        "https://shop.test/new?utm_campaign=Winter&utm_content=2",
    ]


def test_an_unknown_placeholder_is_refused_with_a_sentence(office: Office) -> None:
    answer = office.call("PATCH", "/accounts/7", {"utm": {"campaign": "{kampaign}"}})
    assert answer.status_code == 422
    assert "has {kampaign}, which is none of the placeholders {campaign}, {link}, {position}" in answer.text


def test_a_destination_that_is_too_long_with_them_is_named(office: Office) -> None:
    links = [{"url": URL}, {"url": "https://shop.test/" + "a" * 1975}]
    body = {"empId": 7, "name": "Autumn", "links": links, "utm": {"source": "newsletter"}}
    answer = office.call("POST", "/campaigns", body)
    assert answer.status_code == 422
    assert "links.1.url" in answer.text
    made = _campaign(office, utm={"source": "newsletter"})
    path = f"/campaigns/{made['id']}/links/{made['links'][0]['id']}"
    answer = office.call("PATCH", path, {"url": links[1]["url"]})
    assert answer.status_code == 422
    assert '"url"' in answer.text


def test_a_draft_shows_the_destinations_that_its_links_will_have(office: Office) -> None:
    _account(office, {"source": "news", "content": "{link}-{position}"})
    text = '<a href="https://shop.test/1">One</a><a href="https://shop.test/2">Two</a>'
    mail = office.post("/mails", {"empId": 7, "name": "Autumn", "text": text})
    wanted = [
        f"https://shop.test/{n}?utm_source=news&utm_content={name}-{n}"
        for n, name in ((1, "One"), (2, "Two"))
    ]
    assert [link["destination"] for link in mail["links"]] == wanted
    assert wanted[1].replace("&", "&amp;") in office.page(f"/mails/{mail['id']}", SHOES).text
    made = office.call("PUT", f"/mails/{mail['id']}/campaign").json or {}
    assert [link["url"] for link in office.get(f"/campaigns/{made['campaign_id']}")["links"]] == wanted
