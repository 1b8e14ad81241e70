"""API keys. Only their digests are stored."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.principal import CANARY, FULL, INSTALLATION, KeyScope, Principal, Rights, Role
from salepixel.accounts.scope import in_scope
from salepixel.storage.ids import new_id
from salepixel.storage.schema import EVERYWHERE, api_keys, sessions
from salepixel.storage.upsert import insert

FIRST_KEY = "SALEPIXEL_API_KEY"
USE_PAUSE = timedelta(hours=1)


class KeyExpired(Exception):
    """The key was valid, and has expired."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A listed key, without the key itself, which is not stored. `emp_id` None: of all accounts.

    `expires_at`: None: never. `last_used_at`: to the hour; None: not used yet.
    """

    id: str
    emp_id: int | None
    name: str
    created_at: datetime
    scope: KeyScope
    expires_at: datetime | None
    last_used_at: datetime | None

    @property
    def is_of_settings(self) -> bool:
        """True for the key in the settings, which each start adds again."""
        return self.emp_id is None and self.name == FIRST_KEY


def add_api_key(
    connection: sa.Connection,
    key: str,
    emp_id: int | None,
    name: str,
    at: datetime,
    scope: KeyScope = KeyScope.WRITE,
    expires_at: datetime | None = None,
) -> str:
    """Add a key; returns its id. A key that exists does not change.

    Only its digest is stored. A key is long and random, so no slow hash is needed.
    """
    digest = key_digest(key)
    values = {"digest": digest, "id": new_id(), "emp_id": emp_id, "name": name, "created_at": at}
    values |= {"scope": scope, "expires_at": expires_at}
    statement = insert(connection, api_keys).on_conflict_do_nothing(index_elements=["digest"])
    connection.execute(statement, values)
    return str(connection.scalar(sa.select(api_keys.c.id).where(api_keys.c.digest == digest)))


def list_api_keys(connection: sa.Connection, principal: Principal) -> list[KeyEntry]:
    """The keys that a principal may see, oldest first: all keys, or those of its account."""
    query = sa.select(*(api_keys.c[name] for name in KeyEntry.__slots__))
    query = query.where(sa.func.coalesce(api_keys.c.emp_id, 0) != CANARY)
    if principal.accounts is not None:
        query = query.where(in_scope(api_keys.c.emp_id, principal.accounts))
    query = query.order_by(api_keys.c.created_at, api_keys.c.id)
    return [KeyEntry(**{**row._mapping, "scope": KeyScope(row.scope)}) for row in connection.execute(query)]


def remove_api_key(connection: sa.Connection, key_id: str) -> bool:
    """Revoke a key with its sessions; False if there is none with this id."""
    return _remove_keys(connection, api_keys.c.id == key_id) > 0


def find_principal(connection: sa.Connection, key: str) -> Principal | None:
    """The principal of a key; None for an invalid key."""
    return find_digest_principal(connection, key_digest(key))


def set_first_key(connection: sa.Connection, key: str, at: datetime) -> None:
    """Add the key in the settings, with all rights, and revoke earlier ones. Empty: only revoke."""
    # An account's key may have any name, this one too.
    ours = sa.and_(api_keys.c.name == FIRST_KEY, api_keys.c.emp_id.is_(None))
    earlier = sa.and_(ours, api_keys.c.digest != key_digest(key))
    if _remove_keys(connection, earlier):
        record(connection, INSTALLATION, EVERYWHERE, Action.KEY_REVOKED, FIRST_KEY, FIRST_KEY)
    if key:
        is_new = find_principal(connection, key) is None
        its_id = add_api_key(connection, key, None, FIRST_KEY, at)
        if is_new:
            record(connection, INSTALLATION, EVERYWHERE, Action.KEY_CREATED, its_id, FIRST_KEY)


def _remove_keys(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    # Its sessions, too: otherwise they would be valid again if the key ever comes back.
    digests = sa.select(api_keys.c.digest).where(which)
    connection.execute(sa.delete(sessions).where(sessions.c.key_digest.in_(digests)))
    return int(connection.execute(sa.delete(api_keys).where(which)).rowcount)


def find_digest_principal(
    connection: sa.Connection, digest: str, at: datetime | None = None
) -> Principal | None:
    """The principal of the key with this digest. Raises KeyExpired if it has expired `at` a time."""
    row = connection.execute(sa.select(api_keys).where(api_keys.c.digest == digest)).first()
    if row is not None and has_expired(row, at):
        raise KeyExpired
    return None if row is None else key_principal(row)


def has_expired(row: sa.Row[Any], at: datetime | None) -> bool:
    """Whether the key of a row of `api_keys` has expired."""
    return at is not None and row.expires_at is not None and row.expires_at <= at


def keep_use(connection: sa.Connection, key_ids: Collection[str], at: datetime) -> None:
    """Store that keys were used, unless it is stored since an hour."""
    old = sa.or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < at - USE_PAUSE)
    these = sa.update(api_keys).where(api_keys.c.id.in_(sorted(key_ids)), old)
    connection.execute(these.values(last_used_at=at))


def key_principal(row: sa.Row[Any]) -> Principal:
    """The principal of a row of `api_keys`."""
    if row.scope == KeyScope.SALES:
        return Principal({}, row.name, key_id=row.id, sales_of=row.emp_id)
    rights = FULL if row.scope == KeyScope.WRITE else Rights(Role.VIEWER)
    return Principal({row.emp_id: rights}, row.name, key_id=row.id)


def key_digest(key: str) -> str:
    """The digest by which a key is stored."""
    return hashlib.sha256(key.encode()).hexdigest()
