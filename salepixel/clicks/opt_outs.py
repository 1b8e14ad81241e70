"""Contacts who opted out of tracking: their clicks and hits are stored without their reference."""

from collections.abc import Collection
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.storage.many import among, as_values, is_one_of
from salepixel.storage.schema import accounts, contacts, erased


def opted_out() -> sa.ColumnElement[bool]:
    """Whether a row of `contacts` opted out, itself or through another one with the same e-mail address.

    Computed, not stored: so the sequence of reports does not matter, and revoking an opt-out ends all of it.
    """
    other = contacts.alias()
    by_address = sa.exists().where(
        other.c.emp_id == contacts.c.emp_id, other.c.email_hash == contacts.c.email_hash, ~other.c.consent
    )
    return sa.or_(~contacts.c.consent, by_address)


def accounts_that_hide_contacts(connection: sa.Connection, emp_ids: Collection[int]) -> set[int]:
    """The accounts among these in which anybody opted out or was erased."""
    dialect = connection.dialect.name
    return set(connection.scalars(_that_hide_contacts(dialect), {"these": as_values(dialect, emp_ids)}))


@cache
def _that_hide_contacts(dialect: str) -> Any:
    hides = (
        sa.exists().where(contacts.c.emp_id == accounts.c.emp_id, ~contacts.c.consent),
        sa.exists().where(erased.c.emp_id == accounts.c.emp_id),
    )
    these = among(dialect, accounts.c.emp_id, "these")
    return sa.select(accounts.c.emp_id).where(these, sa.or_(*hides))


def opted_out_among(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> set[str]:
    """The contacts among these that opted out, themselves or through another one with the same address."""
    any_opt_out = sa.and_(contacts.c.emp_id == emp_id, ~contacts.c.consent)
    # Runs for each batch of clicks: most accounts have no opt-outs, so one query saves thousands.
    if connection.scalar(sa.select(contacts.c.ref).where(any_opt_out).limit(1)) is None:
        return set()
    among = contacts.c.emp_id == emp_id, is_one_of(connection, contacts.c.ref, refs)
    return set(connection.scalars(sa.select(contacts.c.ref).where(*among, opted_out())))
