"""People and their memberships as stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.principal import Principal, Rights, Role
from salepixel.people.person import Member, Person, principal_of
from salepixel.storage.locks import lock_names
from salepixel.storage.schema import (
    identities,
    invitations,
    memberships,
    people,
    person_sessions,
    recovery_codes,
)
from salepixel.storage.upsert import insert, took_effect

_PERSON = [people.c[name] for name in Person.__slots__]


def add_person(connection: sa.Connection, person: Person) -> bool:
    """Store a new person; False if somebody has this e-mail address."""
    values = {name: getattr(person, name) for name in Person.__slots__}
    return took_effect(connection, insert(connection, people).values(values).on_conflict_do_nothing())


def get_person(connection: sa.Connection, person_id: str) -> Person | None:
    """The person, or None."""
    return _person(connection, people.c.id == person_id)


def find_by_email(connection: sa.Connection, email: str) -> Person | None:
    """The person with this address (keys.normal_address), or None."""
    return _person(connection, people.c.email == email)


def _person(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Person | None:
    row = connection.execute(sa.select(*_PERSON).where(which)).first()
    return None if row is None else Person(**row._mapping)


def has_people(connection: sa.Connection) -> bool:
    """Whether anybody can sign in with a password."""
    return connection.execute(sa.select(people.c.id).limit(1)).first() is not None


def change_person(connection: sa.Connection, person_id: str, values: Mapping[str, Any]) -> None:
    """Change some columns of a person."""
    connection.execute(sa.update(people).where(people.c.id == person_id).values(dict(values)))


def use_step(connection: sa.Connection, person_id: str, step: int) -> bool:
    """Mark the code of a step as used; False if it, or a later one, was used already.

    One statement: of two requests with the same code at the same time, one succeeds.
    """
    this = sa.and_(people.c.id == person_id, people.c.totp_step < step)
    return connection.execute(sa.update(people).where(this).values(totp_step=step)).rowcount > 0


def lock_members(connection: sa.Connection, emp_id: int) -> None:
    """Lock the members of an account until the transaction ends, so that one owner always remains."""
    lock_names(connection, [("members", emp_id)], shared=False)


def list_members(connection: sa.Connection, emp_id: int) -> list[Member]:
    """The members of an account or of EVERYWHERE, sorted by name."""
    query = (
        sa.select(memberships, people)
        .join(people, people.c.id == memberships.c.person_id)
        .where(memberships.c.emp_id == emp_id)
        .order_by(people.c.name, people.c.email)
    )
    return [
        Member(
            row.person_id,
            row.email,
            row.name,
            Rights(Role(row.role), row.contacts),
            bool(row.totp_secret),
            row.signed_in_at,
        )
        for row in connection.execute(query)
    ]


def rights_of(connection: sa.Connection, person_id: str) -> dict[int, Rights]:
    """The rights of a person, by empId or EVERYWHERE."""
    query = sa.select(memberships).where(memberships.c.person_id == person_id)
    return {row.emp_id: Rights(Role(row.role), row.contacts) for row in connection.execute(query)}


def put_member(connection: sa.Connection, person_id: str, emp_id: int, rights: Rights, at: datetime) -> None:
    """Give a person these rights in an account, in place of earlier ones."""
    values = {"role": rights.role, "contacts": rights.contacts}
    new = {"person_id": person_id, "emp_id": emp_id, "created_at": at, **values}
    statement = insert(connection, memberships).values(new)
    connection.execute(statement.on_conflict_do_update(index_elements=["person_id", "emp_id"], set_=values))


def remove_member(connection: sa.Connection, person_id: str, emp_id: int) -> None:
    """Take all rights in an account from a person. A person without any membership is deleted."""
    its = memberships.c.person_id == person_id
    connection.execute(sa.delete(memberships).where(its, memberships.c.emp_id == emp_id))
    if rights_of(connection, person_id):
        return
    for table in (recovery_codes, person_sessions, invitations, identities):
        connection.execute(sa.delete(table).where(table.c.person_id == person_id))
    connection.execute(sa.delete(people).where(people.c.id == person_id))


def read_principal(connection: sa.Connection, person: Person) -> Principal:
    """The principal of a person, as of now."""
    return principal_of(person, rights_of(connection, person.id))
