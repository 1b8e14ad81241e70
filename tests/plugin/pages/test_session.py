"""Signing in with a key, and what other sites cannot make a browser do."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from salepixel.settings import PluginSettings
from salepixel_plugin.app import create_app
from tests.plugin.conftest import SHOES, Office


def _enter(browser: FlaskClient, key: str = SHOES, **rest: Any) -> TestResponse:
    return browser.post("/login", data={"key": key, "next": rest.pop("next", "/")}, **rest)


def test_who_is_not_signed_in_is_led_to_the_form_and_back(office: Office) -> None:
    browser = office.browser
    campaign = office.campaign()["id"]
    there = f"/campaigns/{campaign}/sales?lang=es"
    first = browser.get(there)
    assert first.status_code == 303
    form = browser.get(first.location or "")
    assert form.status_code == 200
    assert f'value="{there}"' in form.text
    entered = _enter(browser, next=there)
    assert (entered.status_code, entered.location) == (303, there)
    assert browser.get(there).status_code == 200


def test_a_wrong_key_does_not_enter(office: Office) -> None:
    for key in ("", "wrong", "\x00", "é" * 1000):
        browser = office.browser
        answer = _enter(browser, key)
        assert answer.status_code == 403
        assert "This API key is not known" in answer.text
        assert browser.get("/").status_code == 303
    assert office.page("/", "wrong").status_code == 401


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(office: Office) -> None:
    cookie = _enter(office.browser).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires=" in cookie
    assert "Secure" not in cookie
    assert SHOES not in cookie


def test_the_session_cookie_is_secure_where_the_plugin_is(office: Office) -> None:
    here = office.app.extensions["salepixel"]
    settings = PluginSettings.load({"SALEPIXEL_PLUGIN_URL": "https://sales.shop.test"})
    app = create_app(settings, database=here.database, redis=here.redis, keys=here.keys)
    assert "Secure" in _enter(app.test_client(), base_url="https://sales.shop.test").headers["Set-Cookie"]


def test_a_person_sees_what_their_key_opens(office: Office) -> None:
    office.campaign(7, name="Shoes in autumn")
    office.campaign(8, name="Hats in autumn")
    browser = office.browser
    _enter(browser)
    page = browser.get("/").text
    assert "Shoes in autumn" in page
    assert "Hats in autumn" not in page


def test_signing_out_ends_the_session(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    assert browser.get("/").status_code == 200
    assert browser.get("/logout").status_code == 405
    assert browser.post("/logout").status_code == 303
    assert browser.get("/").status_code == 303


def test_a_session_is_no_key_for_the_api(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    assert browser.get("/api/v1/campaigns").status_code == 401


def test_a_session_ends_with_its_key(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    with office.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM api_keys")
    assert browser.get("/").status_code == 303


def test_a_forged_cookie_is_no_session(office: Office) -> None:
    browser = office.browser
    browser.set_cookie("salepixel_session", "eyJrZXkiOiJ4In0.aaaa.bbbb")
    assert browser.get("/").status_code == 303


ELSEWHERE = [
    "https://evil.test/",
    "//evil.test/",
    "/\\evil.test/",
    "\\\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "javascript:alert(1)",
    "evil.test",
    "http:evil.test",
    "",
    "///evil.test",
    "/%0a/evil.test\x00",
]


@pytest.mark.parametrize("there", ELSEWHERE)
def test_signing_in_never_leads_to_another_site(office: Office, there: str) -> None:
    assert _enter(office.browser, next=there).location == "/"
    form = office.browser.get("/login", query_string={"next": there})
    assert 'name="next" value="/"' in form.text


FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
]
OURS: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://localhost"},
    {"Origin": "http://127.0.0.1:8081"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_cannot_send_our_forms(office: Office, headers: dict[str, str]) -> None:
    campaign = office.campaign()
    browser = office.browser
    assert _enter(browser, headers=headers).status_code == 403
    _enter(browser)
    path = f"/campaigns/{campaign['id']}/links/{campaign['links'][0]['id']}"
    for sent in ({"sale_pixel": "off"}, {"active": "off"}, {"url": "https://evil.test/"}):
        assert browser.post(path, data=sent, headers=headers).status_code == 403
    assert browser.post("/logout", headers=headers).status_code == 403
    assert office.get(f"/campaigns/{campaign['id']}")["links"] == campaign["links"]


@pytest.mark.parametrize("headers", OURS)
def test_our_own_pages_can(office: Office, headers: dict[str, str]) -> None:
    campaign = office.campaign()
    browser = office.browser
    assert _enter(browser, headers=headers).status_code == 303
    path = f"/campaigns/{campaign['id']}/links/{campaign['links'][0]['id']}"
    assert browser.post(path, data={"sale_pixel": "off"}, headers=headers).status_code == 303
    assert office.get(f"/campaigns/{campaign['id']}")["links"][0]["sale_pixel"] is False
