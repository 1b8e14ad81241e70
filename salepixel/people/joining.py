"""What the link of an invitation is good for. The secret in the link is the right to do it.

Passwords are checked and hashed before the transaction that writes: Argon2 takes about 20 ms of CPU, and
SQLite has one writer.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action
from salepixel.accounts.declined import BadField, Conflict, Invalid, NotFound
from salepixel.accounts.store import get_account
from salepixel.keys import NO_SECRET, normal_address
from salepixel.people import invitations, passwords, sessions, store
from salepixel.people.invitations import Invitation
from salepixel.people.own_changes import record_joined, record_own_change
from salepixel.people.person import Person
from salepixel.reading.emails import is_email
from salepixel.storage.ids import new_id
from salepixel.storage.schema import EVERYWHERE


@dataclass(frozen=True, slots=True)
class Invited:
    """An open invitation; the account's name, or None for the whole installation.

    `person`: who is invited, or None if the person is new, or if anybody may use the link.
    """

    invitation: Invitation
    account: str | None
    person: Person | None

    @property
    def sets_password(self) -> bool:
        """Whether a password is chosen, or else the person's own one is asked for."""
        return self.person is None or self.invitation.person_id is not None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to an invitation. `email`: of the person. `stored`: the new password, hashed.

    `confirmed`: the stored password of a known person that was right; None if a new one was chosen.
    """

    email: str
    stored: str
    confirmed: str | None


def see_invitation(connection: sa.Connection, secret: str, at: datetime) -> Invited:
    """The invitation of a link. Raises NotFound if it was used, withdrawn, has expired or never existed."""
    found = invitations.find_invitation(connection, secret, at)
    if found is None or (found.is_first and store.has_people(connection)):
        raise NotFound("invitation")
    account = None
    if found.emp_id != EVERYWHERE:
        known = get_account(connection, found.emp_id)
        if known is None:
            raise NotFound("invitation")
        account = known.name
    if found.person_id is not None:
        person = store.get_person(connection, found.person_id)
        if person is None:
            raise NotFound("invitation")
    else:
        person = store.find_by_email(connection, found.email) if found.email else None
    return Invited(found, account, person)


def accept(invited: Invited, email: str, name: str, password: str) -> Accepted:
    """The answer of a form, checked; uses no connection.

    `email`: used only if the invitation names none. A known person gives the present password, others choose
    one. Raises BadField, or Invalid for a wrong password.
    """
    person = invited.person
    if not invited.sets_password and person is not None:
        if not passwords.is_right(person.password, password):
            raise Invalid("wrong_password")
        return Accepted(person.email, "", person.password)
    address = person.email if person else invited.invitation.email or _address(email)
    problem = passwords.find_problem(password, address, person.name if person else name)
    if problem is not None:
        raise BadField("password", problem)
    return Accepted(address, passwords.hash_password(password), None)


def join(
    connection: sa.Connection, secret: str, accepted: Accepted, name: str, language: str, at: datetime
) -> Person:
    """Use an invitation, once: create its person, give a known one the membership, or set a new password.

    Raises NotFound, Invalid for a password that was changed meanwhile, or Conflict for an address that is
    taken.
    """
    invited = see_invitation(connection, secret, at)
    invitation, person = invited.invitation, invited.person
    if accepted.confirmed is not None and (person is None or person.password != accepted.confirmed):
        raise Invalid("wrong_password")
    if not invited.sets_password and accepted.confirmed is None:
        raise Conflict("email_taken")
    if not invitations.use_invitation(connection, invitation.id):
        raise NotFound("invitation")
    if invitation.person_id is not None and person is not None:
        store.change_person(connection, person.id, {"password": accepted.stored})
        sessions.end_sessions(connection, person.id)
        record_own_change(connection, person, Action.PASSWORD_CHANGED)
        return person
    if person is None:
        person = Person(new_id(), accepted.email, name, language, accepted.stored, NO_SECRET, 0, at, None)
        if not store.add_person(connection, person):
            raise Conflict("email_taken")
    store.put_member(connection, person.id, invitation.emp_id, invitation.rights, at)
    record_joined(connection, person, invitation)
    return person


def _address(email: str) -> str:
    if not is_email(email):
        raise BadField("email", "must be an e-mail address")
    return normal_address(email)
