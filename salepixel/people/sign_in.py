"""Signing in with e-mail address and password, and the code of a second factor.

The caller limits how often it is tried (plugin/salepixel_plugin/wrong_passwords.py).
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action
from salepixel.keys import BadSeal, Keys, normal_address
from salepixel.people import passwords, recovery, sessions, store, totp
from salepixel.people.own_changes import record_own_change
from salepixel.people.person import Person, secret_place


@dataclass(frozen=True, slots=True)
class Entered:
    """A session that began. `secret`: for the cookie. `needs_code`: it only serves to enter the code."""

    person: Person
    secret: str
    needs_code: bool


def find_with_password(connection: sa.Connection, email: str, password: str) -> Person | None:
    """The person with this address and password; None, after the same time, if one of them is wrong."""
    person = store.find_by_email(connection, normal_address(email))
    is_right = passwords.is_right(person.password if person else None, password)
    return person if is_right else None


def enter(connection: sa.Connection, person: Person, browser: str, at: datetime) -> Entered:
    """Begin the session of a person whose password was right. It always has a new id."""
    needs_code = bool(person.totp_secret)
    secret = sessions.start_session(connection, person.id, browser, at, needs_code=needs_code)
    if not needs_code:
        _signed_in(connection, person, at)
    return Entered(person, secret, needs_code)


def enter_code(
    connection: sa.Connection, keys: Keys, waiting: str, code: str, browser: str, at: datetime
) -> Entered | None:
    """Begin the session of a person who entered the password before; None for a wrong code.

    `waiting`: the secret of the session that needs the code; it ends. `code`: of the app, or a recovery code.
    """
    found = sessions.find_person(connection, waiting, at, needs_code=True)
    if found is None or not is_valid_code(connection, keys, found[0], code, at):
        return None
    person = found[0]
    sessions.end_session(connection, waiting)
    secret = sessions.start_session(connection, person.id, browser, at, needs_code=False)
    _signed_in(connection, person, at)
    return Entered(person, secret, needs_code=False)


def _signed_in(connection: sa.Connection, person: Person, at: datetime) -> None:
    store.change_person(connection, person.id, {"signed_in_at": at})
    record_own_change(connection, person, Action.SIGNED_IN)


def is_valid_code(connection: sa.Connection, keys: Keys, person: Person, code: str, at: datetime) -> bool:
    """Whether it is a code of the app or a recovery code of the person. It is used up by this."""
    try:
        secret = keys.open(secret_place(person.id), person.totp_secret)
    except BadSeal:
        secret = ""
    step = totp.find_step(secret, code, at, person.totp_step) if secret else None
    if step is not None:
        return store.use_step(connection, person.id, step)
    return recovery.use_code(connection, person.id, code)
