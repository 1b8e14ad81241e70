"""The secrets in the tables: all sealed with the installation's active key, from the start of a process on.

Not in a migration: tables are brought up to date by commands that have no keys, and keys are rotated without
a migration. See docs/adr/0030-secrets-at-rest.md.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.keys import RESTORE, BadKeys, BadSeal, Keys, Place, Sealed, sealed_with
from salepixel.storage.schema import accounts, shops

_COLUMNS: tuple[tuple[sa.Column[Any], sa.Column[Any]], ...] = (
    (accounts.c.emp_id, accounts.c.pixel_secret),
    (shops.c.id, shops.c.token),
)
"""Every column that holds a secret, after the one by which its rows are named."""


class _Stored(NamedTuple):
    place: Place
    text: str
    key_id: int | None
    """Of the key that it is sealed with; None: in clear."""


def seal_secrets(connection: sa.Connection, keys: Keys) -> None:
    """Seal what is stored in clear, or with a key that is not active any more. Idempotent.

    Raises BadKeys where the key of a secret is missing. What is damaged stays: it concerns its own row only.
    """
    for stored in list(_stored(connection)):
        if stored.key_id == keys.active:
            continue
        if stored.key_id is not None and stored.key_id not in keys.secrets:
            raise BadKeys(
                f"keys.json lacks key {stored.key_id}, which encrypts secrets in the database. {RESTORE}"
            )
        try:
            secret = stored.text if stored.key_id is None else keys.open(stored.place, Sealed(stored.text))
        except BadSeal:
            continue
        _replace(connection, stored, keys.seal(stored.place, secret))


def forget_lost_secrets(connection: sa.Connection, keys: Keys, at: datetime) -> None:
    """Replace what these keys do not open: for an installation that lost its keys and goes on with new ones.

    A shop is disconnected until its app is installed again. An account gets a new pixel secret, so that
    nobody's signature counts until its shop signs with that one.
    """
    for stored in list(_stored(connection)):
        try:
            if stored.key_id is not None:
                keys.open(stored.place, Sealed(stored.text))
        except BadSeal:
            if stored.place.table == shops.name:
                this = shops.c.id == stored.place.row
                connection.execute(sa.update(shops).where(this).values(token=None, disconnected_at=at))
            else:
                _replace(connection, stored, keys.seal(stored.place, secrets.token_hex(32)))


def _stored(connection: sa.Connection) -> Iterator[_Stored]:
    for named_by, column in _COLUMNS:
        query = sa.select(named_by, column).where(column != "").order_by(named_by)
        for row_id, text in connection.execute(query):
            yield _Stored(Place(column.table.name, row_id, column.name), text, sealed_with(text))


def _replace(connection: sa.Connection, stored: _Stored, sealed: Sealed) -> None:
    if connection.dialect.name == "sqlite":
        # Or the bytes that were there stay in the file until their place is needed.
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    for named_by, column in _COLUMNS:
        if (column.table.name, column.name) == (stored.place.table, stored.place.column):
            # Only if it is as it was read: several processes start at once.
            this = sa.and_(named_by == stored.place.row, column == stored.text)
            connection.execute(sa.update(column.table).where(this).values({column.name: sealed}))
