"""A page for each e-mail platform says how to use it, and the pages of a campaign lead there."""

from html import unescape

import pytest

from salepixel.mailers.known import PLATFORMS
from tests.plugin.conftest import SHOES, Office

HTML = "<a href='https://shop.test/cup'>Buy the cup</a>"


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("key", PLATFORMS)
def test_the_page_of_a_platform_says_what_we_know(office: Office, key: str, language: str) -> None:
    platform = PLATFORMS[key]
    answer = office.page(f"/platforms/{key}?lang={language}", SHOES)
    text = unescape(answer.text)
    said = [
        platform.contact_tag,
        platform.off_for_link,
        platform.off_for_mail,
        platform.paste,
        *platform.appends,
    ]
    assert (answer.status_code, [one for one in said if one and one not in text]) == (200, [])
    assert [one.page for one in platform.sources if one.page not in text] == []
    if platform.unverified - {"forms", "unfilled"}:
        assert {"en": "Not confirmed", "es": "No confirmado"}[language] in text


def test_an_unknown_platform_has_no_page(office: Office) -> None:
    assert office.page("/platforms/pigeon", SHOES).status_code == 404


def test_a_campaign_says_how_to_switch_off_the_tracking_of_its_platform(office: Office) -> None:
    form = office.page("/accounts/7/mails", SHOES).text
    assert [
        key for key in PLATFORMS if key != "plain" and f'href="/platforms/{key}?account=7"' not in form
    ] == []
    sent = {"name": "Autumn", "mailer": "ses", "contact_tag": "{{ref}}", "text": HTML}
    there = office.page("/accounts/7/mails", SHOES, method="POST", data=sent).headers["Location"]
    office.page(there, SHOES, method="POST", data={"step": "finish"})
    page = office.page(there, SHOES).text
    assert "ses:no-track" in page
    assert 'href="/platforms/ses?account=7"' in page


def test_the_api_lists_the_platforms(office: Office) -> None:
    found = {one["mailer"]: one for one in office.get("/mailers", SHOES)["mailers"]}
    assert list(found) == list(PLATFORMS)
    mautic = found["mautic"]
    assert mautic["contact_tag"] == "{contactfield=id}"
    assert mautic["off_for_link"] == 'data-mautic-disable-tracking="true"'
    assert mautic["unfilled"] == ["0"]
    assert {"evidence": "vendor", "read_on": "2026-11-28"}.items() <= mautic["sources"][0].items()
