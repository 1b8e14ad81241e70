"""Destinations as people paste them: corrections give a warning, and invalid ones are refused with advice."""

from typing import Any

import pytest

from salepixel.campaigns.links import LinkSealer
from salepixel.clicks.tokens import ClickSealer
from tests.make import NOON, click_at
from tests.plugin.conftest import Office

OTHERS = ["https://shop.test/p?a=1&b=2", "https://shop.test/p?copy=1&copy=2&reg=3&amp=4"]


def made(office: Office, url: str, **fields: Any) -> Any:
    return office.call("POST", "/campaigns", {"empId": 7, "name": "A", "links": [{"url": url}], **fields})


@pytest.mark.parametrize(
    ("pasted", "url", "notices"),
    [
        ("https://shop.test/p?a=1&amp;b=2", "https://shop.test/p?a=1&b=2", ["HTML references"]),
        ("https://shop.test/p?a=1&#38;b=2", "https://shop.test/p?a=1&b=2", ["HTML references"]),
        ("https://shop.test/p?a=1&#x26;b=2#c", "https://shop.test/p?a=1&b=2#c", ["HTML references"]),
        ("https://shop.test/p?a=1&amp;amp;b=2", "https://shop.test/p?a=1&amp;b=2", ["HTML references"]),
        ("https://shop.test/p?spx={old}", "https://shop.test/p", ["spx"]),
        ("https://shop.test/p?a=b&spx={old}&spx#c", "https://shop.test/p?a=b#c", ["spx"]),
        ("https://shop.test/p?a=b&amp;%73px={old}", "https://shop.test/p?a=b", ["HTML references", "spx"]),
        ("https://straße.example/ñ", "https://xn--strae-oqa.example/%C3%B1", []),
        *((url, url, []) for url in OTHERS),
    ],
)
def test_a_pasted_url_is_corrected_with_a_warning(
    office: Office, links: LinkSealer, sealer: ClickSealer, pasted: str, url: str, notices: list[str]
) -> None:
    pasted = pasted.format(old=sealer.seal(click_at(NOON, emp_id=7)))
    campaign = made(office, pasted).json
    (link,) = campaign["links"]
    assert link["url"] == url
    assert links.open(link["tracked_url"].partition("/c/")[2].partition("?")[0]).url == url
    assert [word in warning for word, warning in zip(notices, campaign["warnings"], strict=True)] == [
        True
    ] * len(notices)
    assert all(warning.startswith("links.0.url: ") for warning in campaign["warnings"])
    path = f"/campaigns/{campaign['id']}/links/{link['id']}"
    office.call("PATCH", path, {"url": "https://shop.test/elsewhere"})
    changed = office.call("PATCH", path, {"url": pasted}).json
    assert isinstance(changed, dict)
    assert changed["url"] == url
    assert len(changed["warnings"]) == len(notices)
    labelled = office.call("PATCH", path, {"label": "Hero"}).json
    assert isinstance(labelled, dict)
    assert labelled["warnings"] == []


@pytest.mark.parametrize(
    ("url", "tag"),
    [
        ("https://shop.test/p?c=*|FNAME|*", "*|FNAME|*"),
        ("{{ product.url }}", "{{ product.url }}"),
        ("https://shop.test/{{id}}", "{{id}}"),
        ("https://shop.test/?c=%7B%7Bid%7D%7D", "{{id}}"),
        ("https://shop.test/?c=*%7CFNAME%7C*", "*|FNAME|*"),
        ("https://shop.test/?c=%FIRSTNAME%", "%FIRSTNAME%"),
        ("https://shop.test/?c=%CAMPAIGNID%", "%CAMPAIGNID%"),
        ("https://shop.test/?c=%%emailaddr%%&d", "%%emailaddr%%"),
        ("https://shop.test/?c={$name}", "{$name}"),
        ("https://shop.test/?c={contactfield=id}", "{contactfield=id}"),
        ("https://shop.test/?c=[%Field%]", "[%Field%]"),
        ("https://shop.test/?c=[[id]]", "[[id]]"),
        ("https://shop.test/?c={contact}", "{contact}"),
        ("https://shop.test/?c=-ID-", "-ID-"),
    ],
)
def test_a_merge_tag_in_a_destination_is_refused_with_what_to_do(office: Office, url: str, tag: str) -> None:
    answer = made(office, url, mailer="other", contact_tag="-ID-")
    assert answer.status_code == 422
    (said,) = answer.json["errors"]["links.0.url"]
    assert tag in said
    assert "send this link untracked, or create one link for each page" in said


@pytest.mark.parametrize(
    "url",
    ["https://shop.test/?q=%20x%C3%A9%AB", "https://shop.test/?f[a][b]=1", "https://shop.test/50%25off"],
)
def test_text_that_only_looks_like_a_merge_tag_is_accepted(office: Office, url: str) -> None:
    answer = made(office, url)
    assert answer.status_code == 201
    assert answer.json["warnings"] == []
