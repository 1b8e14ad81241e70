"""A mail goes out by every kind of server; what goes wrong has a name, and nothing is sent before TLS."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from kit.ports import free_port
from salepixel.smtp.send import send
from salepixel.smtp.server import Encryption, Mail, Server
from salepixel.wire import outgoing
from tests.smtp.post_office import PASSWORD, USER, post_office
from tests.wire.test_outgoing import certificate as certificate

MAIL = Mail(
    "0a1b",
    "ana@kunde.test",
    "Übersicht für Ana",
    "Hola Ana\nñ",
    "<p>Hola <b>Ana</b> ñ</p>",
    {"List-Unsubscribe": "<https://s.test/u>"},
)


def server(port: int, encryption: Encryption = Encryption.NONE, **rest: Any) -> Server:
    return Server("shop.test", port, encryption, "", "news@shop.test", "Müller, Ana <x@y>", **rest)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names shop.test and other.test lead to this machine."""
    real: Callable[..., Any] = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **rest: Any) -> Any:
        return real("127.0.0.1" if host in ("shop.test", "other.test") else host, *arguments, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_mail_arrives_with_its_two_parts_and_headers() -> None:
    with post_office() as office:
        assert send(server(office.port), MAIL).reason == "sent"
    (mail,) = office.mails
    assert mail["Subject"] == MAIL.subject
    assert mail["From"].addresses[0].addr_spec == "news@shop.test"
    assert mail["From"].addresses[0].display_name == "Müller, Ana <x@y>"
    assert mail["To"] == "ana@kunde.test"
    assert mail["Message-ID"] == "<0a1b@shop.test>"
    assert mail["List-Unsubscribe"] == "<https://s.test/u>"
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().split() == ["Hola", "Ana", "ñ"]
    assert rich.get_content().strip() == "<p>Hola <b>Ana</b> ñ</p>"


def test_a_long_address_in_a_header_is_not_encoded() -> None:
    link = f"<https://{'long.' * 20}test/reports/end/{'0' * 40}>"
    with post_office() as office:
        mail = replace(MAIL, headers={"List-Unsubscribe": link}, text=f"see {link}\n" * 9)
        assert send(server(office.port), mail).reason == "sent"
    (came,) = office.raw
    assert f"List-Unsubscribe: {link}\r\n".encode() in came
    assert came.isascii()
    assert max(map(len, came.splitlines())) < 998


@pytest.mark.parametrize("encryption", [Encryption.STARTTLS, Encryption.TLS])
def test_a_mail_goes_encrypted_with_a_password(certificate: ssl.SSLContext, encryption: Encryption) -> None:
    how: dict[str, Any] = {encryption: certificate}
    with post_office(password=encryption is Encryption.STARTTLS, **how) as office:
        wanted = server(office.port, encryption)
        if encryption is Encryption.STARTTLS:
            wanted = replace(wanted, user=USER, password=PASSWORD)
        assert send(wanted, MAIL).reason == "sent"
        assert len(office.mails) == 1
        assert send(replace(wanted, host="other.test"), MAIL).reason == "bad_certificate"
        assert len(office.mails) == 1


def test_a_wrong_password_is_named_with_the_words_of_the_server(certificate: ssl.SSLContext) -> None:
    with post_office(starttls=certificate, password=True) as office:
        wanted = server(office.port, Encryption.STARTTLS)
        answer = send(replace(wanted, user=USER, password="wrong"), MAIL)
        assert (answer.reason, answer.said[:5]) == ("wrong_password", "5.7.8")
        assert send(wanted, MAIL).reason == "needs_password"
        of_operator = replace(wanted, user=USER, password="wrong", own=True)
        assert send(of_operator, MAIL).said == ""


@pytest.mark.parametrize(
    ("command", "answer", "reason"),
    [
        ("MAIL", "550 5.7.1 Sender not allowed", "sender_rejected"),
        ("MAIL", "451 busy", "try_later"),
        ("RCPT", "550 5.1.1 No such user", "recipient_rejected"),
        ("RCPT", "450 greylisted", "try_later"),
        ("DATA", "554 5.7.1 Spam", "message_rejected"),
        ("DATA", "452 full", "try_later"),
    ],
)
def test_what_a_server_refuses_is_named(command: str, answer: str, reason: str) -> None:
    with post_office(answers={command: answer}) as office:
        found = send(server(office.port), MAIL)
        assert (found.reason, found.said) == (reason, answer[4:])
        assert office.mails == []


def test_a_server_without_starttls_gets_no_password_and_no_mail() -> None:
    with post_office() as office:
        wanted = replace(server(office.port, Encryption.STARTTLS), user=USER, password=PASSWORD)
        assert send(wanted, MAIL).reason == "no_starttls"
        assert send(replace(wanted, encryption=Encryption.NONE), MAIL).reason == "not_supported"
        assert office.mails == []


def test_a_server_that_is_not_there_is_named() -> None:
    assert send(server(free_port()), MAIL).reason == "connection_refused"
    assert send(replace(server(25), host="no.invalid"), MAIL).reason == "unknown_name"


def test_a_private_address_is_reached_only_if_the_operator_named_it() -> None:
    with post_office() as office:
        outgoing.allow_private(())
        assert send(server(office.port), MAIL).reason == "forbidden_address"
        assert office.mails == []
        assert send(server(office.port, own=True), MAIL).reason == "sent"


@contextmanager
def serve(*lines: bytes) -> Iterator[int]:
    """A server that says these lines, one at each command, and then nothing; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):  # the client has enough
            for line in lines:
                connection.sendall(line)
                if not connection.recv(65536):
                    return
            while connection.recv(65536):
                pass

    thread = threading.Thread(target=run)
    thread.start()
    yield listening.getsockname()[1]
    thread.join()
    listening.close()


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "not_smtp"),
        ((b"554 no\r\n",), "not_available"),
        ((b"220 hi\r\n", b"421 busy\r\n", b"421 busy\r\n"), "not_available"),
        ((b"220 " + b"x" * 40_000 + b"\r\n",), "not_smtp"),
        ((b"220-x\r\n" * 9_000,), "too_large"),
        ((b"220 hi\r\n", b"250-h\r\n250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n", b"no TLS"), "bad_tls"),
    ],
)
def test_what_is_not_an_smtp_server_is_named(lines: tuple[bytes, ...], reason: str) -> None:
    with serve(*lines) as port:
        assert send(server(port, Encryption.STARTTLS), MAIL).reason == reason


@pytest.mark.parametrize("lines", [(), (b"220 hi\r\n",), (b"220 hi\r\n", b"250 h\r\n")])
def test_a_silent_server_ends_at_the_deadline(lines: tuple[bytes, ...]) -> None:
    with serve(*lines) as port:
        assert send(server(port), MAIL, seconds=0.3).reason == "too_slow"
