"""The command line runs a service's commands itself, and says in one sentence what is not installed."""

import subprocess
import sys
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import sqlalchemy as sa

from salepixel.orders import deliveries
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.command import CommandLine
from tests.make import NOON

COMMANDS = {"journal": ("edge", "salepixel_edge"), "rebuild": ("worker", "salepixel_worker")}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_service_command_is_an_entry_point_of_its_service(command: str) -> None:
    (found,) = entry_points(group="salepixel.commands", name=command)
    assert found.module.split(".")[0] == COMMANDS[command][1]
    assert callable(found.load())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_whose_service_is_not_installed_says_how_to_install_it(command: str) -> None:
    extra, package = COMMANDS[command]
    # None in sys.modules: Python then finds no such module.
    program = f"import sys; sys.modules[{package!r}] = None; from salepixel.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, command], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout + ended.stderr == (
        f"salepixel {command}: the {extra} is not installed: pip install 'salepixel[{extra}]'\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_shown_is_that_of_the_service(command: str, command_line: CommandLine) -> None:
    ended = command_line.run(command, "--help")
    assert ended.code == 0
    assert ended.stdout.startswith(f"usage: salepixel {command} ")


@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        ("nowhere", ["campaign", "list"]),
        ("nowhere", ["person", "export", "--account", "7", "ana"]),
        ("nowhere", ["person", "invite", "ana@shop.test"]),
        ("a-file", ["import", "--account", "7", "list.csv"]),
        ("a-file", ["deliveries"]),
        ("nowhere", ["rebuild"]),
        ("a-file", ["rebuild", "--verify"]),
    ],
)
def test_a_folder_without_a_database_is_named_in_one_sentence_and_stays_as_it_is(
    tmp_path: Path,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    place: str,
) -> None:
    (tmp_path / "a-file").touch()
    monkeypatch.chdir(tmp_path)
    command_line.data = Path(place)
    ended = command_line.run(*arguments)
    said = ended.stdout + ended.stderr
    assert (ended.code, len(said.splitlines())) == (2, 1), said
    assert said.startswith(f"There is no database {tmp_path / place / 'salepixel.sqlite3'}.")
    assert [one.name for one in tmp_path.iterdir()] == ["a-file"]


@pytest.mark.parametrize(
    "arguments", [["rebuild"], ["person", "export", "--account", "7", "ana"], ["campaign", "list"]]
)
def test_no_command_creates_keys_beside_a_database(
    sqlite: Database, tmp_path: Path, command_line: CommandLine, arguments: list[str]
) -> None:
    ended = command_line.run(*arguments)
    said = ended.stdout + ended.stderr
    assert (ended.code, len(said.splitlines())) == (2, 1), said
    assert said.startswith(f"There is no key file {tmp_path / 'keys.json'}.")
    assert {file.name.partition("-")[0] for file in tmp_path.iterdir()} == {"salepixel.sqlite3"}


def test_keys_are_accepted_only_in_a_folder_that_exists(tmp_path: Path, command_line: CommandLine) -> None:
    command_line.data = tmp_path / "nowhere"
    ended = command_line.run("accept-keys")
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"There is no folder {tmp_path / 'nowhere'}.")
    assert not list(tmp_path.iterdir())


def test_a_delivery_is_printed_as_it_came_and_those_that_could_not_be_read_are_listed(
    sqlite: Database, command_line: CommandLine
) -> None:
    with sqlite.write() as connection:
        for digest, unread in (("d1", ""), ("d2", "no_order")):
            deliveries.store_delivery(
                connection,
                digest=digest,
                shop_id="s1",
                event="order_paid",
                headers={"saleor-signature": "e30..c2ln"},
                body=b'{"order": null}',
                at=NOON,
                unread=unread,
            )

    run = partial(command_line.run, "deliveries")
    listed, printed, unknown = run(), run("d1"), run("d3")
    assert (listed.code, listed.stdout) == (0, "d2 2026-11-23T12:00:00Z s1 order_paid no_order\n")
    head, _, body = printed.stdout.partition("\n\n")
    assert (printed.code, body) == (0, '{"order": null}\n')
    assert "saleor-signature: e30..c2ln" in head
    assert "erased" not in head
    assert (unknown.code, unknown.stdout) == (1, "")
    with sqlite.write() as connection:
        deliveries.erase_in_delivery(connection, "d1", {}, b"{}")
    assert run("d1").stdout.partition("\n\n")[0].endswith("\nerased: yes"), "or it looks like what came"
    with sqlite.write() as connection:
        connection.execute(sa.update(schema.deliveries).values(body=b"x"))
    damaged = run("d1")
    assert damaged.code == 1
    assert damaged.stderr == "salepixel: this delivery is damaged: bytes of it were changed\n"
