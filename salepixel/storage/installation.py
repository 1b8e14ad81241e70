"""Checks that the keys belong to the database."""

from datetime import UTC, datetime

import sqlalchemy as sa

from salepixel.keys import RESTORE, BadKeys, Keys
from salepixel.storage.schema import campaigns, installation
from salepixel.storage.secrets import forget_lost_secrets, seal_secrets
from salepixel.storage.upsert import insert

_ONLY = 1


def claim_database(connection: sa.Connection, keys: Keys) -> None:
    """Store the fingerprint of the first keys, and encrypt the secrets. Raises BadKeys for other keys.

    A database without a fingerprint (from an older version) accepts the present keys, unless they are younger
    than its first campaign: then keys.json was lost and created again.
    """
    oldest = connection.scalar(sa.select(sa.func.min(campaigns.c.created_at)))
    known = connection.scalar(sa.select(installation.c.fingerprint))
    if known is None and not (keys.made_at and oldest and oldest < keys.made_at):
        row = {"id": _ONLY, "fingerprint": keys.fingerprint}
        connection.execute(insert(connection, installation).values(row).on_conflict_do_nothing())
        known = connection.scalar(sa.select(installation.c.fingerprint))
    if known != keys.fingerprint:
        raise BadKeys(f"keys.json has other keys than those that the database was written with. {RESTORE}")
    seal_secrets(connection, keys)


def accept_database(connection: sa.Connection, keys: Keys) -> None:
    """Accept these keys for the database. Secrets that they cannot decrypt are lost."""
    row = {"id": _ONLY, "fingerprint": keys.fingerprint}
    statement = insert(connection, installation).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
    forget_lost_secrets(connection, keys, datetime.now(UTC))
    seal_secrets(connection, keys)
