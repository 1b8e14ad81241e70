"""Lists have pages in both directions, and the way back shows the same rows."""

import re
from html import unescape

import pytest

from salepixel_plugin.pages import campaign_tables, campaigns
from tests.plugin.conftest import SHOES, Office

ROWS = re.compile(r'<th scope="row"><a href="[^"]+">([^<]+)</a></th>')


def walk(office: Office, path: str, rel: str) -> list[list[str]]:
    """The rows of each page, from this one on, and at last the address of the last page."""
    pages = []
    while path:
        text = office.page(path, SHOES).text
        pages.append(ROWS.findall(text))
        found = re.search(rf'rel="{rel}" href="([^"]+)"', text)
        last, path = path, unescape(found[1]) if found else ""
    return [*pages, [last]]


@pytest.mark.parametrize("count", [4, 5, 6])
def test_contacts_and_campaigns_have_a_previous_page(
    office: Office, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    for module in (campaign_tables, campaigns):
        monkeypatch.setattr(module, "PAGE", 2)
    made = [office.campaign(name=f"Number {number}") for number in range(count)]
    for number in range(count):
        office.click(made[0], f"c{number}")
    for path in (f"/campaigns/{made[0]['id']}/contacts", "/accounts/7/campaigns"):
        *forward, (end,) = walk(office, path, "next")
        assert [len(rows) for rows in forward] == [2] * (count // 2) + [1] * (count % 2)
        assert len({row for rows in forward for row in rows}) == count
        *back, _ = walk(office, end, "prev")
        assert back[::-1][-1] == forward[-1]
        assert [row for rows in back[::-1] for row in rows] == [row for rows in forward for row in rows]
