"""Sessions of people: a row for each, with the digest of an id that only the cookie has."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from salepixel.people.person import Person
from salepixel.people.store import get_person
from salepixel.storage.ids import new_id
from salepixel.storage.schema import person_sessions

SESSION_DAYS = 7
"""A session ends this long after signing in, used or not."""

CODE_MINUTES = 5
"""The time to enter the code after the password."""

PREFIX = "p."
"""The id in a cookie begins with this, and that of a session of an API key does not.

No `secrets.token_urlsafe` has a full stop; 1 in 4096 begins with `p-`, which this was.
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A listed session. `browser`: what it calls itself."""

    id: str
    browser: str
    started_at: datetime


def start_session(
    connection: sa.Connection, person_id: str, browser: str, at: datetime, *, needs_code: bool
) -> str:
    """Begin a session; returns the id for the cookie. Deletes ended sessions.

    `needs_code`: until the code is entered, and another session begins, it only serves to enter it.
    """
    connection.execute(sa.delete(person_sessions).where(person_sessions.c.expires_at <= at))
    secret = PREFIX + secrets.token_urlsafe(32)
    lasts = timedelta(minutes=CODE_MINUTES) if needs_code else timedelta(days=SESSION_DAYS)
    values = {
        "digest": _digest(secret),
        "id": new_id(),
        "person_id": person_id,
        "browser": browser,
        "started_at": at,
        "expires_at": at + lasts,
        "needs_code": needs_code,
    }
    connection.execute(sa.insert(person_sessions), values)
    return secret


def find_person(
    connection: sa.Connection, secret: str, at: datetime, *, needs_code: bool = False
) -> tuple[Person, str] | None:
    """The person of a session, and the session's id; None if it has ended.

    `needs_code`: only a session whose code is missing, or else only one without.
    """
    query = sa.select(person_sessions.c.person_id, person_sessions.c.id).where(
        person_sessions.c.digest == _digest(secret),
        person_sessions.c.expires_at > at,
        person_sessions.c.needs_code.is_(needs_code),
    )
    row = connection.execute(query).first()
    person = None if row is None else get_person(connection, row.person_id)
    return None if person is None or row is None else (person, row.id)


def list_sessions(connection: sa.Connection, person_id: str, at: datetime) -> list[Session]:
    """The sessions of a person, newest first."""
    query = (
        sa.select(*(person_sessions.c[name] for name in Session.__slots__))
        .where(
            person_sessions.c.person_id == person_id,
            person_sessions.c.expires_at > at,
            person_sessions.c.needs_code.is_(False),
        )
        .order_by(person_sessions.c.started_at.desc(), person_sessions.c.id)
    )
    return [Session(*row) for row in connection.execute(query)]


def end_session(connection: sa.Connection, secret: str) -> None:
    """Sign out: the id is invalid, also in copies of its cookie."""
    connection.execute(sa.delete(person_sessions).where(person_sessions.c.digest == _digest(secret)))


def end_sessions(
    connection: sa.Connection, person_id: str, *, only: str | None = None, but: str | None = None
) -> None:
    """End the sessions of a person: all, the one with the id `only`, or all but the one with the id `but`."""
    which = [person_sessions.c.person_id == person_id]
    if only is not None:
        which.append(person_sessions.c.id == only)
    if but is not None:
        which.append(person_sessions.c.id != but)
    connection.execute(sa.delete(person_sessions).where(*which))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
