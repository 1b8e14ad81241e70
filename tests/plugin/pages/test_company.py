"""People sign in with their company account, at a real OpenID provider on this machine and at bad ones."""

import json
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import jwt
import pytest
import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient
from freezegun import freeze_time
from jwt.algorithms import RSAAlgorithm
from werkzeug.test import TestResponse

from salepixel.accounts.principal import Rights, Role
from salepixel.people import use_cases
from salepixel.people.openid import Client, Provider
from salepixel_plugin.company_sign_in import CompanySignIn
from tests.far_host import FarHost, answers
from tests.plugin.conftest import OWNER_OF_7, Office
from tests.plugin.pages.test_signing_in import add_person
from tests.plugin.test_tally import counted

BEGIN, BACK = "/login/company", "/login/company/back"
# The provider's own, of authlib.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
_KEY = rsa.generate_private_key(65537, 2048)


def connect(office: Office, issuer: str) -> None:
    provider = Provider(Client(issuer, "salepixel", "a secret: / + é"))
    office.app.extensions["salepixel_company"] = CompanySignIn(provider, threading.BoundedSemaphore(2))


def invite(office: Office, email: str) -> None:
    with office.database.write() as connection:
        rights = Rights(Role.VIEWER)
        use_cases.invite(connection, OWNER_OF_7, 7, email, rights, datetime.now(UTC))


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A real provider; each person signs in there with a name only."""
    with warnings.catch_warnings(action="ignore"):  # that of authlib, which it is made with
        import oidc_provider_mock  # type: ignore[import-untyped]
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


def _person(issuer: str, who: str, /, **claims: object) -> None:
    assert requests.put(f"{issuer}/users/{quote(who)}", json=claims, timeout=5).status_code == 204


def _at_the_provider(browser: FlaskClient, name: str, there: str = "/you") -> str:
    """The address with which the browser comes back."""
    to_provider = browser.get(f"{BEGIN}?next={quote(there)}")
    assert to_provider.status_code == 303
    answer = requests.post(to_provider.location, data={"sub": name}, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["Location"])
    assert back.path == BACK
    return f"{back.path}?{back.query}"


def _sign_in(office: Office, name: str) -> tuple[FlaskClient, TestResponse]:
    browser = office.browser
    return browser, browser.get(_at_the_provider(browser, name))


def test_an_invited_person_signs_in_with_the_company_account(office: Office, issuer: str) -> None:
    connect(office, issuer)
    _person(issuer, "ana", email="Ana@Shop.test", email_verified=True, name="Ana Ruiz")
    invite(office, "ana@shop.test")
    browser, answer = _sign_in(office, "ana")
    assert (answer.status_code, answer.location) == (303, "/you")
    page = unescape(browser.get("/you").text)
    assert "ana@shop.test" in page
    assert "You sign in with your company account, and have no password here." in page
    assert 'name="old"' not in page
    assert browser.get("/accounts/7/policy").status_code == 200
    assert browser.get("/accounts/8/policy").status_code == 404
    _person(issuer, "ana", email="new-name@shop.test", email_verified=False)
    browser, answer = _sign_in(office, "ana")
    assert answer.status_code == 303, "linked, whatever the address is now"


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"email": "eve@shop.test", "email_verified": True}, "eve@shop.test is not invited to Salepixel."),
        ({"email": "bo@shop.test", "email_verified": False}, "does not say that your e-mail address is"),
        ({"email": "bo@shop.test"}, "does not say that your e-mail address is verified"),
        ({}, "does not say that your e-mail address is verified"),
    ],
)
def test_others_are_told_what_to_do(
    office: Office, issuer: str, claims: dict[str, Any], sentence: str
) -> None:
    connect(office, issuer)
    invite(office, "bo@shop.test")
    _person(issuer, "other", **claims)
    browser, answer = _sign_in(office, "other")
    assert (answer.status_code, sentence in unescape(answer.text)) == (403, True)
    assert browser.get("/you").status_code == 303
    assert "Este inicio de sesión ha caducado" in browser.get(f"{BACK}?lang=es").text


def test_a_second_factor_that_is_on_is_asked_for(office: Office, issuer: str) -> None:
    connect(office, issuer)
    add_person(office, "cy@shop.test")
    with office.database.write() as connection:
        connection.exec_driver_sql("UPDATE people SET totp_secret = 'sealed 1 x'")
    _person(issuer, "cy", email="cy@shop.test", email_verified=True)
    browser, answer = _sign_in(office, "cy")
    assert answer.location.startswith("/login/code")
    assert browser.get("/you").status_code == 303


def test_an_answer_is_used_once_and_only_by_the_browser_that_asked(office: Office, issuer: str) -> None:
    connect(office, issuer)
    _person(issuer, "ana", email="ana@shop.test", email_verified=True)
    invite(office, "ana@shop.test")
    browser, thief = office.browser, office.browser
    back = _at_the_provider(browser, "ana")
    assert thief.get(back).status_code == 403, "without the cookie"
    thief.get(BEGIN)
    assert thief.get(back).status_code == 403, "with a cookie of another sign-in"
    cookie = browser.get_cookie("salepixel_company", path="/")
    assert cookie is not None
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 403, "a second time"
    thief.set_cookie("salepixel_company", cookie.value)
    assert thief.get(back).status_code == 403, "a copy of the cookie, and a code that was used"
    office.store_counts()
    assert counted(office.database)["openid", "code_refused"] == 1


def test_a_sign_in_that_takes_too_long_begins_again(office: Office, issuer: str) -> None:
    connect(office, issuer)
    browser = office.browser
    back = _at_the_provider(browser, "ana")
    with freeze_time(datetime.now(UTC) + timedelta(minutes=11), ignore=["werkzeug"]):
        answer = browser.get(back)
    assert (answer.status_code, "Begin again." in answer.text) == (403, True)


def test_a_sign_in_that_was_cancelled_says_so(office: Office, issuer: str) -> None:
    connect(office, issuer)
    browser = office.browser
    state = parse_qs(urlsplit(browser.get(BEGIN).location).query)["state"][0]
    answer = browser.get(f"{BACK}?error=access_denied&state={state}")
    assert (answer.status_code, "did not confirm" in answer.text) == (403, True)


def test_the_button_is_there_only_with_a_provider(office: Office, issuer: str) -> None:
    assert BEGIN not in office.browser.get("/login").text
    assert office.browser.get(BEGIN).status_code == 404
    assert office.browser.get(BACK).status_code == 404
    connect(office, issuer)
    assert f"{BEGIN}?next=/accounts/7" in office.browser.get("/login?next=/accounts/7").text
    assert "con la cuenta de su empresa" in office.browser.get("/login?lang=es").text


@pytest.mark.parametrize("there", ["https://evil.test/", "//evil.test", "/\\evil.test"])
def test_nobody_is_sent_to_another_site_afterwards(office: Office, issuer: str, there: str) -> None:
    connect(office, issuer)
    _person(issuer, "ana", email="ana@shop.test", email_verified=True)
    invite(office, "ana@shop.test")
    browser = office.browser
    assert browser.get(_at_the_provider(browser, "ana", there)).location == "/start"


@contextmanager
def _provider(**changed: Any) -> Iterator[FarHost]:
    """A provider of our own that answers as the test says."""
    with FarHost() as host:
        document = {
            "issuer": host.url,
            "authorization_endpoint": f"{host.url}/authorize?tenant=1",
            "token_endpoint": f"{host.url}/token",
            "jwks_uri": f"{host.url}/keys",
            "userinfo_endpoint": f"{host.url}/me",
            **changed,
        }
        host.answers["/.well-known/openid-configuration"] = answers(content=document)
        host.answers["/keys"] = answers(
            content={"keys": [json.loads(RSAAlgorithm.to_jwk(_KEY.public_key()))]}
        )
        yield host


def _answer(office: Office, host: FarHost, claims: dict[str, Any], **more: Any) -> TestResponse:
    browser = office.browser
    sent = parse_qs(urlsplit(browser.get(BEGIN).location).query)
    now = int(time.time())
    own = {"iss": host.url, "aud": "salepixel", "sub": "u", "exp": now + 60, "iat": now}
    token = jwt.encode({**own, "nonce": sent["nonce"][0], **claims}, _KEY, "RS256")
    host.answers["/token"] = answers(content={"id_token": token, **more})
    return browser.get(f"{BACK}?code=c&state={sent['state'][0]}")


def test_the_code_goes_with_our_secret_and_the_verifier_of_the_challenge(office: Office) -> None:
    with _provider() as host:
        connect(office, host.url)
        browser = office.browser
        address = browser.get(BEGIN).location
        sent = parse_qs(urlsplit(address).query)
        assert address.startswith(f"{host.url}/authorize?tenant=1&")
        assert sent["code_challenge_method"] == ["S256"]
        host.answers["/token"] = answers(400, {"error": "invalid_grant"})
        assert browser.get(f"{BACK}?code=c&state={sent['state'][0]}").status_code == 403
        (request,) = (one for one in host.requests if one.target == "/token")
        form = parse_qs(request.body.decode())
        assert create_s256_code_challenge(form["code_verifier"][0]) == sent["code_challenge"][0]
        assert form["redirect_uri"] == sent["redirect_uri"] == [f"http://127.0.0.1:8081{BACK}"]
        assert request.headers["authorization"].startswith("Basic ")
        assert "client_secret" not in form


def test_a_secret_goes_into_the_body_where_the_provider_wants_it(office: Office) -> None:
    with _provider(token_endpoint_auth_methods_supported=["client_secret_post"]) as host:
        connect(office, host.url)
        _answer(office, host, {})
        (request,) = (one for one in host.requests if one.target == "/token")
        assert parse_qs(request.body.decode())["client_secret"] == ["a secret: / + é"]
        assert "authorization" not in request.headers


def test_an_address_that_is_not_in_the_token_is_asked_for(office: Office) -> None:
    invite(office, "ana@shop.test")
    with _provider() as host:
        connect(office, host.url)
        user = {"sub": "u", "email": "ana@shop.test", "email_verified": True}
        host.answers["/me"] = answers(content=user | {"sub": "another"})
        assert _answer(office, host, {}, access_token="t").status_code == 403
        host.answers["/me"] = answers(content=user)
        assert _answer(office, host, {}, access_token="t").status_code == 303


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.test"}, "other_issuer"),
        ({"aud": "another"}, "other_audience"),
        ({"nonce": "of another sign-in"}, "other_nonce"),
        ({"exp": 1}, "expired"),
    ],
)
def test_a_bad_token_begins_no_session_and_its_reason_is_counted(
    office: Office, claims: dict[str, Any], reason: str
) -> None:
    invite(office, "ana@shop.test")
    with _provider() as host:
        connect(office, host.url)
        known = {"email": "ana@shop.test", "email_verified": True}
        answer = _answer(office, host, known | claims)
        assert (answer.status_code, "did not confirm" in answer.text) == (403, True)
        assert _answer(office, host, known).status_code == 303
    office.store_counts()
    assert counted(office.database)["openid", reason] == 1


def test_new_keys_of_the_provider_are_asked_for_at_most_once_a_minute(office: Office) -> None:
    now = [0.0]
    with _provider() as host:
        provider = Provider(Client(host.url, "salepixel", "s"), lambda: now[0])
        office.app.extensions["salepixel_company"] = CompanySignIn(provider, threading.BoundedSemaphore(2))
        new = json.loads(RSAAlgorithm.to_jwk(_KEY.public_key())) | {"kid": "new"}
        old = {"keys": [new | {"alg": "RS512"}, new | {"kty": "EC"}]}
        host.answers["/keys"] = answers(content=old)
        assert _answer(office, host, {}).status_code == 503, "a set without any key that can be used"
        weak = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key()))
        host.answers["/keys"] = answers(content={"keys": [weak | {"kid": "old"}]})

        def asked() -> int:
            return len([one for one in host.requests if one.target == "/keys"])

        before = asked()
        assert _with_key_id(office, host, "new").status_code == 403
        assert _with_key_id(office, host, "new").status_code == 403
        assert asked() == before + 1
        host.answers["/keys"] = answers(content={"keys": [new]})
        now[0] += 61
        assert "does not say that your e-mail" in unescape(_with_key_id(office, host, "new").text)
        assert asked() == before + 2


def _with_key_id(office: Office, host: FarHost, kid: str) -> TestResponse:
    browser = office.browser
    sent = parse_qs(urlsplit(browser.get(BEGIN).location).query)
    now = int(time.time())
    claims = {"iss": host.url, "aud": "salepixel", "sub": "u", "exp": now + 60, "iat": now}
    token = jwt.encode({**claims, "nonce": sent["nonce"][0]}, _KEY, "RS256", headers={"kid": kid})
    host.answers["/token"] = answers(content={"id_token": token})
    return browser.get(f"{BACK}?code=c&state={sent['state'][0]}")


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": None},
        {"jwks_uri": "ftp://x.test/"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_a_provider_with_a_bad_document_is_not_used(office: Office, changed: dict[str, Any]) -> None:
    with _provider(**changed) as host:
        connect(office, host.url)
        answer = office.browser.get(BEGIN)
    assert (answer.status_code, "salepixel doctor" in answer.text) == (503, True)
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize(
    "token",
    [answers(500), answers(200, b"x"), answers(200, []), answers(401, {"error": "invalid_client"})],
)
def test_a_provider_that_fails_is_transient_and_the_same_answer_can_be_sent_again(
    office: Office, token: Any
) -> None:
    invite(office, "ana@shop.test")
    with _provider() as host:
        connect(office, host.url)
        browser = office.browser
        sent = parse_qs(urlsplit(browser.get(BEGIN).location).query)
        host.answers["/token"] = token
        assert browser.get(f"{BACK}?code=c&state={sent['state'][0]}").status_code == 503
        now = int(time.time())
        claims = {"iss": host.url, "aud": "salepixel", "sub": "u", "exp": now + 60, "iat": now}
        claims |= {"nonce": sent["nonce"][0], "email": "ana@shop.test", "email_verified": True}
        host.answers["/token"] = answers(content={"id_token": jwt.encode(claims, _KEY, "RS256")})
        assert browser.get(f"{BACK}?code=c&state={sent['state'][0]}").status_code == 303


def test_few_threads_wait_for_a_slow_provider(office: Office, issuer: str) -> None:
    connect(office, issuer)
    company = office.app.extensions["salepixel_company"]
    with company.slot(), company.slot():
        assert office.browser.get(BEGIN).status_code == 503
    assert office.browser.get(BEGIN).status_code == 303
