"""What the link of an invitation is good for. The secret in the link is the right to do it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.declined import BadField, Conflict, Invalid, NotFound
from salepixel.accounts.store import get_account
from salepixel.keys import NO_SECRET, normal_address
from salepixel.people import invitations, passwords, sessions, store
from salepixel.people.invitations import Invitation
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


def join(
    connection: sa.Connection,
    secret: str,
    email: str,
    name: str,
    language: str,
    password: str,
    at: datetime,
) -> Person:
    """Use an invitation, once: create its person, give a known one the membership, or set a new password.

    `email`: used only if the invitation names none. A known person gives the present password.
    Raises NotFound, BadField, Invalid for a wrong password, or Conflict for an address that is taken.
    """
    invited = see_invitation(connection, secret, at)
    invitation, person = invited.invitation, invited.person
    if not invited.sets_password and person is not None:
        if not passwords.is_right(person.password, password):
            raise Invalid("wrong_password")
    else:
        address = person.email if person else invitation.email or _address(email)
        known_as = person.name if person else name
        problem = passwords.find_problem(password, address, known_as)
        if problem is not None:
            raise BadField("password", problem)
    if not invitations.use_invitation(connection, invitation.id):
        raise NotFound("invitation")
    if invitation.person_id is not None and person is not None:
        store.change_person(connection, person.id, {"password": passwords.hash_password(password)})
        sessions.end_sessions(connection, person.id)
        return person
    if person is None:
        stored = passwords.hash_password(password)
        person = Person(new_id(), address, name, language, stored, NO_SECRET, 0, at, None)
        if not store.add_person(connection, person):
            raise Conflict("email_taken")
    store.put_member(connection, person.id, invitation.emp_id, invitation.rights, at)
    return person


def _address(email: str) -> str:
    if not is_email(email):
        raise BadField("email", "must be an e-mail address")
    return normal_address(email)
