"""Links that the command line prints: for the first person, for an invitation, for a lost password."""

from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.declined import BadField, UnknownAccount
from salepixel.accounts.principal import COMMAND_LINE, FULL, Rights, Role, name_of
from salepixel.accounts.store import get_account
from salepixel.keys import normal_address
from salepixel.people import invitations, recovery, store
from salepixel.people.own_changes import record_own_change
from salepixel.reading.emails import is_email
from salepixel.storage.schema import EVERYWHERE


def first_link(connection: sa.Connection, plugin_url: str, at: datetime) -> str | None:
    """The link with which the first person becomes an owner of the installation; None if there are people.

    Each call makes a new one, and the one before is no longer valid.
    """
    if store.has_people(connection):
        return None
    return link_of(plugin_url, invitations.add_invitation(connection, EVERYWHERE, "", FULL, at)[1])


def invite_person(
    connection: sa.Connection,
    plugin_url: str,
    email: str,
    emp_id: int | None,
    role: Role,
    at: datetime,
    *,
    without_second_factor: bool = False,
) -> str:
    """The link for a new password if there is a person with this address, or else for a new person.

    `emp_id` and `role`: those of a new person; None: the whole installation. `without_second_factor`: also
    turns off the second factor of a person who lost it. Raises BadField or UnknownAccount.
    """
    if not is_email(email):
        raise BadField("email", "must be an e-mail address")
    address = normal_address(email)
    known = store.find_by_email(connection, address)
    if known is not None:
        if without_second_factor:
            store.change_person(connection, known.id, {"totp_secret": ""})
            recovery.remove_codes(connection, known.id)
            record_own_change(connection, known, Action.SECOND_FACTOR_OFF, principal=COMMAND_LINE)
        made = invitations.add_invitation(connection, EVERYWHERE, address, FULL, at, known.id)
        record_own_change(connection, known, Action.PASSWORD_LINK_MADE, principal=COMMAND_LINE)
        return link_of(plugin_url, made[1])
    if emp_id is not None and get_account(connection, emp_id) is None:
        raise UnknownAccount(emp_id)
    place = EVERYWHERE if emp_id is None else emp_id
    made = invitations.add_invitation(connection, place, address, Rights(role), at)
    changes = {"role": (None, name_of(made[0].rights))}
    record(connection, COMMAND_LINE, place, Action.INVITED, made[0].id, "", changes)
    return link_of(plugin_url, made[1])


def link_of(plugin_url: str, secret: str) -> str:
    """The address of an invitation."""
    return f"{plugin_url}/join/{secret}"
