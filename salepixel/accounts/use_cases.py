"""Use cases of accounts and their keys. Each takes a principal and raises Declined."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from salepixel.accounts import api_keys, store
from salepixel.accounts.api_keys import KeyEntry
from salepixel.accounts.audit import Action, record
from salepixel.accounts.audit_list import AuditPage, Filter, Step, list_audit
from salepixel.accounts.declined import BadField, Conflict, NotAllowed, NotFound, UnknownAccount
from salepixel.accounts.pixel_secret import new_pixel_secret
from salepixel.accounts.principal import Change, KeyScope, Principal
from salepixel.accounts.store import Account
from salepixel.keys import Keys
from salepixel.storage.schema import EVERYWHERE

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `key` is shown only now: just its digest is stored."""

    id: str
    key: str


def see_account(connection: sa.Connection, principal: Principal, emp_id: int) -> Account:
    """An account that the principal may see. Raises NotFound."""
    # For numbers above 64 bits, the database would raise an error instead of finding nothing.
    account = store.get_account(connection, emp_id) if 0 < emp_id < 2**32 else None
    if account is None or not principal.allows(emp_id):
        raise NotFound("account")
    return account


def change_account(
    connection: sa.Connection, principal: Principal, emp_id: int, what: Change = Change.CONTENT
) -> Account:
    """An account that the principal may see, to change this in it. Raises NotFound or NotAllowed."""
    account = see_account(connection, principal, emp_id)
    principal.require_change(emp_id, what)
    return account


def target_account(
    connection: sa.Connection, principal: Principal, emp_id: int, what: Change = Change.CONTENT
) -> Account:
    """The account to create something in. Raises NotAllowed or UnknownAccount."""
    if not principal.allows(emp_id):
        raise NotAllowed("other_account", emp_id=emp_id)
    principal.require_change(emp_id, what)
    account = store.get_account(connection, emp_id)
    if account is None:
        raise UnknownAccount(emp_id)
    return account


def create_account(
    connection: sa.Connection, principal: Principal, keys: Keys, values: Mapping[str, Any], at: datetime
) -> Account:
    """Create an account with these values of `Account` and a new pixel secret.

    Raises NotAllowed, or Conflict if its empId is taken.
    """
    principal.require_ownership()
    account = Account(**values, created_at=at, pixel_secret=new_pixel_secret(keys, values["emp_id"]))
    if not store.add_account(connection, account):
        raise Conflict("taken", emp_id=account.emp_id)
    for its in (EVERYWHERE, account.emp_id):
        record(connection, principal, its, Action.ACCOUNT_CREATED, str(account.emp_id), account.name)
    return account


def add_key(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    name: str,
    at: datetime,
    scope: KeyScope = KeyScope.WRITE,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """Create a key for this account only. `expires_at`: None: never.

    Raises NotFound, NotAllowed, or BadField for an expiry in the past.
    """
    change_account(connection, principal, emp_id, Change.ACCESS)
    if expires_at is not None and expires_at <= at:
        raise BadField("expires_at", "must be in the future")
    key = "sp_" + secrets.token_urlsafe(32)
    issued = IssuedKey(api_keys.add_api_key(connection, key, emp_id, name, at, scope, expires_at), key)
    changes = {"scope": (None, scope)} | ({"expires_at": (None, expires_at)} if expires_at else {})
    record(connection, principal, emp_id, Action.KEY_CREATED, issued.id, name, changes)
    return issued


def see_keys(connection: sa.Connection, principal: Principal, emp_id: int) -> tuple[Account, list[KeyEntry]]:
    """An account with its keys, oldest first, for its owners. Raises NotFound or NotAllowed."""
    account = change_account(connection, principal, emp_id, Change.ACCESS)
    return account, [one for one in api_keys.list_api_keys(connection, principal) if one.emp_id == emp_id]


def see_all_keys(connection: sa.Connection, principal: Principal) -> list[KeyEntry]:
    """The keys of the accounts that the principal owns, oldest first. Raises NotAllowed if it owns none."""
    owned = principal.accounts_to_change(Change.ACCESS)
    if owned == frozenset():
        raise NotAllowed("for_owners")
    found = api_keys.list_api_keys(connection, principal)
    return [one for one in found if owned is None or one.emp_id in owned]


def remove_key(connection: sa.Connection, principal: Principal, key_id: str) -> KeyEntry:
    """Revoke a key and its sessions. Raises NotFound, NotAllowed, or Conflict for the key in the settings."""
    found = (entry for entry in api_keys.list_api_keys(connection, principal) if entry.id == key_id)
    entry = next(found, None)
    if entry is None:
        raise NotFound("key")
    may = principal.accounts_to_change(Change.ACCESS)
    if may is not None and entry.emp_id not in may:
        raise NotAllowed("for_owners")
    if entry.is_of_settings:
        raise Conflict("key_of_settings", setting=api_keys.FIRST_KEY)
    api_keys.remove_api_key(connection, key_id)
    record(connection, principal, entry.emp_id or EVERYWHERE, Action.KEY_REVOKED, entry.id, entry.name)
    return entry


def see_audit(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    wanted: Filter,
    step: Step | None,
    limit: int,
) -> AuditPage:
    """A page of the audit list of an account, or of the installation (EVERYWHERE), for its owners.

    Raises NotFound or NotAllowed.
    """
    if emp_id == EVERYWHERE:
        principal.require_ownership()
    else:
        change_account(connection, principal, emp_id, Change.ACCESS)
    return list_audit(connection, emp_id, wanted, step, limit)
