"""People of two accounts."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import FULL, Principal, Rights
from salepixel.accounts.store import Account, add_account
from salepixel.people import invitations, store
from salepixel.people.joining import accept, join, see_invitation
from salepixel.people.person import Person
from salepixel.storage.database import Database

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
OWNER_OF_7 = Principal({7: FULL}, "shoes")
OWNER_OF_8 = Principal({8: FULL}, "hats")


@pytest.fixture
def connection(database: Database) -> Iterator[sa.Connection]:
    """A transaction with accounts 7 and 8, on each database."""
    with database.write() as connection:
        for emp_id in (7, 8):
            add_account(connection, Account(emp_id, f"Account {emp_id}", "EUR", NOON))
        yield connection


def member(
    connection: sa.Connection, email: str, emp_id: int = 7, rights: Rights = FULL, at: datetime = NOON
) -> Person:
    """A person who used an invitation to an account."""
    _, secret = invitations.add_invitation(connection, emp_id, email, rights, at)
    name = email.partition("@")[0].title()
    accepted = accept(see_invitation(connection, secret, at), "", name, PASSWORD)
    return join(connection, secret, accepted, name, "en", at)


def as_principal(connection: sa.Connection, person: Person) -> Principal:
    """The person's principal, as of now."""
    return store.read_principal(connection, person)
