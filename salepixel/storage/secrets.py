"""Encrypts the secrets in the tables with the installation's active key, at the start of each process.

Not in a migration: some commands migrate without keys, and keys are rotated without a migration. See
docs/adr/0030-secrets-at-rest.md.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.keys import RESTORE, BadKeys, BadSeal, Keys, Place, Sealed, sealed_with
from salepixel.storage.schema import (
    accounts,
    alert_addresses,
    people,
    report_mails,
    shops,
    smtp_servers,
    subscriptions,
)

_COLUMNS: tuple[tuple[sa.Column[Any], sa.Column[Any]], ...] = (
    (accounts.c.emp_id, accounts.c.pixel_secret),
    (shops.c.id, shops.c.token),
    (alert_addresses.c.id, alert_addresses.c.address),
    (smtp_servers.c.emp_id, smtp_servers.c.password),
    (subscriptions.c.id, subscriptions.c.address),
    (people.c.id, people.c.totp_secret),
)
"""Every column with a secret, after the column that identifies its rows."""


class _Stored(NamedTuple):
    place: Place
    text: str
    key_id: int | None
    """The id of the key that encrypts it; None: not encrypted."""


def seal_secrets(connection: sa.Connection, keys: Keys) -> None:
    """Encrypt secrets that are stored in clear or with a key that is no longer active. Idempotent.

    Raises BadKeys if the key of a secret is missing. A damaged secret stays: it affects only its own row.
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
    """Replace secrets that these keys cannot decrypt: for an installation that lost its keys.

    A shop is disconnected until its app is installed again. An account gets a new pixel secret: signed pixels
    count again once its shop uses it. An address of alerts or reports and an SMTP password must be entered
    again. A person with a second factor signs in with a recovery code.
    """
    for stored in list(_stored(connection)):
        try:
            if stored.key_id is not None:
                keys.open(stored.place, Sealed(stored.text))
        except BadSeal:
            if stored.place.table == shops.name:
                this = shops.c.id == stored.place.row
                connection.execute(sa.update(shops).where(this).values(token=None, disconnected_at=at))
            elif stored.place.table == alert_addresses.name:
                this = alert_addresses.c.id == stored.place.row
                connection.execute(
                    sa.update(alert_addresses).where(this).values(address="", answer="not_decrypted")
                )
            elif stored.place.table == smtp_servers.name:
                this = smtp_servers.c.emp_id == stored.place.row
                connection.execute(
                    sa.update(smtp_servers).where(this).values(password="", answer="password_lost")
                )
            elif stored.place.table == subscriptions.name:
                waiting = (
                    report_mails.c.subscription_id == stored.place.row,
                    report_mails.c.next_at.is_not(None),
                )
                connection.execute(sa.delete(report_mails).where(*waiting))
                connection.execute(sa.delete(subscriptions).where(subscriptions.c.id == stored.place.row))
            else:
                _replace(connection, stored, keys.seal(stored.place, secrets.token_hex(32)))


def _stored(connection: sa.Connection) -> Iterator[_Stored]:
    for named_by, column in _COLUMNS:
        query = sa.select(named_by, column).where(column != "").order_by(named_by)
        for row_id, text in connection.execute(query):
            yield _Stored(Place(column.table.name, row_id, column.name), text, sealed_with(text))


def _replace(connection: sa.Connection, stored: _Stored, sealed: Sealed) -> None:
    if connection.dialect.name == "sqlite":
        # Overwrite the old bytes, which would otherwise stay in the file until their space is reused.
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    for named_by, column in _COLUMNS:
        if (column.table.name, column.name) == (stored.place.table, stored.place.column):
            # Only if it is unchanged since it was read: several processes start at once.
            this = sa.and_(named_by == stored.place.row, column == stored.text)
            connection.execute(sa.update(column.table).where(this).values({column.name: sealed}))
