"""Locks by name, without a row: PostgreSQL's advisory locks, until the transaction ends.

SQLite has one writer at a time, so there is nothing to lock.
"""

import hashlib
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from salepixel.storage.many import POSTGRESQL

Name = tuple[str | int | bytes, ...]
"""What is locked."""


def lock_names(connection: sa.Connection, names: Iterable[Name], *, shared: bool = False) -> None:
    """Lock all of these names, waiting for each. Several transactions may hold a `shared` lock at once."""
    # Sorted, so that two transactions do not deadlock.
    if connection.dialect.name == POSTGRESQL and (keys := sorted(map(_key, names))):
        connection.execute(_lock(shared=shared), {"keys": keys})


def try_names(connection: sa.Connection, names: Collection[Name], most: int | None = None) -> set[Name]:
    """Lock the names that are free, at most `most`, without waiting; returns them."""
    if connection.dialect.name != POSTGRESQL or not names:
        return set(names)
    by_key = {_key(name): name for name in names}
    given = {"keys": list(by_key), "most": len(by_key) if most is None else most}
    return {by_key[key] for key in connection.scalars(_try(), given)}


def _key(name: Name) -> int:
    return int.from_bytes(hashlib.blake2b(repr(name).encode(), digest_size=8).digest(), signed=True)


def _keys() -> Any:
    given = sa.bindparam("keys", type_=postgresql.ARRAY(sa.BigInteger))
    return sa.func.unnest(given).table_valued(sa.column("key", sa.BigInteger), name="given").render_derived()


@cache
def _lock(*, shared: bool) -> Any:
    keys = _keys()
    lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
    return sa.select(lock(keys.c.key)).select_from(keys)


@cache
def _try() -> Any:
    keys = _keys()
    got = sa.select(keys.c.key).where(sa.func.pg_try_advisory_xact_lock(keys.c.key))
    return got.limit(sa.bindparam("most"))
