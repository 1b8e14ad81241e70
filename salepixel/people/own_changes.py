"""A person's own changes in the audit list of each account that the person may use: its owners see them."""

import sqlalchemy as sa

from salepixel.accounts.audit import Action, Changes, record
from salepixel.accounts.principal import NOBODY, Principal, name_of
from salepixel.keys import normal_address
from salepixel.people import store
from salepixel.people.invitations import Invitation
from salepixel.people.person import Person, principal_of


def record_own_change(
    connection: sa.Connection,
    person: Person,
    action: Action,
    changes: Changes | None = None,
    principal: Principal | None = None,
) -> None:
    """Add a row for each account of the person. `principal`: who did it, if not the person."""
    rights = store.rights_of(connection, person.id)
    by = principal or principal_of(person, rights)
    for emp_id in rights:
        record(connection, by, emp_id, action, person.id, person.name, changes)


def record_joined(connection: sa.Connection, person: Person, invitation: Invitation) -> None:
    """Add a row about a person who accepted an invitation."""
    by, changes = store.read_principal(connection, person), {"role": (None, name_of(invitation.rights))}
    record(connection, by, invitation.emp_id, Action.JOINED, person.id, person.name, changes)


def record_failed_sign_in(connection: sa.Connection, email: str) -> None:
    """Add a row about a wrong password or code for a known person; at most one an hour (audit.FEEDS)."""
    person = store.find_by_email(connection, normal_address(email))
    if person is not None:
        record_own_change(connection, person, Action.SIGN_IN_FAILED, principal=NOBODY)
