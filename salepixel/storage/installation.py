"""Whose keys a database was written with."""

from datetime import UTC, datetime

import sqlalchemy as sa

from salepixel.keys import RESTORE, BadKeys, Keys
from salepixel.storage.schema import campaigns, installation
from salepixel.storage.secrets import forget_lost_secrets, seal_secrets
from salepixel.storage.upsert import insert

_ONLY = 1


def claim_database(connection: sa.Connection, keys: Keys) -> None:
    """Keep the fingerprint of the first keys, and seal the secrets; raises BadKeys for any other keys.

    A database of before it was kept is taken with the keys that there are, unless they are younger than its
    first campaign: then keys.json was lost, and these were made in its place.
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
    """Go on with these keys, whatever the database was written with. What they do not open is lost."""
    row = {"id": _ONLY, "fingerprint": keys.fingerprint}
    statement = insert(connection, installation).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
    forget_lost_secrets(connection, keys, datetime.now(UTC))
    seal_secrets(connection, keys)
