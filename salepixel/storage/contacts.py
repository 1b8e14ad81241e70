"""Contacts: the mailer's references, and e-mail addresses as keyed hashes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.attribution import Reason
from salepixel.storage.accounts import hold_account
from salepixel.storage.many import is_one_of
from salepixel.storage.queue import mark_due
from salepixel.storage.schema import contacts, decision_contacts, decisions, orders
from salepixel.storage.upsert import insert

_CHUNK = 500  # bound parameters of one statement stay far below SQLite's limit


@dataclass(frozen=True, slots=True)
class Contact:
    """A recipient; the hashes as keys.hash_email makes them, None when no address is known.

    `alias_hash` is of the address without what leads to the same mailbox (keys.hash_alias). `consent` is
    False for who refused to be followed: nothing that they do is kept with their reference.
    """

    ref: str
    email_hash: str | None
    consent: bool = True
    alias_hash: str | None = None


def store_contacts(connection: sa.Connection, emp_id: int, batch: Sequence[Contact], at: datetime) -> int:
    """Add or change contacts; gives how many. An address that is not told again stays as it was.

    Orders bought with one of their addresses, the old or the new, are decided again.
    """
    hold_account(connection, emp_id, to_change=True)
    # The last of several entries for one contact counts; one statement may not hit a row twice.
    newest = list({contact.ref: contact for contact in batch}.values())
    for start in range(0, len(newest), _CHUNK):
        chunk = newest[start : start + _CHUNK]
        ours = sa.and_(contacts.c.emp_id == emp_id, contacts.c.ref.in_([c.ref for c in chunk]))
        known = sa.select(contacts.c.ref, contacts.c.email_hash, contacts.c.alias_hash, contacts.c.consent)
        rows = connection.execute(known.where(ours)).all()
        before = {found for row in rows for found in (row.email_hash, row.alias_hash)}
        refused = {row.ref for row in rows if not row.consent}
        statement = insert(connection, contacts).values(
            [
                {
                    "emp_id": emp_id,
                    "ref": c.ref,
                    "email_hash": c.email_hash,
                    "alias_hash": c.alias_hash,
                    "consent": c.consent,
                    "updated_at": at,
                }
                for c in chunk
            ]
        )
        new = statement.excluded
        changed = {
            "email_hash": sa.func.coalesce(new.email_hash, contacts.c.email_hash),
            "alias_hash": sa.func.coalesce(new.alias_hash, contacts.c.alias_hash),
            "consent": new.consent,
            "updated_at": new.updated_at,
        }
        connection.execute(statement.on_conflict_do_update(index_elements=["emp_id", "ref"], set_=changed))
        told = {c.email_hash for c in chunk} | {c.alias_hash for c in chunk}
        _decide_again(connection, emp_id, (told | before) - {None}, [c.ref for c in chunk])
        if any(c.consent and c.ref in refused for c in chunk):
            _decide_refused_again(connection, emp_id)
    return len(newest)


def get_contacts(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> dict[str, Contact]:
    """The contacts of an account with these references, as far as they are known."""
    if not refs:
        return {}
    found = _read(connection, contacts.c.emp_id == emp_id, is_one_of(connection, contacts.c.ref, refs))
    return {contact.ref: contact for contact in found}


def with_email(connection: sa.Connection, emp_id: int, email_hash: str | None) -> list[Contact]:
    """The contacts of an account with this address; who refused to be followed is among them."""
    if not email_hash:
        return []
    return _read(connection, contacts.c.emp_id == emp_id, contacts.c.email_hash == email_hash)


def with_alias(connection: sa.Connection, emp_id: int, alias_hash: str | None) -> list[Contact]:
    """The contacts of an account whose address leads to this mailbox."""
    if not alias_hash:
        return []
    return _read(connection, contacts.c.emp_id == emp_id, contacts.c.alias_hash == alias_hash)


def refused_among(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> set[str]:
    """Those of these contacts who refused to be followed."""
    refused = sa.and_(contacts.c.emp_id == emp_id, ~contacts.c.consent)
    # Asked for each batch of clicks: in most accounts nobody has, and one look spares thousands.
    if connection.scalar(sa.select(contacts.c.ref).where(refused).limit(1)) is None:
        return set()
    query = sa.select(contacts.c.ref).where(refused, is_one_of(connection, contacts.c.ref, refs))
    return set(connection.scalars(query))


def all_refused(connection: sa.Connection) -> list[tuple[int, str]]:
    """Everybody who refused to be followed, as (empId, reference)."""
    query = sa.select(contacts.c.emp_id, contacts.c.ref).where(~contacts.c.consent)
    return [(row.emp_id, row.ref) for row in connection.execute(query)]


def _read(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Contact]:
    query = sa.select(*(contacts.c[name] for name in Contact.__slots__)).where(*conditions)
    return [Contact(*row) for row in connection.execute(query.order_by(contacts.c.ref))]


def _decide_again(
    connection: sa.Connection, emp_id: int, hashes: Collection[str | None], refs: Collection[str]
) -> None:
    """Make the orders due that these addresses may explain, or that name one of these contacts."""
    texts = [found for found in hashes if found]
    for column in (orders.c.email_hash, orders.c.alias_hash):
        theirs = sa.and_(orders.c.emp_id == emp_id, is_one_of(connection, column, texts))
        mark_due(connection, theirs)
    named = sa.select(decision_contacts.c.shop_id, decision_contacts.c.order_id).where(
        decision_contacts.c.emp_id == emp_id, is_one_of(connection, decision_contacts.c.contact, refs)
    )
    mark_due(connection, sa.tuple_(orders.c.shop_id, orders.c.id).in_(named))


def _decide_refused_again(connection: sa.Connection, emp_id: int) -> None:
    """Make the orders due to which something of somebody who refused leads: a decision does not say whose."""
    refused = sa.select(decisions.c.shop_id, decisions.c.order_id).where(
        decisions.c.emp_id == emp_id, decisions.c.candidates.contains(f'"{Reason.REFUSED_CONSENT}"')
    )
    theirs = sa.tuple_(orders.c.shop_id, orders.c.id).in_(refused)
    mark_due(connection, theirs)
