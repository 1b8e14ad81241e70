"""API keys: who may do what. Only their digests are stored."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.principal import Principal
from salepixel.storage.ids import new_id
from salepixel.storage.schema import api_keys, sessions
from salepixel.storage.upsert import insert

FIRST_KEY = "SALEPIXEL_API_KEY"


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as it is listed: never the key, which nobody keeps. `emp_id` None: it opens all accounts."""

    id: str
    emp_id: int | None
    name: str
    created_at: datetime

    @property
    def is_of_settings(self) -> bool:
        """True for the key that the settings name: each start lets it in again."""
        return self.emp_id is None and self.name == FIRST_KEY


def add_api_key(connection: sa.Connection, key: str, emp_id: int | None, name: str, at: datetime) -> str:
    """Let a key in, and give its id; a key that is in already stays as it is.

    Only its digest is kept: a key is long and random, so no slow hash is needed.
    """
    digest = key_digest(key)
    values = {"digest": digest, "id": new_id(), "emp_id": emp_id, "name": name, "created_at": at}
    statement = insert(connection, api_keys).on_conflict_do_nothing(index_elements=["digest"])
    connection.execute(statement, values)
    return str(connection.scalar(sa.select(api_keys.c.id).where(api_keys.c.digest == digest)))


def list_api_keys(connection: sa.Connection, principal: Principal) -> list[KeyEntry]:
    """The keys of what a key opens, oldest first: with all rights all keys, else those of its account."""
    query = sa.select(*(api_keys.c[name] for name in KeyEntry.__slots__))
    if principal.emp_id is not None:
        query = query.where(api_keys.c.emp_id == principal.emp_id)
    query = query.order_by(api_keys.c.created_at, api_keys.c.id)
    return [KeyEntry(*row) for row in connection.execute(query)]


def remove_api_key(connection: sa.Connection, key_id: str) -> bool:
    """Take a key back, at once and with its sessions; False when there is none with this id."""
    return _remove_keys(connection, api_keys.c.id == key_id) > 0


def find_principal(connection: sa.Connection, key: str) -> Principal | None:
    """What a key may do, None for a key that is not ours."""
    return find_digest_principal(connection, key_digest(key))


def set_first_key(connection: sa.Connection, key: str, at: datetime) -> None:
    """Let the key of the settings in, with all rights, and no earlier one; none at all for an empty text."""
    # An account's key may have any name, this one too.
    ours = sa.and_(api_keys.c.name == FIRST_KEY, api_keys.c.emp_id.is_(None))
    earlier = sa.and_(ours, api_keys.c.digest != key_digest(key))
    _remove_keys(connection, earlier)
    if key:
        add_api_key(connection, key, None, FIRST_KEY, at)


def _remove_keys(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    # Its sessions too, or they would be open again should the key ever come back.
    digests = sa.select(api_keys.c.digest).where(which)
    connection.execute(sa.delete(sessions).where(sessions.c.key_digest.in_(digests)))
    return int(connection.execute(sa.delete(api_keys).where(which)).rowcount)


def find_digest_principal(connection: sa.Connection, digest: str) -> Principal | None:
    """What the key with this digest may do."""
    query = sa.select(api_keys.c.emp_id, api_keys.c.name).where(api_keys.c.digest == digest)
    row = connection.execute(query).first()
    return None if row is None else Principal(row.emp_id, row.name)


def key_digest(key: str) -> str:
    """The name under which a key is kept."""
    return hashlib.sha256(key.encode()).hexdigest()
