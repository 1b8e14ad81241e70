"""`salepixel import` shows how a file is read, imports it, and writes its bad lines."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.accounts.declined import Conflict
from salepixel.accounts.principal import INSTALLATION
from salepixel.campaigns.store import Campaign, add_campaign
from salepixel.keys import Keys
from salepixel.lists.command import import_file
from salepixel.lists.incoming import PIECE
from salepixel.lists.receive import PIECES_AT_ONCE, receive_list
from salepixel.mails.use_cases import delete_campaign
from salepixel.storage.database import Database
from salepixel.storage.schema import contacts, list_pieces, lists
from tests.make import CAMPAIGN, NOON


def test_a_file_is_shown_and_imported(database: Database, keys: Keys, tmp_path: Path) -> None:
    with database.write() as connection:
        accounts.add_account(connection, accounts.Account(1, "Shoes", "EUR", NOON))
    file = tmp_path / "people.csv"
    rows = "".join(f"c{n},c{n}@shop.test\n" for n in range(1200))
    file.write_text(f"ref,email\n{rows},nobody\n")

    def stored() -> int:
        with database.read() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(contacts)) or 0

    shown = json.loads(import_file(database, keys, 1, None, file, [], sure=False))
    assert [one["role"] for one in shown["columns"]] == ["reference", "email"]
    assert (shown["lines"], stored()) == (1202, 0)
    for _ in range(2):
        done = json.loads(import_file(database, keys, 1, None, file, [], sure=True))
        assert (done["stored"], done["problems"], stored()) == (1200, {"no_reference": 1}, 1200)
    assert (tmp_path / "people.csv.errors.csv").read_text("utf-8-sig").splitlines() == [
        "ref,email,line,problem",
        ",nobody,1202,no_reference",
    ]
    other = json.loads(import_file(database, keys, 1, None, file, ["email", "reference"], sure=True))
    assert other["problems"] == {"email": 1200}


def test_a_list_whose_campaign_is_deleted_while_it_arrives_is_refused_by_name(
    database: Database, keys: Keys
) -> None:
    with database.write() as connection:
        accounts.add_account(connection, accounts.Account(1, "Shoes", "EUR", NOON))
        add_campaign(connection, Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON), [])

    def chunks() -> Iterator[bytes]:
        yield b"ref,email\n" + b"ana,ana@shop.test\n" * (PIECE * (PIECES_AT_ONCE + 2) // 18)
        with database.write() as connection:
            delete_campaign(connection, INSTALLATION, CAMPAIGN)
        yield b"bo,bo@shop.test\n" * (PIECE * PIECES_AT_ONCE // 16)

    with pytest.raises(Conflict, match="list_gone"):
        receive_list(database, INSTALLATION, keys, 1, CAMPAIGN, "list.csv", chunks(), NOON)
    with database.read() as connection:
        left = (sa.select(sa.func.count()).select_from(table) for table in (lists, list_pieces))
        assert [connection.scalar(one) for one in left] == [0, 0]
