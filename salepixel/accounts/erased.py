"""The list of erased people of an account. It is read before anything about a person is stored.

It holds keyed hashes only. They are kept for good: an erased person is not stored again, whatever a
journal, a webhook, a poll or a list of contacts brings. See docs/adr/0038-erasure-and-retention.md.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.keys import Keys
from salepixel.storage.locks import lock_names
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import erased
from salepixel.storage.upsert import insert


class Kind(StrEnum):
    """What a trace is: a contact's reference, the hash of an address or mailbox, a shop's customer."""

    CONTACT = "contact"
    ADDRESS = "address"
    MAILBOX = "mailbox"
    CUSTOMER = "customer"


class Trace(NamedTuple):
    """A value that identifies a person in an account. A customer's is "<shop id> <customer>"."""

    kind: Kind
    value: str


def lock_erased(connection: sa.Connection, emp_id: int, *, exclusive: bool = False) -> None:
    """Lock the list of an account until the transaction ends; shared, to store data that the list allows.

    Without the lock, a webhook that read the list before an erasure began would commit an order after the
    erasure has looked for orders. Clicks and contacts are stored under the lock of the account instead.
    """
    lock_names(connection, [("erased", emp_id)], shared=not exclusive)


def remember_erased(
    connection: sa.Connection, keys: Keys, emp_id: int, traces: Iterable[Trace], at: datetime
) -> None:
    """Put traces on the list; the first time at which one was erased stays."""
    rows = [
        {"emp_id": emp_id, "digest": _digest(keys, emp_id, trace), "erased_at": at}
        for trace in sorted(traces)
    ]
    if rows:
        connection.execute(insert(connection, erased).on_conflict_do_nothing(), rows)


def erased_among(
    connection: sa.Connection, keys: Keys, emp_id: int, traces: Collection[Trace]
) -> dict[Trace, datetime]:
    """The traces among these that were erased, and when (UTC)."""
    if not traces or not has_erased(connection, emp_id):
        return {}
    of_digest = {_digest(keys, emp_id, trace): trace for trace in traces}
    query = sa.select(erased.c.digest, erased.c.erased_at).where(
        erased.c.emp_id == emp_id, is_one_of(connection, erased.c.digest, of_digest)
    )
    return {of_digest[row.digest]: row.erased_at for row in connection.execute(query)}


def is_erased(connection: sa.Connection, keys: Keys, emp_id: int, email: str) -> bool:
    """Whether the person with this e-mail address was erased."""
    address, mailbox = keys.hash_address(emp_id, email)
    traces = Trace(Kind.ADDRESS, address), Trace(Kind.MAILBOX, mailbox)
    return bool(erased_among(connection, keys, emp_id, traces))


def erased_contacts(
    connection: sa.Connection, keys: Keys, emp_id: int, refs: Collection[str]
) -> dict[str, datetime]:
    """The references among these whose contact was erased, and when (UTC)."""
    if not has_erased(connection, emp_id):  # checked first, because there may be thousands of references
        return {}
    found = erased_among(connection, keys, emp_id, [Trace(Kind.CONTACT, ref) for ref in refs])
    return {trace.value: at for trace, at in found.items()}


def all_erased(connection: sa.Connection) -> dict[int, frozenset[str]]:
    """The whole list, by account: edges look for contacts in it."""
    found: dict[int, set[str]] = {}
    for row in connection.execute(sa.select(erased.c.emp_id, erased.c.digest)):
        found.setdefault(row.emp_id, set()).add(row.digest)
    return {emp_id: frozenset(digests) for emp_id, digests in found.items()}


def has_erased(connection: sa.Connection, emp_id: int) -> bool:
    """Whether anybody was erased in an account: asked first, because in most accounts nobody was."""
    return connection.execute(_any_of_account(), {"account": emp_id}).first() is not None


@cache
def _any_of_account() -> Any:
    return sa.select(sa.literal(1)).where(erased.c.emp_id == sa.bindparam("account")).limit(1)


def _digest(keys: Keys, emp_id: int, trace: Trace) -> str:
    return keys.hash_erased(emp_id, trace.kind, trace.value)
