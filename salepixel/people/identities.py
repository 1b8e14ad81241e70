"""Identities at a company's OpenID provider, each linked to one person, and signing in with them."""

from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action
from salepixel.accounts.declined import Conflict, NotAllowed
from salepixel.keys import NO_SECRET
from salepixel.people import invitations, sessions, store
from salepixel.people.openid import Identity
from salepixel.people.own_changes import record_joined, record_own_change
from salepixel.people.person import Person
from salepixel.storage.ids import new_id
from salepixel.storage.schema import identities
from salepixel.storage.upsert import insert, took_effect


def enter_with_identity(connection: sa.Connection, identity: Identity, language: str, at: datetime) -> Person:
    """The person whose identity this is. The caller has verified it, and begins the session.

    An unknown identity is linked, once, to the person with its verified e-mail address, or to a new person if
    an open invitation has the address. Open invitations to the address are accepted.
    Raises NotAllowed: `email_not_verified`, `not_invited`, or `other_identity` if the person is linked to
    another identity of this provider; or Conflict.
    """
    known = _find_linked(connection, identity)
    person = known or _find_invited(connection, identity, language, at)
    if known is None:
        _link(connection, identity, person, at)
    if identity.email == person.email:
        for open_one in invitations.list_invitations_of(connection, identity.email, at):
            if invitations.use_invitation(connection, open_one.id):
                store.put_member(connection, person.id, open_one.emp_id, open_one.rights, at)
                record_joined(connection, person, open_one)
    return store.get_person(connection, person.id) or person


def _find_linked(connection: sa.Connection, identity: Identity) -> Person | None:
    query = sa.select(identities.c.person_id).where(
        identities.c.issuer == identity.issuer, identities.c.subject == identity.subject
    )
    person_id = connection.scalar(query)
    return None if person_id is None else store.get_person(connection, person_id)


def _find_invited(connection: sa.Connection, identity: Identity, language: str, at: datetime) -> Person:
    if not identity.email:
        raise NotAllowed("email_not_verified")
    person = store.find_by_email(connection, identity.email)
    if person is not None:
        return person
    if not invitations.list_invitations_of(connection, identity.email, at):
        raise NotAllowed("not_invited", email=identity.email)
    name = identity.name or identity.email.partition("@")[0]
    person = Person(new_id(), identity.email, name, language, "", NO_SECRET, 0, at, None)
    if not store.add_person(connection, person):
        raise Conflict("email_taken")
    return person


def _link(connection: sa.Connection, identity: Identity, person: Person, at: datetime) -> None:
    """Link an identity, and remove the person's password, and links for a new one.

    Nobody has proved that the password was chosen by the one who has the address: the owner who invited it
    may have used the link. And who leaves the company must not have a second way in.
    """
    new = {"issuer": identity.issuer, "subject": identity.subject, "person_id": person.id, "created_at": at}
    statement = insert(connection, identities).values(new)
    if not took_effect(connection, statement.on_conflict_do_nothing()):
        raise NotAllowed("other_identity")
    store.change_person(connection, person.id, {"password": ""})
    invitations.remove_password_links(connection, person.id)
    sessions.end_sessions(connection, person.id)
    record_own_change(connection, person, Action.IDENTITY_LINKED)
