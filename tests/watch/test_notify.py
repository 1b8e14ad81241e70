"""A slow service, or many test messages, of one account do not delay the alerts of others."""

from datetime import UTC, datetime, timedelta

import pytest

from salepixel.smtp.server import Mail
from salepixel.watch import notify, use_cases
from salepixel.watch.notify import send_due
from tests.plugin.conftest import OWNER_OF_7, Office
from tests.plugin.conftest import office as office
from tests.plugin.conftest import office_files as office_files

NOW = datetime(2026, 11, 28, 10, tzinfo=UTC)


def no_mail(emp_id: int, mail: Mail) -> str:
    """For tests without e-mail addresses."""
    raise AssertionError(mail)


def add_addresses(office: Office, count: int) -> list[str]:
    """Addresses of account 7, each with a test message; returns their ids."""
    with office.database.write() as connection:
        return [
            use_cases.add_address(
                connection, OWNER_OF_7, office.keys, 7, "Ana", f"json://host{n}.test", "en", NOW
            ).id
            for n in range(count)
        ]


def test_a_message_is_claimed_only_while_it_is_sent(office: Office) -> None:
    add_addresses(office, 3)
    sent: list[str] = []

    def other(address: str, title: str, body: str) -> str:
        sent.append(address)
        return "sent"

    def slow(address: str, title: str, body: str) -> str:
        send_due(office.database, office.keys, other, no_mail, 7, NOW)
        return "too_slow"

    send_due(office.database, office.keys, slow, no_mail, 7, NOW)
    assert len(sent) == 2


def test_slow_services_end_a_turn(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    add_addresses(office, 3)
    monkeypatch.setattr(notify, "TURN_SECONDS", 0.0001)
    asked: list[str] = []

    def slow(address: str, title: str, body: str) -> str:
        asked.append(address)
        return "too_slow"

    for turn in range(1, 4):
        send_due(office.database, office.keys, slow, no_mail, 7, NOW)
        assert len(asked) == turn


def test_one_test_message_at_most_waits_for_an_address(office: Office) -> None:
    (address,) = add_addresses(office, 1)
    asked: list[str] = []

    def send_one(address: str, title: str, body: str) -> str:
        asked.append(title)
        return "sent"

    for second in range(5):
        with office.database.write() as connection:
            use_cases.send_test(connection, OWNER_OF_7, address, NOW + timedelta(seconds=second))
    send_due(office.database, office.keys, send_one, no_mail, 7, NOW + timedelta(minutes=1))
    assert len(asked) == 1
    with office.database.write() as connection:
        use_cases.send_test(connection, OWNER_OF_7, address, NOW + timedelta(minutes=2))
    send_due(office.database, office.keys, send_one, no_mail, 7, NOW + timedelta(minutes=3))
    assert len(asked) == 2
