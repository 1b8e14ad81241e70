"""Contacts: the references of the e-mail platform, and e-mail addresses as keyed hashes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.erased import Kind, Trace
from salepixel.accounts.store import lock_account
from salepixel.clicks.opt_outs import opted_out, opted_out_among
from salepixel.orders.requeue import requeue_orders_of_contacts, requeue_orders_of_opted_out
from salepixel.storage.many import among, as_rows, as_values, is_one_of, table_of
from salepixel.storage.schema import UtcTime, contacts
from salepixel.storage.upsert import insert_into

_CHUNK = 500  # bound parameters of one statement stay far below SQLite's limit


@dataclass(frozen=True, slots=True)
class Contact:
    """A recipient. `email_hash`: from keys.hash_email; None if no address is known.

    `alias_hash`: the same for every address of one mailbox (keys.hash_alias). `consent` is
    False for a contact who opted out: nothing is stored with their reference.
    """

    ref: str
    email_hash: str | None
    consent: bool = True
    alias_hash: str | None = None


def traces_of_contact(contact: Contact) -> list[Trace]:
    """The entries in the list of the erased that would match this contact."""
    found = [
        (Kind.CONTACT, contact.ref),
        (Kind.ADDRESS, contact.email_hash),
        (Kind.MAILBOX, contact.alias_hash),
    ]
    return [Trace(kind, value) for kind, value in found if value]


def store_contacts(connection: sa.Connection, emp_id: int, batch: Sequence[Contact], at: datetime) -> int:
    """Add or change contacts; returns how many. A contact without an address keeps the stored one.

    Orders with one of their addresses, old or new, are marked due.
    """
    lock_account(connection, emp_id, exclusive=True)
    # The last entry for a contact counts: one statement must not change a row twice.
    newest = list({contact.ref: contact for contact in batch}.values())
    for start in range(0, len(newest), _CHUNK):
        chunk = newest[start : start + _CHUNK]
        ours = sa.and_(contacts.c.emp_id == emp_id, contacts.c.ref.in_([c.ref for c in chunk]))
        rows = connection.execute(sa.select(contacts.c.email_hash, contacts.c.alias_hash).where(ours)).all()
        hashed = {found for c in chunk for found in (c.email_hash, c.alias_hash)}
        hashes = {found for found in hashed.union(*rows) if found}
        concerned = _sharing(connection, emp_id, chunk, hashes)
        refused = opted_out_among(connection, emp_id, concerned)
        wanted = [
            {"ref": c.ref, "email_hash": c.email_hash, "alias_hash": c.alias_hash, "consent": c.consent}
            for c in chunk
        ]
        given = {"emp_id": emp_id, "at": at, "given": as_rows(wanted)}
        connection.execute(_store(connection.dialect.name), given)
        requeue_orders_of_contacts(connection, emp_id, hashes, concerned)
        if refused - opted_out_among(connection, emp_id, refused):
            requeue_orders_of_opted_out(connection, emp_id)
    return len(newest)


@cache
def _store(dialect: str) -> Any:
    # Built once: one with a parameter for each value of 500 rows took 70 % of the time of an import.
    kinds = {"ref": sa.Text, "email_hash": sa.Text, "alias_hash": sa.Text, "consent": sa.Boolean}
    given = table_of(dialect, "given", **kinds)
    key = sa.bindparam("emp_id", type_=sa.BigInteger), sa.bindparam("at", type_=UtcTime)
    # SQLite reads ON CONFLICT after a SELECT as part of a join, unless there is a WHERE.
    rows = sa.select(*key, *(given.c[name] for name in kinds)).where(sa.true())
    statement = insert_into(dialect, contacts).from_select(["emp_id", "updated_at", *kinds], rows)
    new = statement.excluded
    changed = {
        "email_hash": sa.func.coalesce(new.email_hash, contacts.c.email_hash),
        "alias_hash": sa.func.coalesce(new.alias_hash, contacts.c.alias_hash),
        "consent": new.consent,
        "updated_at": new.updated_at,
    }
    return statement.on_conflict_do_update(index_elements=["emp_id", "ref"], set_=changed)


def get_contacts(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> dict[str, Contact]:
    """The stored contacts of an account with these references."""
    return find_contacts(connection, emp_id, refs)


def find_contacts(
    connection: sa.Connection,
    emp_id: int,
    refs: Collection[str] = (),
    email_hashes: Collection[str] = (),
    alias_hashes: Collection[str] = (),
) -> dict[str, Contact]:
    """The contacts of an account with one of these references, addresses or mailboxes, by reference.

    Contacts who opted out are included.
    """
    asked = {"refs": refs, "emails": email_hashes, "aliases": alias_hashes}
    if not any(asked.values()):
        return {}
    dialect = connection.dialect.name
    given = {name: as_values(dialect, values) for name, values in asked.items()}
    rows = connection.execute(_find(dialect), {"emp_id": emp_id, **given}).all()
    # Sorted here: asked to sort, SQLite walks the primary key through every contact of the account.
    return {row.ref: Contact(*row) for row in sorted(rows, key=attrgetter("ref"))}


@cache
def _find(dialect: str) -> Any:
    # One query for each index, because an OR may use none.
    keys = {"refs": contacts.c.ref, "emails": contacts.c.email_hash, "aliases": contacts.c.alias_hash}
    ours = contacts.c.emp_id == sa.bindparam("emp_id")
    return sa.union_all(
        *(_select().where(ours, among(dialect, column, name)) for name, column in keys.items())
    )


def opted_out_by_reference(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> set[str]:
    """The contacts among these that opted out by this reference, not only by another of their address."""
    query = sa.select(contacts.c.ref).where(
        contacts.c.emp_id == emp_id, ~contacts.c.consent, is_one_of(connection, contacts.c.ref, refs)
    )
    return set(connection.scalars(query))


def all_opted_out(connection: sa.Connection) -> set[tuple[int, str]]:
    """All opt-outs, as (empId, reference), under each reference of the same address.

    In two steps, because SQLite would begin a join with all contacts: 2.5 M of them took 20 s.
    """
    refused = sa.select(contacts.c.emp_id, contacts.c.ref, contacts.c.email_hash).where(~contacts.c.consent)
    found, hashes = set[tuple[int, str]](), dict[int, list[str]]()
    for row in connection.execute(refused):
        found.add((row.emp_id, row.ref))
        if row.email_hash is not None:
            hashes.setdefault(row.emp_id, []).append(row.email_hash)
    for emp_id, its in hashes.items():
        found |= {(emp_id, ref) for ref in _sharing(connection, emp_id, (), its)}
    return found


def _select() -> sa.Select[Any]:
    consent = sa.type_coerce(~opted_out(), sa.Boolean).label("consent")
    return sa.select(*(consent if name == "consent" else contacts.c[name] for name in Contact.__slots__))


def _sharing(
    connection: sa.Connection, emp_id: int, batch: Sequence[Contact], hashes: Collection[str]
) -> set[str]:
    """The references of these contacts, and of all other contacts with these addresses."""
    others = sa.select(contacts.c.ref).where(
        contacts.c.emp_id == emp_id, is_one_of(connection, contacts.c.email_hash, hashes)
    )
    return {c.ref for c in batch}.union(connection.scalars(others))
