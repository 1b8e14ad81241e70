"""Use cases of alerts. Each raises Declined."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.declined import BadField, Conflict, NotFound
from salepixel.accounts.erased import is_erased
from salepixel.accounts.principal import Principal
from salepixel.accounts.store import Account
from salepixel.accounts.use_cases import change_account, see_account
from salepixel.keys import Keys
from salepixel.reading.emails import read_recipient
from salepixel.storage.ids import is_id
from salepixel.watch import store
from salepixel.watch.store import Address, Alert, Canary


@dataclass(frozen=True, slots=True)
class Watch:
    """The alerts of an account: who gets them, the last of each kind, and its canary, if it has one."""

    account: Account
    addresses: list[Address]
    alerts: list[Alert]
    canary: Canary | None


def see_watch(connection: sa.Connection, principal: Principal, emp_id: int) -> Watch:
    """The alerts of an account. Raises NotFound."""
    account = see_account(connection, principal, emp_id)
    addresses, alerts = store.list_addresses(connection, emp_id), store.list_alerts(connection, emp_id)
    return Watch(account, addresses, alerts, store.get_canary(connection, emp_id))


def add_address(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    name: str,
    address: str,
    language: str,
    at: datetime,
) -> Address:
    """Add an e-mail address, or one of apprise such as `slack://...`; sends it a test message.

    Raises NotFound, BadField or Conflict.
    """
    change_account(connection, principal, emp_id)
    scheme, is_service, rest = address.partition("://")
    if not is_service:
        address = read_recipient(address)
        if address and is_erased(connection, keys, emp_id, address):
            raise Conflict("address_erased")
    elif not (rest and scheme.isalnum() and scheme.isascii() and address.isprintable()):
        address = ""
    if not address:
        raise BadField("address", "must be an e-mail address, or an address of apprise such as slack://...")
    if len(store.list_addresses(connection, emp_id)) >= store.MAX_ADDRESSES:
        raise Conflict("too_many_addresses", most=store.MAX_ADDRESSES)
    made = store.add_address(connection, keys, emp_id, name, address, language, at)
    store.add_test(connection, made, at)
    store.add_open_alerts(connection, made, at)
    store.look_soon(connection, emp_id, at)
    record(connection, principal, emp_id, Action.ALERT_ADDRESS_ADDED, made.id, made.service)
    return made


def see_address(connection: sa.Connection, principal: Principal, address_id: str) -> Address:
    """An address that the principal may see. Raises NotFound."""
    found = store.get_address(connection, address_id) if is_id(address_id) else None
    if found is None or not principal.allows(found.emp_id):
        raise NotFound("address")
    return found


def remove_address(connection: sa.Connection, principal: Principal, address_id: str) -> Address:
    """Remove an address. Raises NotFound."""
    found = see_address(connection, principal, address_id)
    principal.require_change(found.emp_id)
    store.remove_address(connection, found.id)
    record(connection, principal, found.emp_id, Action.ALERT_ADDRESS_REMOVED, found.id, found.service)
    return found


def send_test(connection: sa.Connection, principal: Principal, address_id: str, at: datetime) -> Address:
    """Put a test message for an address into the queue. Raises NotFound."""
    found = see_address(connection, principal, address_id)
    principal.require_change(found.emp_id)
    store.add_test(connection, found, at)
    record(connection, principal, found.emp_id, Action.ALERT_TESTED, found.id, found.service)
    return found


def run_canary_now(connection: sa.Connection, principal: Principal, emp_id: int, at: datetime) -> None:
    """Let the canary of an account run now, unless it is running. Raises NotFound."""
    change_account(connection, principal, emp_id)
    canary = store.get_canary(connection, emp_id)
    if canary is None:
        raise NotFound("canary")
    if canary.phase == "idle":
        store.change_canary(connection, emp_id, {"next_at": at})
        record(connection, principal, emp_id, Action.CANARY_RUN, str(emp_id))
