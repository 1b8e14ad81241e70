"""Messages are sent by a process of its own, which reaches only the addresses that all our calls reach."""

import email
import json
import os
import zlib
from collections.abc import Iterator
from email.message import Message
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kit.ports import free_port
from salepixel.watch.notify import sender
from tests.conftest import LOOPBACK
from tests.far_host import FarHost, answers


class Mailbox:
    """Takes e-mails over SMTP."""

    def __init__(self) -> None:
        self.mails: list[Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.mails.append(email.message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def test_a_message_arrives_as_json() -> None:
    with FarHost() as host:
        host.answers["*"] = answers(200)
        address = host.url.replace("http", "json", 1) + "/hook"
        assert sender(LOOPBACK)(address, "Title", "Body ñ") == "sent"
        (request,) = host.requests
        content = json.loads(request.body)
    assert (content["title"], content["message"]) == ("Title", "Body ñ")


def test_a_message_arrives_by_e_mail(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    address = f"mailto://127.0.0.1:{port}?from=salepixel@shop.test&to=ana@shop.test&mode=insecure"
    assert sender(LOOPBACK)(address, "Alert", "The disk is short") == "sent"
    (mail,) = box.mails
    assert (mail["Subject"], mail["To"]) == ("Alert", "ana@shop.test")
    assert "The disk is short" in str(mail)


@pytest.mark.parametrize("scheme", ["json", "xml", "mailto"])
def test_a_private_address_is_not_reached(scheme: str) -> None:
    with FarHost() as host:
        address = host.url.replace("http", scheme, 1) + "?from=a@shop.test&to=a@shop.test&mode=insecure"
        for networks in ((), (ip_network("10.0.0.0/8"),)):
            assert sender(networks)(address, "t", "b") == "forbidden_address"
        assert host.requests == []


@pytest.mark.parametrize("address", ["nonsense://x", "syslog://", "dbus://", "json://", "file:///etc/passwd"])
def test_an_address_that_is_no_service_is_named(address: str) -> None:
    assert sender(LOOPBACK)(address, "t", "b") == "unknown_service"


def test_a_service_that_refuses_is_named() -> None:
    with FarHost() as host:
        host.answers["*"] = answers(500)
        assert sender(LOOPBACK)(host.url.replace("http", "json", 1), "t", "b") == "failed"


def test_an_answer_that_grows_without_limit_ends_the_process_only() -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(300)) + packer.flush()
    with FarHost() as host:
        host.answers["*"] = answers(200, bomb, Content_Encoding="gzip")
        assert sender(LOOPBACK)(host.url.replace("http", "json", 1), "t", "b") == "failed"
        assert len(host.requests) == 1


@pytest.mark.parametrize("written", ["{file}", "file://{file}", "{linked}"])
def test_an_address_that_names_a_file_of_this_machine_does_not_get_it(tmp_path: Path, written: str) -> None:
    key = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with FarHost() as host:
        host.answers["*"] = answers(200)
        content = {"type": "service_account", "private_key": key.decode(), "token_uri": f"{host.url}/token"}
        content |= dict.fromkeys(("client_email", "private_key_id", "project_id"), "secret")
        file, linked = tmp_path / "account.json", Path(os.path.relpath(tmp_path / "account.json"))
        file.write_text(json.dumps(content))
        address = f"fcm://secret/device?keyfile={written.format(file=file, linked=linked)}"
        assert sender(LOOPBACK)(address, "t", "b") != "sent"
        assert host.requests == []
