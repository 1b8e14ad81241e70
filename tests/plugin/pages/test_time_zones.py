"""Times for people are in the time zone of their account, and the page names it; programs get UTC."""

import re
from datetime import UTC, datetime

import pytest

from salepixel.report.sales_file import _local
from salepixel_plugin.languages import LANGUAGES
from tests.plugin.conftest import ALL, SHOES, Office

SUMMER = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
KOLKATA = "2 Jul 2026, 04:00"


@pytest.fixture
def campaign(office: Office) -> str:
    office.call("PATCH", "/accounts/7", {"time_zone": "Asia/Kolkata"})
    made = office.campaign()
    click = office.click(made, "ana", at=SUMMER)
    office.order(click=click, placed_at=SUMMER.isoformat(), refunded="9.80")
    return str(made["id"])


@pytest.mark.parametrize("key", [SHOES, ALL])
@pytest.mark.parametrize("page", ["sales", "orders", "contact", "decision"])
def test_a_page_shows_the_times_of_its_account_and_names_the_zone(
    office: Office, campaign: str, page: str, key: str
) -> None:
    orders = office.get("/orders?empId=7")["rows"]
    path = {
        "sales": f"/campaigns/{campaign}/sales",
        "orders": "/accounts/7/orders",
        "contact": "/accounts/7/contacts/ana",
        "decision": f"/orders/{orders[0]['shop']}/o-1",
    }[page]
    text = office.page(path, key).text
    assert KOLKATA in text
    assert not re.search(r"\d\d:\d\d UTC", text)
    assert "Times are in Asia/Kolkata" in text


def test_a_page_of_several_accounts_says_utc_at_each_time(office: Office, campaign: str) -> None:
    text = office.page("/", ALL).text
    assert re.search(r"\d\d:\d\d UTC", text)
    assert "Times are in UTC" in text


@pytest.mark.parametrize(("code", "head"), [("en", "Date (Asia/Kolkata)"), ("es", "Fecha (Asia/Kolkata)")])
def test_a_file_has_the_times_of_its_page_and_names_the_zone(
    office: Office, campaign: str, code: str, head: str
) -> None:
    text = office.page(f"/campaigns/{campaign}/sales.csv?lang={code}", SHOES).text
    assert head in text
    assert "2026-07-02 04:00:00" in text


def test_the_api_stays_in_utc(office: Office, campaign: str) -> None:
    assert office.get(f"/campaigns/{campaign}/sales")["rows"][0]["purchased_at"] == "2026-07-01T22:30:00Z"
    text = office.call("GET", f"/campaigns/{campaign}/sales.csv?lang=en", key=SHOES).text
    assert "Date (UTC)" in text
    assert "2026-07-01 22:30:00" in text


def test_the_time_of_sending_is_entered_in_the_zone_of_the_account(office: Office, campaign: str) -> None:
    for key in (SHOES, ALL):
        form = {"sent_at": "2026-07-01T09:15", "sent_count": "10"}
        office.page(f"/campaigns/{campaign}/recipients", key, method="POST", data=form)
        assert office.get(f"/campaigns/{campaign}")["sent_at"] == "2026-07-01T03:45:00Z"
        page = office.page(f"/campaigns/{campaign}/recipients", key).text
        assert 'value="2026-07-01T09:15"' in page
        assert "Sending begins (Asia/Kolkata)" in page


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("zone", "at", "local"),
    [
        ("Europe/Madrid", "2026-03-29T00:59:00Z", "2026-03-29T01:59:00Z"),
        ("Europe/Madrid", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"),
        ("Europe/Madrid", "2026-10-25T00:59:00Z", "2026-10-25T02:59:00Z"),
        ("Europe/Madrid", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"),
        ("Asia/Kathmandu", "2026-03-29T00:00:00Z", "2026-03-29T05:45:00Z"),
        ("UTC", "2026-03-29T00:00:00Z", "2026-03-29T00:00:00Z"),
    ],
)
def test_a_clock_shows_the_time_of_its_zone(zone: str, at: str, local: str) -> None:
    assert _local(micros(at), zone) == micros(local)


def test_a_language_without_a_zone_says_utc() -> None:
    assert LANGUAGES["en"].time(SUMMER).endswith(" UTC")
