"""Use cases of people: members of an account, and a person's own settings. Each raises Declined.

`emp_id` is an account, or EVERYWHERE for the whole installation.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action, differences, record
from salepixel.accounts.declined import BadField, Conflict, Invalid, NotAllowed, NotFound
from salepixel.accounts.principal import Change, Principal, Rights, Role, name_of
from salepixel.accounts.use_cases import change_account
from salepixel.keys import BadSeal, Keys, Sealed, normal_address
from salepixel.people import invitations, passwords, recovery, sessions, sign_in, store, totp
from salepixel.people.invitations import Invitation
from salepixel.people.own_changes import record_own_change
from salepixel.people.person import Member, Person, secret_place
from salepixel.people.sessions import Session
from salepixel.reading.emails import is_email
from salepixel.storage.schema import EVERYWHERE


@dataclass(frozen=True, slots=True)
class Members:
    """The members of an account or of EVERYWHERE, and the open invitations. `account`: its name, or None."""

    account: str | None
    members: list[Member]
    invitations: list[Invitation]


@dataclass(frozen=True, slots=True)
class Me:
    """A person's own settings. `codes`: recovery codes that are left."""

    person: Person
    sessions: list[Session]
    codes: int


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A new password, hashed, and the stored one that was confirmed."""

    stored: str
    confirmed: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A second factor that is not on yet. `sealed`: its secret, as the form sends it back."""

    secret: str
    sealed: Sealed


def see_members(connection: sa.Connection, principal: Principal, emp_id: int, at: datetime) -> Members:
    """The people who may use an account. Only owners see them. Raises NotFound or NotAllowed."""
    account = _require_owner(connection, principal, emp_id)
    return Members(
        account,
        store.list_members(connection, emp_id),
        invitations.list_invitations(connection, emp_id, at),
    )


def invite(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    email: str,
    rights: Rights,
    at: datetime,
    *,
    replaces: bool = True,
) -> tuple[Invitation, str]:
    """Invite somebody; returns the invitation, and the secret of its link, which is shown only now.

    `replaces`: earlier invitations of the same person end. Raises NotFound, NotAllowed, BadField, or
    Conflict if the person is a member.
    """
    _require_owner(connection, principal, emp_id)
    if not is_email(email):
        raise BadField("email", "must be an e-mail address")
    address = normal_address(email)
    if any(member.email == address for member in store.list_members(connection, emp_id)):
        raise Conflict("already_member")
    made = invitations.add_invitation(connection, emp_id, address, _complete(rights), at, replaces=replaces)
    changes = {"role": (None, name_of(made[0].rights))}
    record(connection, principal, emp_id, Action.INVITED, made[0].id, "", changes)
    return made


def withdraw_invitation(connection: sa.Connection, principal: Principal, its_id: str) -> Invitation:
    """Withdraw an invitation; returns it. Raises NotFound or NotAllowed."""
    found = invitations.get_invitation(connection, its_id)
    if found is None or not _sees(principal, found.emp_id):
        raise NotFound("invitation")
    _require_owner(connection, principal, found.emp_id)
    invitations.use_invitation(connection, its_id)
    record(connection, principal, found.emp_id, Action.INVITATION_WITHDRAWN, found.id)
    return found


def change_member(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    person_id: str,
    rights: Rights,
    at: datetime,
) -> Member:
    """Change the rights of a member; returns it.

    Raises NotFound, NotAllowed, or Conflict for the last owner.
    """
    _require_owner(connection, principal, emp_id)
    store.lock_members(connection, emp_id)
    member = _find_member(connection, emp_id, person_id)
    if rights.role is not Role.OWNER:
        _require_other_owner(connection, emp_id, person_id)
    new = _complete(rights)
    store.put_member(connection, person_id, emp_id, new, at)
    if new != member.rights:
        changes = {"role": (name_of(member.rights), name_of(new))}
        record(connection, principal, emp_id, Action.MEMBER_CHANGED, person_id, member.name, changes)
    return replace(member, rights=new)


def remove_member(connection: sa.Connection, principal: Principal, emp_id: int, person_id: str) -> Member:
    """Take an account from a person; the person's sessions have no access to it from now on.

    Returns the member. Raises NotFound, NotAllowed, or Conflict for the last owner.
    """
    _require_owner(connection, principal, emp_id)
    store.lock_members(connection, emp_id)
    member = _find_member(connection, emp_id, person_id)
    _require_other_owner(connection, emp_id, person_id)
    store.remove_member(connection, person_id, emp_id)
    record(connection, principal, emp_id, Action.MEMBER_REMOVED, person_id, member.name)
    return member


def see_me(connection: sa.Connection, principal: Principal, at: datetime) -> Me:
    """The principal's own settings. Raises NotAllowed for an API key."""
    person = _me(connection, principal)
    return Me(
        person,
        sessions.list_sessions(connection, person.id, at),
        recovery.count_codes(connection, person.id),
    )


def change_me(
    connection: sa.Connection, principal: Principal, name: str, language: str, languages: Collection[str]
) -> None:
    """Change the principal's own name and language, one of `languages`. Raises NotAllowed or BadField."""
    person = _me(connection, principal)
    if not name:
        raise BadField("name", "must not be empty")
    if language not in languages:
        raise BadField("language", f"must be one of {', '.join(sorted(languages))}")
    store.change_person(connection, person.id, {"name": name, "language": language})
    differs = differences(person, replace(person, name=name, language=language), ("name", "language"))
    record_own_change(connection, person, Action.PERSON_CHANGED, differs)


def confirm_password(connection: sa.Connection, principal: Principal, password: str) -> str:
    """The principal's own stored password, if this is it: what a change that needs it takes.

    To be called before the transaction that writes: Argon2 takes about 20 ms of CPU, and SQLite has one
    writer. A person without a password, who signs in with a company account, has nothing to confirm.
    Raises NotAllowed, or Invalid for a wrong password.
    """
    person = _me(connection, principal)
    if not person.password:
        return ""
    if not passwords.is_right(person.password, password):
        raise Invalid("wrong_password")
    return person.password


def choose_password(connection: sa.Connection, principal: Principal, old: str, new: str) -> NewPassword:
    """A new password of the principal's own, as `change_password` takes it; nothing is stored.

    Raises NotAllowed, Invalid for a wrong present password, or BadField.
    """
    person = _me(connection, principal)
    if not person.password:
        raise Invalid("no_password")
    confirmed = confirm_password(connection, principal, old)
    problem = passwords.find_problem(new, person.email, person.name)
    if problem is not None:
        raise BadField("password", problem)
    return NewPassword(passwords.hash_password(new), confirmed)


def change_password(
    connection: sa.Connection, principal: Principal, new: NewPassword, session_id: str
) -> None:
    """Change the principal's own password. All sessions but this one end. Raises NotAllowed or Invalid."""
    person = _me_with_password(connection, principal, new.confirmed)
    store.change_person(connection, person.id, {"password": new.stored})
    sessions.end_sessions(connection, person.id, but=session_id)
    record_own_change(connection, person, Action.PASSWORD_CHANGED)


def begin_second_factor(connection: sa.Connection, principal: Principal, keys: Keys) -> Enrolment:
    """A new secret for an authenticator app; nothing is stored.

    Raises NotAllowed, or Conflict if the second factor is on.
    """
    person = _me(connection, principal)
    if person.totp_secret:
        raise Conflict("second_factor_on")
    if not person.password:  # the company's provider is responsible for it
        raise Invalid("no_password")
    secret = totp.new_secret()
    return Enrolment(secret, keys.seal(secret_place(person.id), secret))


def see_enrolment(connection: sa.Connection, principal: Principal, keys: Keys, sealed: str) -> Enrolment:
    """The enrolment that a form sends back. Raises NotAllowed, or Invalid if it was changed."""
    person = _me(connection, principal)
    try:
        secret = keys.open(secret_place(person.id), Sealed(sealed))
    except BadSeal:
        secret = ""
    if not secret:
        raise Invalid("enrolment_damaged")
    return Enrolment(secret, Sealed(sealed))


def turn_on_second_factor(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    sealed: str,
    confirmed: str,
    code: str,
    at: datetime,
) -> list[str]:
    """Turn the second factor on with the first code of the app; returns ten recovery codes.

    `confirmed`: from `confirm_password`. The codes are shown only now. Raises NotAllowed, Conflict if it is
    on, or Invalid.
    """
    enrolment = see_enrolment(connection, principal, keys, sealed)
    person = _me_with_password(connection, principal, confirmed)
    if person.totp_secret:
        raise Conflict("second_factor_on")
    if not person.password:
        raise Invalid("no_password")
    step = totp.find_step(enrolment.secret, code, at, 0)
    if step is None:
        raise Invalid("wrong_code")
    store.change_person(connection, person.id, {"totp_secret": enrolment.sealed, "totp_step": step})
    record_own_change(connection, person, Action.SECOND_FACTOR_ON)
    return recovery.renew_codes(connection, person.id)


def turn_off_second_factor(
    connection: sa.Connection, principal: Principal, keys: Keys, confirmed: str, code: str, at: datetime
) -> None:
    """Turn the second factor off; `confirmed`: from `confirm_password`. Raises NotAllowed or Invalid."""
    person = _me_with_password(connection, principal, confirmed)
    if person.totp_secret and not sign_in.is_valid_code(connection, keys, person, code, at):
        raise Invalid("wrong_code")
    store.change_person(connection, person.id, {"totp_secret": ""})
    recovery.remove_codes(connection, person.id)
    if person.totp_secret:
        record_own_change(connection, person, Action.SECOND_FACTOR_OFF)


def end_my_sessions(
    connection: sa.Connection, principal: Principal, *, only: str | None = None, but: str | None = None
) -> None:
    """End sessions of the principal: see sessions.end_sessions. Raises NotAllowed for an API key."""
    person = _me(connection, principal)
    sessions.end_sessions(connection, person.id, only=only, but=but)
    record_own_change(connection, person, Action.SESSIONS_ENDED)


def _require_owner(connection: sa.Connection, principal: Principal, emp_id: int) -> str | None:
    if emp_id != EVERYWHERE:
        return change_account(connection, principal, emp_id, Change.ACCESS).name
    principal.require_ownership()
    return None


def _sees(principal: Principal, emp_id: int) -> bool:
    return principal.accounts is None if emp_id == EVERYWHERE else principal.allows(emp_id)


def _complete(rights: Rights) -> Rights:
    """Contacts are hidden only from viewers: others import and export them."""
    return rights if rights.role is Role.VIEWER else Rights(rights.role)


def _find_member(connection: sa.Connection, emp_id: int, person_id: str) -> Member:
    for member in store.list_members(connection, emp_id):
        if member.person_id == person_id:
            return member
    raise NotFound("member")


def _require_other_owner(connection: sa.Connection, emp_id: int, person_id: str) -> None:
    owners = {
        member.person_id
        for member in store.list_members(connection, emp_id)
        if member.rights.role is Role.OWNER
    }
    if owners == {person_id}:
        raise Conflict("last_owner")


def _me(connection: sa.Connection, principal: Principal) -> Person:
    person = store.get_person(connection, principal.person_id) if principal.person_id else None
    if person is None:
        raise NotAllowed("not_a_person")
    return person


def _me_with_password(connection: sa.Connection, principal: Principal, confirmed: str) -> Person:
    person = _me(connection, principal)
    if person.password != confirmed:  # it was changed meanwhile
        raise Invalid("wrong_password")
    return person
