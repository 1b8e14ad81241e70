"""Signing in with a key, and what other sites cannot make a browser do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from salepixel.accounts.api_keys import add_api_key
from salepixel.keys import Keys
from salepixel.settings import PluginSettings
from salepixel.storage.schema import rejections, sessions
from salepixel_plugin.app import create_app
from salepixel_plugin.wrong_keys import MAX_WRONG_KEYS, WINDOW_SECONDS
from tests.plugin.conftest import SHOES, Office


def _enter(browser: FlaskClient, key: str = SHOES, **rest: Any) -> TestResponse:
    return browser.post("/login", data={"key": key, "next": rest.pop("next", "/")}, **rest)


def test_signing_in_returns_to_the_requested_page(office: Office) -> None:
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


def test_the_first_page_is_the_overview_of_the_only_account(office: Office) -> None:
    browser = office.browser
    assert _enter(browser).location == "/start"
    assert browser.get("/start").location == "/", "before the first campaign: the first steps"
    office.campaign()
    assert browser.get("/start").location == "/accounts/7"
    assert browser.get("/accounts/7").status_code == 200
    assert office.page("/start").location == "/", "the campaigns of several accounts"


def test_a_wrong_key_is_refused(office: Office) -> None:
    for key in ("", "wrong", "\x00", "é" * 1000):
        browser = office.browser
        answer = _enter(browser, key)
        assert answer.status_code == 403
        assert "This API key is not valid" in answer.text
        assert browser.get("/").status_code == 303
    assert office.page("/", "wrong").status_code == 401


def test_the_session_cookie_is_hidden_from_scripts_and_other_sites(office: Office) -> None:
    cookie = _enter(office.browser).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires=" in cookie
    assert "Secure" not in cookie
    assert SHOES not in cookie


def test_the_session_cookie_is_secure_if_the_plugin_uses_https(office: Office) -> None:
    here = office.app.extensions["salepixel"]
    settings = PluginSettings.load({"SALEPIXEL_PLUGIN_URL": "https://sales.shop.test"})
    app = create_app(settings, database=here.database, redis=here.redis, keys=here.keys)
    assert "Secure" in _enter(app.test_client(), base_url="https://sales.shop.test").headers["Set-Cookie"]


def test_a_user_sees_what_their_key_opens(office: Office) -> None:
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


def test_a_session_does_not_open_the_api(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    assert browser.get("/api/v1/campaigns").status_code == 401


def test_a_session_ends_with_its_key(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    with office.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM api_keys")
    assert browser.get("/").status_code == 303


def _cookie(browser: FlaskClient) -> str:
    found = browser.get_cookie("salepixel_session")
    assert found is not None
    return found.value


def _copy(office: Office, cookie: str) -> FlaskClient:
    """Another browser that got hold of the cookie."""
    thief = office.browser
    thief.set_cookie("salepixel_session", cookie)
    return thief


def test_signing_out_ends_every_copy_of_the_cookie(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    thief = _copy(office, _cookie(browser))
    assert thief.get("/").status_code == 200
    browser.post("/logout")
    assert thief.get("/").status_code == 303


def test_revoking_a_key_ends_its_sessions_even_if_the_key_returns(office: Office) -> None:
    made = office.post("/accounts/7/keys", {"name": "mailer"})
    browser = office.browser
    _enter(browser, made["key"])
    thief = _copy(office, _cookie(browser))
    assert office.call("DELETE", f"/keys/{made['id']}").status_code == 200
    assert [each.get("/").status_code for each in (browser, thief)] == [303, 303]
    with office.database.write() as connection:
        add_api_key(connection, made["key"], 7, "mailer", datetime.now(UTC))
    assert [each.get("/").status_code for each in (browser, thief)] == [303, 303]


def test_signing_in_again_ends_the_earlier_session_of_the_browser(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    thief = _copy(office, _cookie(browser))
    _enter(browser)
    assert thief.get("/").status_code == 303
    assert browser.get("/").status_code == 200


def test_a_session_expires_even_if_the_cookie_is_kept(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    with office.database.write() as connection:
        connection.execute(sa.update(sessions).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert browser.get("/").status_code == 303
    _enter(office.browser)
    with office.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(sessions)) == 1


def test_the_cookie_is_an_id_and_the_database_stores_its_digest(office: Office) -> None:
    browser = office.browser
    _enter(browser)
    with office.database.read() as connection:
        row = connection.execute(sa.select(sessions)).one()
    assert _cookie(browser) not in str(row)
    assert _cookie(browser) != _cookie(_entered(office))


def _entered(office: Office) -> FlaskClient:
    browser = office.browser
    _enter(browser)
    return browser


def test_rotating_keys_signs_nobody_out(office: Office) -> None:
    here = office.app.extensions["salepixel"]
    browser = _entered(office)
    browser.get("/?lang=es")
    rotated = Keys(2, {**here.keys.secrets, 2: bytes(32)})
    app = create_app(here.settings, database=here.database, redis=here.redis, keys=rotated)
    after = app.test_client()
    for name in ("salepixel_session", "salepixel_language"):
        cookie = browser.get_cookie(name)
        assert cookie is not None
        after.set_cookie(name, cookie.value)
    answer = after.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Language"] == "es"


WRONG = [f"a wrong key, number {number}" for number in range(MAX_WRONG_KEYS)]


def test_ten_wrong_keys_limit_only_their_own_ip_address(office: Office) -> None:
    for key in WRONG:
        assert _enter(office.browser, key).status_code == 403
    slowed = _enter(office.browser, SHOES)
    assert slowed.status_code == 429
    assert 0 < int(slowed.headers["Retry-After"]) <= WINDOW_SECONDS
    assert "wrong keys" in slowed.text
    assert office.call("GET", "/campaigns", key=SHOES).status_code == 429
    elsewhere: Any = {"REMOTE_ADDR": "198.51.100.7"}
    assert _enter(office.browser, SHOES, environ_base=elsewhere).status_code == 303
    office.store_counts()
    with office.database.read() as connection:
        counted = connection.execute(sa.select(rejections.c.reason, rejections.c.count)).all()
    assert dict(tuple(row) for row in counted) == {
        "bad_key": MAX_WRONG_KEYS,
        "too_many_wrong_keys": 1,
    }


def test_a_key_that_was_valid_before_is_not_limited(office: Office) -> None:
    assert office.call("GET", "/campaigns", key=SHOES).status_code == 200
    for key in WRONG:
        assert office.call("GET", "/campaigns", key=key).status_code == 401
    assert office.call("GET", "/campaigns", key="one more").status_code == 429
    assert office.call("GET", "/campaigns", key=SHOES).status_code == 200
    assert _enter(office.browser, SHOES).status_code == 303


def test_wrong_keys_never_limit_webhooks(office: Office) -> None:
    for key in WRONG:
        _enter(office.browser, key)
    for _ in range(3):
        assert office.browser.post("/saleor/webhooks", data=b"{}").status_code == 401


@pytest.mark.parametrize(("proxies", "slowed"), [("0", 429), ("1", 303)])
def test_forwarded_addresses_count_only_for_configured_proxies(
    office: Office, proxies: str, slowed: int
) -> None:
    here = office.app.extensions["salepixel"]
    settings = PluginSettings.load({"SALEPIXEL_PLUGIN_PROXIES": proxies})
    app = create_app(settings, database=here.database, redis=here.redis, keys=here.keys)
    for key in WRONG:
        _enter(app.test_client(), key, headers={"X-Forwarded-For": "203.0.113.9"})
    headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}  # the first is what the client says
    assert _enter(app.test_client(), SHOES, headers=headers).status_code == slowed


def test_a_forged_cookie_opens_no_session(office: Office) -> None:
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
    assert _enter(office.browser, next=there).location == "/start"
    form = office.browser.get("/login", query_string={"next": there})
    assert 'name="next" value="/start"' in form.text


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
def test_our_own_pages_can_send_their_forms(office: Office, headers: dict[str, str]) -> None:
    campaign = office.campaign()
    browser = office.browser
    assert _enter(browser, headers=headers).status_code == 303
    path = f"/campaigns/{campaign['id']}/links/{campaign['links'][0]['id']}"
    assert browser.post(path, data={"sale_pixel": "off"}, headers=headers).status_code == 303
    assert office.get(f"/campaigns/{campaign['id']}")["links"][0]["sale_pixel"] is False
