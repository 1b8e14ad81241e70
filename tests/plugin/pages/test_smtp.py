"""SMTP settings of an account, by page and API: kept secret, tested by a button, never sent elsewhere."""

from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.smtp.server import Encryption, Server
from salepixel.storage.schema import smtp_servers
from tests.plugin.conftest import HATS, SHOES, Office
from tests.smtp.post_office import post_office

PAGE = "/accounts/7/email"
CALL = "/accounts/7/smtp"
FORM = {
    "host": "smtp.shop.test",
    "port": "587",
    "encryption": "starttls",
    "user": "news",
    "password": "wordpass",
    "sender": "news@shop.test",
    "sender_name": "Shoes",
}


def _send(office: Office, key: str = SHOES, **changed: str) -> Any:
    return office.page(PAGE, method="POST", data=FORM | changed, key=key)


def _stored(office: Office) -> Any:
    with office.database.read() as connection:
        return connection.execute(sa.select(smtp_servers)).mappings().one()


def test_the_password_is_stored_encrypted_and_never_shown(office: Office) -> None:
    assert _send(office).status_code == 303
    row = _stored(office)
    assert row["password"].startswith("sealed ")
    for text in (office.page(PAGE).text, office.page(PAGE + "?lang=es").text, office.call("GET", CALL).text):
        assert "wordpass" not in text
        assert "smtp.shop.test" in text
    assert "wordpass" not in _send(office, sender="x").text


def test_an_empty_password_keeps_the_stored_one_for_the_same_server_only(office: Office) -> None:
    _send(office)
    before = _stored(office)["password"]
    assert _send(office, password="", sender="other@shop.test").status_code == 303
    assert _stored(office)["password"] == before
    for changed in (
        {"host": "evil.test"},
        {"port": "2525"},
        {"user": "other"},
        {"encryption": "none"},
        {"encryption": "tls"},
    ):
        assert _send(office, password="", **changed).status_code == 422
        body = FORM | changed | {"password": None, "port": int(changed.get("port", "587"))}
        assert office.call("PUT", CALL, body).status_code == 422
    assert (_stored(office)["host"], _stored(office)["password"]) == ("smtp.shop.test", before)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"host": "no host"}, "host"),
        ({"host": ""}, "host"),
        ({"port": "0"}, "port"),
        ({"port": "99999999999"}, "port"),
        ({"port": "²"}, "port"),
        ({"sender": "shop"}, "sender"),
        ({"sender": "a@b@shop.test"}, "sender"),
        ({"sender": "a\n@shop.test"}, "sender"),
        ({"user": ""}, "user"),
        ({"password": ""}, "password"),
        ({"encryption": "none"}, "encryption"),
    ],
)
def test_what_is_wrong_is_named_at_its_field(office: Office, changed: dict[str, str], field: str) -> None:
    answer = _send(office, **changed)
    assert answer.status_code == 422
    assert f'id="bad-{field}"' in answer.text
    with office.database.read() as connection:
        assert connection.execute(sa.select(smtp_servers)).first() is None


def test_the_button_says_what_became_of_the_test(office: Office) -> None:
    def test(to: str = "ana@shop.test", lang: str = "en") -> str:
        answer = office.page(f"{PAGE}/test?lang={lang}", method="POST", data={"recipient": to}, key=SHOES)
        return unescape(answer.text)

    assert "Salepixel cannot send e-mails for this account yet." in test()
    with post_office() as place:
        settings = {"host": "127.0.0.1", "port": str(place.port), "encryption": "none"}
        _send(office, **settings, user="", password="")
        assert "The e-mail was sent. Check the inbox of ana@shop.test" in test()
        assert "Se ha enviado el e-mail." in test(lang="es")
        assert "Enter an e-mail address" in test(to="ana")
        called = office.post(f"{CALL}/test", {"to": "ana@shop.test"})
        assert called == {"answer": "sent", "message": "The e-mail was sent.", "said": ""}
    assert [mail["To"] for mail in place.mails] == ["ana@shop.test"] * 3
    assert "The server does not accept connections at this port." in test()
    assert office.get(CALL)["answer"] == "connection_refused"
    with post_office(answers={"MAIL": "550 <b>not you</b>"}) as place:
        _send(office, **settings | {"port": str(place.port)}, user="", password="")
        page = office.page(f"{PAGE}/test", method="POST", data={"recipient": "ana@shop.test"}, key=SHOES).text
    assert "The server said:" in page
    assert "&lt;b&gt;not you&lt;/b&gt;" in page


def test_an_account_without_settings_uses_those_of_the_installation(office: Office) -> None:
    server = Server("10.0.0.1", 25, Encryption.NONE, "", "salepixel@host.test", "Salepixel", own=True)
    here = office.app.extensions["salepixel"]
    object.__setattr__(here, "smtp", server)
    shown = office.page(PAGE, key=SHOES).text + office.call("GET", CALL, key=SHOES).text
    assert "salepixel@host.test" in shown
    assert "10.0.0.1" not in shown
    assert office.get(CALL)["source"] == "installation"
    body = FORM | {"port": 465, "encryption": "tls"}
    assert office.call("PUT", CALL, body, key=SHOES).status_code == 200
    assert office.get(CALL)["source"] == "account"
    assert office.page(f"{PAGE}/remove", method="POST", key=SHOES).status_code == 303
    assert office.get(CALL)["source"] == "installation"
    assert office.call("DELETE", CALL).status_code == 200


def test_another_account_has_no_access(office: Office) -> None:
    _send(office)
    body = FORM | {"port": 587}
    test = {"to": "a@shop.test"}
    assert office.page(PAGE, key=HATS).status_code == 404
    assert _send(office, key=HATS).status_code == 404
    assert office.page(f"{PAGE}/remove", method="POST", key=HATS).status_code == 404
    assert (
        office.page(f"{PAGE}/test", method="POST", data={"recipient": "a@shop.test"}, key=HATS).status_code
        == 404
    )
    for method, path, sent in (
        ("GET", CALL, None),
        ("PUT", CALL, body),
        ("DELETE", CALL, None),
        ("POST", f"{CALL}/test", test),
    ):
        assert office.call(method, path, sent, key=HATS).status_code == 404
