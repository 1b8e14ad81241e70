"""People sign in with a password and a code, by invitation, and what attacks on that find."""

import base64
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from salepixel.accounts.principal import FULL, Rights, Role
from salepixel.people import invitations, passwords, store, totp
from salepixel.people.joining import accept, join, see_invitation
from salepixel.people.sessions import PREFIX
from salepixel_plugin.wrong_passwords import MAX_OF_NAME
from tests.plugin.conftest import SHOES, Office

PASSWORD = "correct horse battery"
EDITOR = Rights(Role.EDITOR)


def invite(office: Office, email: str, rights: Rights = FULL, emp_id: int = 7) -> str:
    with office.database.write() as connection:
        return invitations.add_invitation(connection, emp_id, email, rights, datetime.now(UTC))[1]


def add_person(office: Office, email: str = "ana@shop.test", rights: Rights = FULL, emp_id: int = 7) -> None:
    secret = invite(office, email, rights, emp_id)
    name, now = email.partition("@")[0].title(), datetime.now(UTC)
    with office.database.write() as connection:
        join(
            connection,
            secret,
            accept(see_invitation(connection, secret, now), "", name, PASSWORD),
            name,
            "en",
            now,
        )


def sign_in(browser: FlaskClient, email: str = "ana@shop.test", password: str = PASSWORD) -> TestResponse:
    return browser.post("/login", data={"email": email, "password": password, "next": "/you"})


def signed_in(office: Office, email: str = "ana@shop.test") -> FlaskClient:
    browser = office.browser
    assert sign_in(browser, email).status_code == 303
    return browser


def _cookie(answer: TestResponse, name: str) -> str:
    found = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(f"{name}=")]
    return found[0] if found else ""


@pytest.fixture
def office(office: Office) -> Office:
    add_person(office)
    return office


def test_no_transaction_writes_while_a_password_is_hashed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer, and Argon2 takes long."""
    hashed = []

    def another_writer(*_: object) -> None:
        with closing(sqlite3.connect(str(office.database.engine.url.database), timeout=0)) as connection:
            connection.execute("BEGIN IMMEDIATE")
        hashed.append(1)

    class Hasher:
        def hash(self, password: str) -> str:
            another_writer()
            return real.hash(password)

        def verify(self, stored: str, password: str) -> bool:
            another_writer()
            return real.verify(stored, password)

    real = passwords._HASHER
    monkeypatch.setattr(passwords, "_HASHER", Hasher())
    name = {"name": "Bo", "password": PASSWORD}
    for email in ("bo@shop.test", "bo@shop.test"):  # of a new person, then of a known one
        emp_id = 7 if not hashed else 8
        answer = office.browser.post(f"/join/{invite(office, email, FULL, emp_id)}", data=name)
        assert answer.status_code == 303
    browser = signed_in(office)
    sealed = re.findall(r'name="sealed" value="([^"]+)"', browser.get("/you/second-factor").text)[0]
    sent = {"sealed": sealed, "password": PASSWORD, "code": "000000"}
    assert browser.post("/you/second-factor", data=sent).status_code == 422
    assert browser.post("/you/second-factor/off", data=sent).status_code == 303
    changed = {"old": PASSWORD, "password": "a completely new one"}
    assert browser.post("/you/password", data=changed).status_code == 303
    assert len(hashed) == 7


def test_a_person_signs_in_and_out(office: Office) -> None:
    browser = office.browser
    answer = sign_in(browser)
    assert (answer.status_code, answer.location) == (303, "/you")
    assert "ana@shop.test" in browser.get("/you").text
    assert browser.get("/accounts/7/policy").status_code == 200
    assert browser.get("/accounts/8/policy").status_code == 404
    browser.post("/logout")
    assert browser.get("/you").status_code == 303


def test_the_session_cookie_is_out_of_reach(office: Office) -> None:
    cookie = _cookie(sign_in(office.browser), "salepixel_session")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("email", "password"),
    [("ana@shop.test", "wrong"), ("nobody@shop.test", PASSWORD), ("", ""), ("\x00", "\ud800")],
)
def test_a_wrong_address_and_a_wrong_password_look_the_same(
    office: Office, email: str, password: str
) -> None:
    answer = sign_in(office.browser, email, password.encode("utf-8", "replace").decode())
    assert answer.status_code == 403
    assert "E-mail address or password is wrong." in answer.text
    assert not _cookie(answer, "salepixel_session")


def test_a_session_that_an_attacker_planted_is_not_used(office: Office) -> None:
    browser = office.browser
    planted = PREFIX + "a" * 43
    browser.set_cookie("salepixel_session", planted)
    cookie = _cookie(sign_in(browser), "salepixel_session")
    assert planted not in cookie
    victim = office.browser
    victim.set_cookie("salepixel_session", planted)
    assert victim.get("/you").status_code == 303


def test_signing_in_again_ends_the_earlier_session_of_this_browser(office: Office) -> None:
    browser, copy = signed_in(office), office.browser
    cookie = browser.get_cookie("salepixel_session")
    assert cookie is not None
    copy.set_cookie("salepixel_session", cookie.value)
    assert copy.get("/you").status_code == 200
    sign_in(browser)
    assert copy.get("/you").status_code == 303


@pytest.mark.parametrize(
    "path",
    ["/login", "/you", "/you/password", "/you/second-factor", "/you/sessions", "/accounts/7/members"],
)
def test_forms_of_other_sites_are_refused(office: Office, path: str) -> None:
    answer = signed_in(office).post(path, data={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_wrong_passwords_are_slowed_down_and_a_known_browser_is_not(office: Office) -> None:
    known = signed_in(office)
    known.post("/logout")
    for _ in range(MAX_OF_NAME):
        assert sign_in(office.browser, password="wrong").status_code == 403
    slowed = sign_in(office.browser)
    assert slowed.status_code == 429
    assert int(slowed.headers["Retry-After"]) > 0
    assert sign_in(known).status_code == 303


def test_an_unknown_name_is_slowed_down_like_a_known_one(office: Office) -> None:
    for _ in range(MAX_OF_NAME):
        assert sign_in(office.browser, "nobody@shop.test").status_code == 403
    assert sign_in(office.browser, "nobody@shop.test").status_code == 429


def test_the_second_factor_from_the_first_scan_to_a_recovery_code(office: Office) -> None:
    browser = signed_in(office)
    page = browser.get("/you/second-factor").text
    assert "<svg" in page
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    typed = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert sealed is not None
    assert typed is not None
    secret = base64.b32decode(typed[1].replace(" ", "")).hex()
    step = int(datetime.now(UTC).timestamp()) // totp.STEP_SECONDS
    wrong = {"sealed": sealed[1], "password": PASSWORD, "code": "12345"}
    refused = browser.post("/you/second-factor", data=wrong)
    assert refused.status_code == 422
    assert sealed[1] in refused.text, "the same secret, so that nobody scans twice"
    right = wrong | {"code": totp.code_at(secret, step)}
    codes = re.findall(
        r"\b[a-z2-9]{5}-[a-z2-9]{5}\b", browser.post("/you/second-factor", data=right).text.split("<pre>")[1]
    )
    assert len(codes) == 10
    other = office.browser
    first = sign_in(other)
    assert (first.location or "").startswith("/login/code")
    assert other.get("/you").status_code == 303, "the password alone opens nothing"
    assert other.get("/login/code").status_code == 200
    replayed = other.post("/login/code", data={"code": totp.code_at(secret, step), "next": "/you"})
    assert replayed.status_code == 403
    entered = other.post("/login/code", data={"code": codes[3], "next": "/you"})
    assert (entered.status_code, entered.location) == (303, "/you")
    assert "Recovery codes left: 9." in other.get("/you").text


def test_the_code_is_not_asked_for_without_a_password(office: Office) -> None:
    browser = office.browser
    assert browser.get("/login/code").location == "/login"
    assert (browser.post("/login/code", data={"code": "123456"}).location or "").startswith("/login")


def test_an_invitation_leads_to_the_account(office: Office) -> None:
    owner = signed_in(office)
    made = owner.post(
        "/accounts/7/members", data={"step": "invite", "email": "bo@shop.test", "role": "editor"}
    )
    link = re.search(r"/join/[\w-]+", made.text)
    assert link is not None
    assert link[0] not in owner.get("/accounts/7/members").text, "it is shown once"
    browser = office.browser
    page = browser.get(link[0])
    assert "You are invited to the account Shoes." in page.text
    for password, problem in (("short", "at least 12"), ("123456789123", "easy to guess")):
        answer = browser.post(link[0], data={"name": "Bo", "password": password})
        assert answer.status_code == 422
        assert problem in answer.text
    assert browser.post(link[0], data={"name": "", "password": PASSWORD}).status_code == 422
    assert browser.post(link[0], data={"name": "Bo", "password": PASSWORD}).status_code == 303
    assert "Bo" in browser.get("/you").text
    assert office.browser.get(link[0]).status_code == 404
    assert office.browser.post(link[0], data={"name": "Eve", "password": PASSWORD}).status_code == 404


def test_an_editor_makes_nobody_an_owner(office: Office) -> None:
    add_person(office, "bo@shop.test", EDITOR)
    with office.database.read() as connection:
        bo = store.find_by_email(connection, "bo@shop.test")
    assert bo is not None
    browser = signed_in(office, "bo@shop.test")
    for data in (
        {"step": "change", "person": bo.id, "role": "owner"},
        {"step": "invite", "email": "eve@shop.test", "role": "owner"},
        {"step": "remove", "person": bo.id},
    ):
        for path in ("/accounts/7/members", "/members"):
            assert browser.post(path, data=data).status_code == 403
        assert browser.post("/accounts/8/members", data=data).status_code == 404
    assert browser.get("/accounts/7/members").status_code == 403


def test_a_changed_role_holds_at_once(office: Office) -> None:
    add_person(office, "bo@shop.test", EDITOR)
    owner, bo = signed_in(office), signed_in(office, "bo@shop.test")
    flow = {"name": "Welcome"}
    assert bo.post("/accounts/7/flows", data=flow).status_code == 303
    with office.database.read() as connection:
        person = store.find_by_email(connection, "bo@shop.test")
    assert person is not None
    change = {"step": "change", "person": person.id, "role": "viewer"}
    assert owner.post("/accounts/7/members", data=change).status_code == 303
    assert bo.post("/accounts/7/flows", data=flow).status_code == 403
    assert bo.get("/accounts/7/flows").status_code == 200
    owner.post("/accounts/7/members", data={"step": "remove", "person": person.id})
    assert bo.get("/accounts/7/flows").status_code == 303, "she has no account, so she is signed out"


def test_the_last_owner_stays(office: Office) -> None:
    owner = signed_in(office)
    with office.database.read() as connection:
        ana = store.find_by_email(connection, "ana@shop.test")
    assert ana is not None
    answer = owner.post("/accounts/7/members", data={"step": "remove", "person": ana.id})
    assert answer.status_code == 422
    assert "You cannot remove the last owner" in answer.text


def test_a_person_changes_name_and_language_and_ends_sessions(office: Office) -> None:
    one, other = signed_in(office), signed_in(office)
    assert one.post("/you", data={"name": "Ana García", "language": "es"}).status_code == 303
    page = one.get("/you").text
    assert "Ana García" in page
    assert "Su acceso" in page
    assert one.post("/you", data={"name": "", "language": "es"}).status_code == 422
    assert one.post("/you/sessions", data={}).status_code == 303
    assert one.get("/you").status_code == 200
    assert other.get("/you").status_code == 303


def test_a_new_password_ends_other_sessions(office: Office) -> None:
    one, other = signed_in(office), signed_in(office)
    wrong = {"old": "wrong", "password": "a completely new one"}
    assert one.post("/you/password", data=wrong).status_code == 422
    assert one.post("/you/password", data=wrong | {"old": PASSWORD}).status_code == 303
    assert one.get("/you").status_code == 200
    assert other.get("/you").status_code == 303


def test_a_key_still_signs_in_and_has_no_access_of_its_own(office: Office) -> None:
    browser = office.browser
    assert browser.post("/login", data={"key": SHOES}).status_code == 303
    assert browser.get("/accounts/7/members").status_code == 200
    assert browser.get("/you").status_code == 403
