"""`salepixel import` shows how a file is read, imports it, and writes its bad lines."""

import json
from pathlib import Path

import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.keys import Keys
from salepixel.lists.command import import_file
from salepixel.storage.database import Database
from salepixel.storage.schema import contacts
from tests.make import NOON


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
