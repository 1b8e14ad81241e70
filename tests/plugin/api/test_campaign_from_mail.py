"""A campaign is previewed and created from its HTML and text, by one call."""

import re
from typing import Any

import pytest

from salepixel.campaigns.links import LinkSealer
from tests.plugin.conftest import HATS, SHOES, Office

HTML = (
    "<!-- é --><a href='https://shop.test/p/1?a=1&amp;b=2'>Shoes</a>\n"
    "<a href='https://blog.test/'>Blog</a> <a href='*|UNSUB|*'>Unsubscribe</a>"
)
TEXT = "Shoes: https://shop.test/p/1?a=1&b=2\r\nUnsubscribe: *|UNSUB|*\n"
BODY = {"empId": 7, "name": "Autumn", "mailer": "mailchimp", "html": HTML, "text": TEXT}
TRACKED = re.compile(r"http://track7\.shop\.test/c/([\w-]+)\?k=\*\|UNIQID\|\*")


def plain(tracked: str, office: Office, *, escaped: bool) -> str:
    """A tracked e-mail with the destinations in its tokens."""

    def destination(found: re.Match[str]) -> str:
        url = LinkSealer(office.keys).open(found[1]).url
        return url.replace("&", "&amp;") if escaped else url

    return TRACKED.sub(destination, tracked)


@pytest.fixture
def site(office: Office) -> Office:
    office.call("PATCH", "/accounts/7", {"site": "shop.test"})
    return office


def test_a_preview_shows_the_links_and_keeps_nothing(site: Office) -> None:
    shown = site.post("/campaigns/preview", BODY, SHOES)
    assert shown.keys() == {"html", "text", "links", "warnings"}
    assert plain(shown["html"], site, escaped=True) == HTML
    assert plain(shown["text"], site, escaped=False) == TEXT
    assert [(one["position"], one["text"], one["sale_pixel"], one["skipped"]) for one in shown["links"]] == [
        (1, "", True, None),
        (2, "Shoes", True, None),
        (3, "Blog", False, None),
        (4, "Unsubscribe", False, "merge_tag"),
    ]
    assert shown["links"][1]["url"] == "https://shop.test/p/1?a=1&b=2"
    assert shown["links"][1]["tracked_url"] == shown["links"][0]["tracked_url"], "one link in both parts"
    assert shown["links"][3]["tracked_url"] is None
    assert any("tracking host" in one for one in shown["warnings"])
    assert site.get("/campaigns", SHOES)["campaigns"] == []


def test_a_campaign_is_created_from_html_and_text(site: Office) -> None:
    more = {"sent_at": "2026-11-24T10:00:00Z", "utm": {"source": "news"}, "utm_campaign": "aut"}
    made = site.post("/campaigns", {**BODY, **more}, SHOES)
    utm = "&utm_source=news"
    assert plain(made["html"], site, escaped=True) == HTML.replace("b=2'", f"b=2&amp;{utm[1:]}'").replace(
        "blog.test/", f"blog.test/?{utm[1:]}"
    )
    assert plain(made["text"], site, escaped=False) == TEXT.replace("b=2", f"b=2{utm}")
    assert f"?k=*|UNIQID|*{utm}&u=" in made["dynamic_url"]
    assert (made["utm_campaign"], made["sent_at"]) == ("aut", "2026-11-24T10:00:00Z")
    kept = site.get(f"/campaigns/{made['id']}", SHOES)["links"]
    shoes, blog = ([one["id"] for one in made["links"] if host in one["url"]] for host in ("shop", "blog"))
    assert [one["id"] for one in kept] == [shoes[0], blog[0]]
    assert shoes[0] == shoes[1]
    assert made["links"][3]["id"] is None
    for part, original in (("html", HTML), ("text", TEXT)):
        undone = site.call("POST", "/mails/undo", {"text": made[part]}, SHOES).get_data()
        assert undone == original.encode()
        edited = site.call("POST", "/mails/undo", {"text": f"New. {made[part]}"}, SHOES).get_data()
        assert edited == f"New. {original}".encode()
    assert site.get(f"/mails/{made['mail_id']}", SHOES)["campaign_id"] == made["id"]


@pytest.mark.parametrize("part", ["html", "text"])
def test_one_part_is_enough(site: Office, part: str) -> None:
    body: dict[str, Any] = {name: BODY[name] for name in ("empId", "name", "mailer", part)}
    for made in (site.post("/campaigns/preview", body, SHOES), site.post("/campaigns", body, SHOES)):
        assert plain(made[part], site, escaped=part == "html") == BODY[part]
        assert made["text" if part == "html" else "html"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"html": "", "text": ""}, None),
        ({"links": [{"url": "https://shop.test/"}]}, None),
        ({"html": "<p>no link</p>", "text": ""}, "mail_without_links"),
        ({"html": "%PDF-1.7", "text": ""}, "mail_pdf"),
        ({"mailer": "nobody"}, None),
        (
            {
                "utm": {"source": "x" * 200, "term": "y" * 200},
                "html": f"<a href=https://s.test/{'a' * 1900}>",
            },
            None,
        ),
    ],
)
@pytest.mark.parametrize("path", ["/campaigns", "/campaigns/preview"])
def test_what_cannot_be_a_campaign_is_refused_and_nothing_is_kept(
    site: Office, path: str, change: dict[str, Any], reason: str | None
) -> None:
    answer = site.call("POST", path, {**BODY, **change}, SHOES)
    assert answer.status_code == 422, answer.text
    assert reason is None or (answer.json or {})["reason"] == reason
    assert site.get("/campaigns", SHOES)["campaigns"] == []
    assert site.call("POST", path, BODY, HATS).status_code in (403, 404)


def test_a_campaign_may_have_its_dynamic_link_only(office: Office) -> None:
    made = office.post("/campaigns", {"empId": 7, "name": "Baskets", "links": []}, SHOES)
    assert (made["links"], made["html"]) == ([], None)
    assert "/r/" in made["dynamic_url"]
    assert (
        office.call("POST", "/campaigns/preview", {"empId": 7, "name": "B", "links": []}).status_code == 422
    )
