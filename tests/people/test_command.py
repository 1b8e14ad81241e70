"""Links that the command line prints: for the first person, an invitation, a lost password or phone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from salepixel.accounts.store import Account, add_account
from salepixel.keys import Keys
from salepixel.people import joining, store, use_cases
from salepixel.people.person import Person
from salepixel.people.totp import STEP_SECONDS, code_at
from salepixel.stack.supervisor import Supervisor
from salepixel.storage.database import Database
from tests.command import CommandLine
from tests.databases import copy_template
from tests.people.conftest import PASSWORD

NOW = datetime.now(UTC)


def _join(database: Database, said: str, email: str = "", password: str = PASSWORD) -> Person:
    secret = said.strip().rpartition("/join/")[2].split()[0]
    with database.write() as connection:
        accepted = joining.accept(joining.see_invitation(connection, secret, NOW), email, "Ana", password)
        return joining.join(connection, secret, accepted, "Ana", "en", NOW)


def test_up_prints_a_link_until_somebody_has_a_password(tmp_path: Path, sqlite_template: Path) -> None:
    supervisor = Supervisor({"SALEPIXEL_DATA": str(tmp_path)})
    sqlite = copy_template(sqlite_template, tmp_path)
    (line,) = (one for one in supervisor._welcome().splitlines() if "/join/" in one)
    assert line.startswith(
        "Choose the first person's password, with this link, once: http://127.0.0.1:8081/join/"
    )
    _join(sqlite, line, "ana@shop.test")
    assert "/join/" not in supervisor._welcome()
    sqlite.close()


def test_a_new_person_is_invited_to_an_account_or_to_all(sqlite: Database, command_line: CommandLine) -> None:
    with sqlite.write() as connection:
        add_account(connection, Account(7, "Shoes", "EUR", NOW))
    said = command_line.run("person", "invite", "bo@shop.test", "--account", "7", "--role", "viewer").stdout
    assert said.startswith("Send this link to bo@shop.test. It works once, for seven days:\n")
    bo, ana = _join(sqlite, said), _join(sqlite, command_line.run("person", "invite", "ana@shop.test").stdout)
    with sqlite.read() as connection:
        assert store.read_principal(connection, bo).accounts == frozenset({7})
        assert not store.read_principal(connection, bo).may_change(7)
        assert store.read_principal(connection, ana).may_add_accounts


def test_a_lost_password_keeps_the_second_factor_and_a_lost_phone_does_not(
    sqlite: Database, command_line: CommandLine, keys: Keys
) -> None:
    ana = _join(sqlite, command_line.run("person", "invite", "ana@shop.test").stdout)
    with sqlite.write() as connection:
        who = store.read_principal(connection, ana)
        made = use_cases.begin_second_factor(connection, who, keys)
        code = code_at(made.secret, int(NOW.timestamp()) // STEP_SECONDS)
        use_cases.turn_on_second_factor(connection, who, keys, made.sealed, ana.password, code, NOW)
    link = command_line.run("person", "invite", "ana@shop.test").stdout
    assert _join(sqlite, link, password="quite another one").totp_secret
    link = command_line.run("person", "invite", "--without-second-factor", "ana@shop.test").stdout
    assert not _join(sqlite, link).totp_secret


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["invite", "nobody"], "salepixel: invalid field=email"),
        (["invite", "bo@shop.test", "--account", "99"], "salepixel: unknown_account"),
    ],
)
def test_an_invitation_to_nobody_or_nothing_is_refused(
    sqlite: Database, command_line: CommandLine, arguments: list[str], said: str
) -> None:
    ended = command_line.run("person", *arguments)
    assert ended.code == 1
    assert ended.stderr.startswith(said)
