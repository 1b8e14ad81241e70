"""The form for periods: the same on every page, with its state in the address."""

import re

import pytest
from freezegun import freeze_time
from werkzeug.test import TestResponse

from tests.plugin.conftest import SHOES, Office

NOW = "2026-03-05T23:30:00Z"


def _page(office: Office, path: str) -> TestResponse:
    with freeze_time(NOW):
        return office.page(path, SHOES)


def _summary(office: Office, path: str) -> str:
    answer = _page(office, path)
    assert answer.status_code == 200, answer.text
    found = re.search(r"<summary>Period: <strong>(.*?)</strong>", answer.text)
    return found[1] if found else ""


def _sold(office: Office) -> str:
    """The address of the sales of a campaign with a sale."""
    campaign = office.campaign()
    office.order(click=office.click(campaign, "c1"))
    return f"/campaigns/{campaign['id']}/sales"


PERIODS = [
    ("?period=today", "Today, 5 Mar 2026"),
    ("?period=7d", "7 days, 27 Feb 2026 – 5 Mar 2026"),
    ("?period=month", "This month, 1 Mar 2026 – 5 Mar 2026"),
    ("?period=last-month", "Last month, 1 Feb 2026 – 28 Feb 2026"),
    ("?from=2026-02-01&to=2026-02-03", "1 Feb 2026 – 3 Feb 2026"),
    ("?from=2026-02-01&to=2026-02-03&period=7d", "1 Feb 2026 – 3 Feb 2026"),
    ("?from=&to=&period=7d", "7 days, 27 Feb 2026 – 5 Mar 2026"),
]


@pytest.mark.parametrize(("query", "text"), PERIODS)
def test_every_page_with_days_has_the_same_form(office: Office, query: str, text: str) -> None:
    sales = _sold(office)
    for path in ("/accounts/7/coverage", "/accounts/7/models", sales):
        assert _summary(office, path + query) == text


def test_each_page_has_a_period_of_its_own_at_first(office: Office) -> None:
    assert _summary(office, "/accounts/7/coverage").startswith("28 days")
    assert _summary(office, "/accounts/7/models").startswith("90 days")
    assert _summary(office, _sold(office)) == "All days"


def test_the_time_zone_of_the_account_decides_which_day_is_today(office: Office) -> None:
    office.call("PATCH", "/accounts/7", {"time_zone": "Europe/Madrid"})
    assert _summary(office, "/accounts/7/coverage?period=today") == "Today, 6 Mar 2026"
    assert "In the time zone of this account, Europe/Madrid, today is 6 Mar 2026." in (
        _page(office, "/accounts/7/coverage").text
    )


def test_a_link_of_the_form_keeps_the_rest_of_the_address(office: Office) -> None:
    text = _page(office, "/accounts/7/coverage?compare=x&from=2026-03-01&to=2026-03-02&lang=en").text
    assert 'href="/accounts/7/coverage?compare=x&amp;lang=en&amp;period=7d"' in text
    assert '<input type="hidden" name="compare" value="x">' in text


def test_a_page_offers_only_periods_that_it_can_show(office: Office) -> None:
    text = _page(office, "/accounts/7/coverage").text
    assert "period=90d" in text
    assert "period=all" not in text
    assert "period=all" in _page(office, _sold(office)).text


BAD = ["?from=x", "?from=2026-03-02&to=2026-03-01", "?period=x", "?period=all", "?from=2025-01-01"]


@pytest.mark.parametrize("query", BAD)
def test_a_bad_period_is_explained(office: Office, query: str) -> None:
    answer = _page(office, f"/accounts/7/coverage{query}")
    assert answer.status_code == 422
    assert "Enter dates such as 2026-11-23" in answer.text


def test_the_files_of_a_page_have_its_period(office: Office) -> None:
    path = _sold(office)
    assert f'href="{path}.xlsx?period=7d"' in office.page(f"{path}?period=7d", SHOES).text
    assert _page(office, f"{path}.csv?period=last-month").text.count("\n") == 1


@pytest.mark.parametrize("zone", ["CET", "Nowhere/City"])
def test_a_time_zone_must_be_an_iana_name(office: Office, zone: str) -> None:
    assert office.call("PATCH", "/accounts/7", {"time_zone": zone}).status_code == 422
    assert office.get("/accounts/7")["time_zone"] == ""
