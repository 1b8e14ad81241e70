"""A person who signs in, and the accounts that the person may use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from salepixel.accounts.principal import Principal, Rights
from salepixel.keys import Place, Sealed
from salepixel.storage.schema import EVERYWHERE, people


@dataclass(frozen=True, slots=True)
class Person:
    """A person. `totp_secret` is encrypted for `secret_place`; empty: no second factor.

    `totp_step`: the step of the last code that was used, so that no code is valid twice.
    """

    id: str
    email: str
    name: str
    language: str
    password: str
    totp_secret: Sealed
    totp_step: int
    created_at: datetime
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person with the rights in an account, or in the whole installation."""

    person_id: str
    email: str
    name: str
    rights: Rights
    has_second_factor: bool
    signed_in_at: datetime | None


def secret_place(person_id: str) -> Place:
    """The place of a person's TOTP secret."""
    return Place(people.name, person_id, people.c.totp_secret.name)


def principal_of(person: Person, memberships: Mapping[int, Rights]) -> Principal:
    """The principal of a person with these memberships, by empId or EVERYWHERE."""
    rights = {None if emp_id == EVERYWHERE else emp_id: its for emp_id, its in memberships.items()}
    return Principal(rights, person.name or person.email, person.id)
