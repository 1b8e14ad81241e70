"""The page of first steps leads from nothing to the first sale."""

from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from salepixel.checks.sentences import SENTENCES, TITLES
from salepixel.checks.store import read_findings
from salepixel.clicks.tokens import Signal
from salepixel.wire.round_trip import PATH, Report, RoundTrips
from tests.plugin.conftest import HATS, SHOES, Office
from tests.plugin.pages.forms import Form

PAGE = "/accounts/7/first-steps"


def _text(office: Office, path: str = PAGE, **rest: str) -> str:
    return unescape(office.page(path, **rest).text)


def test_the_first_page_of_a_new_account_shows_its_steps(office: Office) -> None:
    text = _text(office, "/", key=SHOES)
    for title in TITLES.values():
        assert title in text
    assert "POST /" not in text
    assert "Add the shop" in text
    office.campaign()
    assert TITLES["shop"] not in _text(office, "/", key=SHOES)


def test_a_fresh_account_is_told_the_first_thing_to_do(office: Office) -> None:
    text = _text(office)
    assert "Still to do: 9 of 9" in text
    assert "Enter the host name of your shop" in text
    office.call("PATCH", "/accounts/7", {"site": "shop.test"})
    assert '<script src="http://track7.shop.test/sp.js" data-emp-id="7" async></script>' in _text(office)


def test_what_only_the_operator_can_do_is_written_for_the_operator() -> None:
    """An owner has no server: the page has a text to send on."""
    names = ("edge", "SALEPIXEL_", "keys.json", "proxy", "certificate for")
    for reason, sentence in SENTENCES.items():
        found = [name for name in names if name in sentence.says + sentence.mends]
        assert not found, reason
        assert bool(sentence.operator) is ("operator" in sentence.mends), reason


def test_every_step_is_done_at_the_end(office: Office) -> None:
    sent = {"name": "Shoes", "site": "https://www.shop.test/en/", "tracking_host": "", "currency": "EUR"}
    assert office.page(f"{PAGE}/account", method="POST", data=sent).status_code == 303
    assert office.get("/accounts/7")["site"] == "www.shop.test"
    campaign = office.campaign()
    token = office.click(campaign, "c1", signals=Signal.SAFARI)
    office.order(click=token)
    text = _text(office)
    assert "Shoes sells on www.shop.test." in text
    assert "Orders arrive and are verified" in text
    assert "Human clicks: 1" in text
    assert "Orders with evidence of a click: 1" in text


def test_a_shop_is_added_and_its_address_to_install_the_app_is_shown(office: Office) -> None:
    form = Form(office.page(PAGE).text, f"{PAGE}/shop")
    sent = form.fields | {"api_url": "https://shop.test/graphql/"}
    assert office.page(f"{PAGE}/shop", method="POST", data=sent).status_code == 303
    text = _text(office)
    assert "/saleor/manifest?code=" in text
    assert "was added, but the app is not installed there yet" in text


@pytest.mark.parametrize(
    ("path", "sent", "said"),
    [
        ("account", {"name": "", "site": "", "tracking_host": "", "currency": "EUR"}, "Enter a name."),
        (
            "account",
            {"name": "S", "site": "a b", "tracking_host": "", "currency": "EUR"},
            "www.shop.example.",
        ),
        ("account", {"name": "S", "site": "", "tracking_host": "a_b.", "currency": "x"}, "such as EUR."),
        ("shop", {"api_url": "shop"}, "https://shop.example/graphql/"),
    ],
)
def test_a_wrong_field_is_named_and_what_was_entered_stays(
    office: Office, path: str, sent: dict[str, str], said: str
) -> None:
    answer = office.page(f"{PAGE}/{path}", method="POST", data=sent)
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert f'value="{list(sent.values())[-1]}"' in answer.text


def test_check_now_stores_what_the_server_found(office: Office) -> None:
    office.call("PATCH", "/accounts/7", {"site": "shop.invalid", "tracking_host": "track.shop.invalid"})
    assert office.page(f"{PAGE}/check", method="POST").status_code == 303
    with office.database.read() as connection:
        found = read_findings(connection, 7)
    assert {name: finding.reason for name, finding in found.items()} == {
        "host": "unreachable",
        "page": "unreachable",
    }
    text = _text(office)
    assert "track.shop.invalid could not be reached" in text
    assert "SALEPIXEL_PRIVATE_NETWORKS" in text


def test_a_browser_makes_the_round_trip_over_the_tracking_host(office: Office) -> None:
    answer = office.page(f"{PAGE}/browser")
    there = urlsplit(answer.headers["Location"])
    assert (answer.status_code, there.netloc) == (302, "track7.shop.test")
    trips, now = RoundTrips(office.keys), datetime.now(UTC)
    ticket = trips.read_ticket(there.path.removeprefix(PATH), now)
    assert (ticket.emp_id, ticket.back) == (7, f"http://localhost{PAGE}?")
    for kept, said in ((False, "did not keep the cookie"), (True, "A browser kept the cookie")):
        now += timedelta(seconds=1)
        report = trips.report(Report(7, "track7.shop.test", kept, now))
        back = office.page(f"{PAGE}?report={report}")
        assert (back.status_code, back.headers["Location"]) == (303, PAGE)
        assert said in _text(office)


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:8081", "8.8.8.8", "localhost@evil.test", "a.local.evil.test"]
)
def test_a_round_trip_leads_to_no_other_public_host(office: Office, host: str) -> None:
    answer = office.page(f"{PAGE}/browser", key=SHOES, headers={"Host": host})
    if answer.status_code == 302:
        text = urlsplit(answer.headers["Location"]).path.removeprefix(PATH)
        ticket = RoundTrips(office.keys).read_ticket(text, datetime.now(UTC))
        assert ticket.back.startswith(office.app.extensions["salepixel"].settings.plugin_url + "/")
    else:
        assert answer.status_code == 400


def test_a_report_counts_only_for_its_own_account(office: Office) -> None:
    report = RoundTrips(office.keys).report(Report(7, "track7.shop.test", True, datetime.now(UTC)))
    assert office.page(f"/accounts/8/first-steps?report={report}", key=HATS).status_code == 404
    assert office.page("/accounts/8/first-steps?report=x", key=HATS).status_code == 303
    with office.database.read() as connection:
        assert read_findings(connection, 7) == read_findings(connection, 8) == {}


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/check"), ("GET", "/browser")])
def test_another_accounts_steps_are_not_shown(office: Office, method: str, path: str) -> None:
    assert office.page(PAGE + path, key=HATS, method=method).status_code == 404


def test_an_account_is_created_by_page(office: Office) -> None:
    form = Form(office.page("/accounts/new").text, "/accounts/new")
    sent = form.fields | {"emp_id": "9", "name": "Bags", "site": "bags.test", "tracking_host": ""}
    answer = office.page("/accounts/new", method="POST", data=sent)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/accounts/9/first-steps")
    assert "Bags sells on bags.test." in _text(office, "/accounts/9/first-steps")
    again = office.page("/accounts/new", method="POST", data=sent)
    assert again.status_code == 422
    assert "Account 9 already exists" in again.text
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {}


def test_a_field_that_a_form_does_not_have_is_left_out(office: Office) -> None:
    sent = {"name": "Boots", "site": "", "tracking_host": "", "currency": "EUR", "emp_id": "9", "extra": "x"}
    assert office.page(f"{PAGE}/account", method="POST", data=sent).status_code == 303
    assert office.get("/accounts/7")["name"] == "Boots"
    assert office.page("/accounts/new", method="POST", data=sent).status_code == 303
    shop = {"api_url": "https://shop.test/graphql/", "extra": "x"}
    assert office.page(f"{PAGE}/shop", method="POST", data=shop).status_code == 303


def test_an_account_is_created_only_with_all_rights(office: Office) -> None:
    assert "/accounts/new" not in office.page("/", key=SHOES).text
    sent = {"emp_id": "9", "name": "Bags", "site": "", "tracking_host": "", "currency": "EUR"}
    assert office.page("/accounts/new", key=SHOES).status_code == 403
    assert office.page("/accounts/new", key=SHOES, method="POST", data=sent).status_code == 403


def test_the_steps_are_shown_in_spanish(office: Office) -> None:
    text = _text(office, f"{PAGE}?lang=es")
    assert "Primeros pasos" in text
    assert "Introduzca el dominio de su tienda" in text
    assert "Por hacer" in text
