"""A database opens only with the keys that it was written with: with others, all sent links would break."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from salepixel.keys import BadKeys, Keys
from salepixel.storage.database import Database
from salepixel.storage.installation import accept_database, claim_database
from salepixel.storage.schema import campaigns

NOW = datetime(2026, 11, 28, tzinfo=UTC)
FIRST = Keys(1, {1: b"a" * 32}, NOW - timedelta(days=2))
OTHER = Keys(1, {1: b"b" * 32}, NOW)


def claim(database: Database, keys: Keys) -> None:
    with database.write() as connection:
        claim_database(connection, keys)


def add_campaign(database: Database, at: datetime) -> None:
    with database.write() as connection:
        columns = {
            column.name: at if isinstance(column.default, type(None)) and column.name.endswith("_at") else ""
            for column in campaigns.c
            if not column.nullable and column.server_default is None
        }
        connection.execute(
            sa.insert(campaigns).values({**columns, "id": "c1", "emp_id": 1, "created_at": at})
        )


def test_the_first_keys_are_recorded_and_others_are_refused(database: Database) -> None:
    claim(database, FIRST)
    claim(database, FIRST)
    with pytest.raises(BadKeys, match="accept-keys"):
        claim(database, OTHER)
    claim(database, FIRST)


def test_rotated_keys_open_the_same_database(database: Database) -> None:
    claim(database, FIRST)
    claim(database, replace(FIRST, active=2, secrets={**FIRST.secrets, 2: b"c" * 32}))
    with pytest.raises(BadKeys):
        claim(database, Keys(2, {2: b"c" * 32}))  # the oldest is gone: hashes of addresses are made with it


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        (FIRST, True),
        (replace(FIRST, made_at=None), True),  # of a version that did not say when
        (OTHER, False),  # made after the first campaign, so not those of its links
    ],
)
def test_a_database_without_a_fingerprint_accepts_keys_older_than_its_data(
    database: Database, keys: Keys, taken: bool
) -> None:
    add_campaign(database, NOW - timedelta(days=1))
    if taken:
        claim(database, keys)
        return
    with pytest.raises(BadKeys):
        claim(database, keys)


def test_without_a_backup_other_keys_can_be_accepted(database: Database) -> None:
    claim(database, FIRST)
    with database.write() as connection:
        accept_database(connection, OTHER)
    claim(database, OTHER)
