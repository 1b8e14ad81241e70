"""Invitations by link: for a new member of an account, or for a person who lost the password."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from salepixel.accounts.principal import Rights, Role
from salepixel.storage.ids import new_id
from salepixel.storage.schema import EVERYWHERE, invitations

VALID_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation. `emp_id`: an account or EVERYWHERE; an empty `email`: for everybody with the link.

    `person_id`: a person who chooses a new password, and gets no membership.
    """

    id: str
    emp_id: int
    email: str
    rights: Rights
    person_id: str | None
    created_at: datetime
    expires_at: datetime

    @property
    def is_first(self) -> bool:
        """True for the link that the first start prints."""
        return self.emp_id == EVERYWHERE and not self.email


def add_invitation(
    connection: sa.Connection,
    emp_id: int,
    email: str,
    rights: Rights,
    at: datetime,
    person_id: str | None = None,
    *,
    replaces: bool = True,
) -> tuple[Invitation, str]:
    """Store an invitation; returns it, and the secret of its link.

    `replaces`: in place of earlier ones for the same. Only the digest of the secret is stored. Deletes
    expired invitations.
    """
    same = sa.and_(
        invitations.c.emp_id == emp_id,
        invitations.c.email == email,
        invitations.c.person_id.is_(None) if person_id is None else invitations.c.person_id == person_id,
    )
    ended = invitations.c.expires_at <= at
    connection.execute(sa.delete(invitations).where(sa.or_(same, ended) if replaces else ended))
    new, secret = Invitation(new_id(), emp_id, email, rights, person_id, at, at + VALID_FOR), _new_secret()
    values = {
        "id": new.id,
        "digest": _digest(secret),
        "emp_id": emp_id,
        "email": email,
        "role": rights.role,
        "contacts": rights.contacts,
        "person_id": person_id,
        "created_at": at,
        "expires_at": new.expires_at,
    }
    connection.execute(sa.insert(invitations), values)
    return new, secret


def find_invitation(connection: sa.Connection, secret: str, at: datetime) -> Invitation | None:
    """The invitation of a link; None if it was used, has expired or never existed."""
    this = invitations.c.digest == _digest(secret), invitations.c.expires_at > at
    return next(iter(_list(connection, *this)), None)


def get_invitation(connection: sa.Connection, its_id: str) -> Invitation | None:
    """The invitation, or None."""
    return next(iter(_list(connection, invitations.c.id == its_id)), None)


def list_invitations(connection: sa.Connection, emp_id: int, at: datetime) -> list[Invitation]:
    """The open invitations to an account or to EVERYWHERE, newest first; not those for a new password."""
    its = invitations.c.emp_id == emp_id, invitations.c.expires_at > at, invitations.c.person_id.is_(None)
    return _list(connection, *its)


def list_invitations_of(connection: sa.Connection, email: str, at: datetime) -> list[Invitation]:
    """The open invitations of an e-mail address (keys.normal_address); not those for a new password."""
    its = invitations.c.email == email, invitations.c.expires_at > at, invitations.c.person_id.is_(None)
    return _list(connection, *its) if email else []


def use_invitation(connection: sa.Connection, its_id: str) -> bool:
    """Delete an invitation; False if another request has used it."""
    return connection.execute(sa.delete(invitations).where(invitations.c.id == its_id)).rowcount > 0


def remove_password_links(connection: sa.Connection, person_id: str) -> None:
    """Delete the links with which a person could choose a new password."""
    connection.execute(sa.delete(invitations).where(invitations.c.person_id == person_id))


def _list(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> list[Invitation]:
    query = sa.select(invitations).where(*which).order_by(invitations.c.created_at.desc(), invitations.c.id)
    return [
        Invitation(
            row.id,
            row.emp_id,
            row.email,
            Rights(Role(row.role), row.contacts),
            row.person_id,
            row.created_at,
            row.expires_at,
        )
        for row in connection.execute(query)
    ]


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
