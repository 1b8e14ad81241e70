"""Contacts: the mailer's references, and e-mail addresses as keyed hashes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.storage.schema import contacts, orders
from salepixel.storage.upsert import insert

_CHUNK = 500  # bound parameters of one statement stay far below SQLite's limit


@dataclass(frozen=True, slots=True)
class Contact:
    """A recipient; `email_hash` as keys.hash_email makes it, None when no address is known."""

    ref: str
    email_hash: str | None
    consent: bool = True


def store_contacts(connection: sa.Connection, emp_id: int, batch: Sequence[Contact], at: datetime) -> int:
    """Add or change contacts; gives how many. An address that is not told again stays as it was.

    Orders bought with one of their addresses, the old or the new, are decided again.
    """
    # The last of several entries for one contact counts; one statement may not hit a row twice.
    newest = list({contact.ref: contact for contact in batch}.values())
    for start in range(0, len(newest), _CHUNK):
        chunk = newest[start : start + _CHUNK]
        ours = sa.and_(contacts.c.emp_id == emp_id, contacts.c.ref.in_([c.ref for c in chunk]))
        before = list(connection.scalars(sa.select(contacts.c.email_hash).where(ours)))
        statement = insert(connection, contacts).values(
            [
                {
                    "emp_id": emp_id,
                    "ref": c.ref,
                    "email_hash": c.email_hash,
                    "consent": c.consent,
                    "updated_at": at,
                }
                for c in chunk
            ]
        )
        new = statement.excluded
        changed = {
            "email_hash": sa.func.coalesce(new.email_hash, contacts.c.email_hash),
            "consent": new.consent,
            "updated_at": new.updated_at,
        }
        connection.execute(statement.on_conflict_do_update(index_elements=["emp_id", "ref"], set_=changed))
        hashes = {c.email_hash for c in chunk if c.email_hash} | {known for known in before if known}
        theirs = sa.and_(orders.c.emp_id == emp_id, orders.c.email_hash.in_(hashes))
        connection.execute(sa.update(orders).where(theirs).values(due=True))
    return len(newest)


def refs_with_email(connection: sa.Connection, emp_id: int, email_hash: str) -> list[str]:
    """The contacts of an account that have this address and let us use it."""
    query = sa.select(contacts.c.ref).where(
        contacts.c.emp_id == emp_id, contacts.c.email_hash == email_hash, contacts.c.consent
    )
    return list(connection.scalars(query.order_by(contacts.c.ref)))
