"""Access, erasure and retention. Each use case takes a principal and raises Declined."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.declined import BadField, Conflict, NotFound
from salepixel.accounts.erased import lock_erased, remember_erased
from salepixel.accounts.principal import Change, Principal
from salepixel.accounts.store import lock_account
from salepixel.accounts.use_cases import change_account, see_account
from salepixel.computations.store import Wanted
from salepixel.computations.use_cases import Computed, find_result
from salepixel.computations.work import Json, Task, Tools, compute
from salepixel.keys import Keys
from salepixel.privacy import access
from salepixel.privacy.erase import NO_KEY, new_work
from salepixel.privacy.erasures import Erasure, add_erasure, close_erasure, get_erasure, list_erasures
from salepixel.privacy.export import count_rows
from salepixel.privacy.person import Person, find_person
from salepixel.privacy.retention import Kept, keep_setting, least_days, read_retention

MAX_DAYS = 3650
"""The longest retention in days, apart from for ever."""


class Period(NamedTuple):
    """How long a kind of data is kept. None: for ever. `least_days`: the fewest days that can be set."""

    days: int | None
    least_days: int


def begin_erasure(
    connection: sa.Connection, principal: Principal, keys: Keys, emp_id: int, who: str, at: datetime
) -> Erasure:
    """Add a person to the list of the erased, and store the work for `erase.finish_erasure`.

    `who`: a contact's reference or an e-mail address. From now on, no data is stored with it, even if it is
    unknown. Raises NotFound or BadField.
    """
    change_account(connection, principal, emp_id, Change.ACCESS)
    # Transactions that store clicks, contacts or orders commit before this lock, or read the new list.
    lock_account(connection, emp_id, exclusive=True)
    lock_erased(connection, emp_id, exclusive=True)
    person = _person(connection, keys, emp_id, who)
    remember_erased(connection, keys, emp_id, person.traces(), at)
    begun = add_erasure(connection, keys, emp_id, new_work(person), at)
    record(connection, principal, emp_id, Action.ERASURE_BEGUN, begun.id)
    return begun


def export_person(
    connection: sa.Connection, principal: Principal, tools: Tools, emp_id: int, who: str, now: datetime
) -> Json:
    """Everything that is stored about a person, as JSON, at once. Raises NotFound or BadField."""
    change_account(connection, principal, emp_id, Change.ACCESS)
    _person(connection, tools.sealer.keys, emp_id, who)
    return compute(
        connection,
        tools,
        access.step,
        Task(emp_id, access.parameters_of(tools.sealer.keys, emp_id, who), now),
    )


def find_export(
    connection: sa.Connection, principal: Principal, tools: Tools, emp_id: int, who: str, now: datetime
) -> Computed[Json]:
    """The same; if the account has many deliveries, the worker's last result."""
    if access.is_small(connection, emp_id):
        return Computed(export_person(connection, principal, tools, emp_id, who, now), now)
    change_account(connection, principal, emp_id, Change.ACCESS)
    _person(connection, tools.sealer.keys, emp_id, who)
    wanted = Wanted(emp_id, access.KIND, access.parameters_of(tools.sealer.keys, emp_id, who))
    return find_result(connection, principal, wanted, dict, now)


def count_person(
    connection: sa.Connection, principal: Principal, keys: Keys, emp_id: int, who: str
) -> dict[str, int]:
    """The number of rows about a person in each table with an index for it. Raises NotFound or BadField."""
    change_account(connection, principal, emp_id, Change.ACCESS)
    return count_rows(connection, _person(connection, keys, emp_id, who))


def see_erasures(connection: sa.Connection, principal: Principal, emp_id: int, limit: int) -> list[Erasure]:
    """The receipts of an account, newest first. Raises NotFound."""
    see_account(connection, principal, emp_id)
    return list_erasures(connection, emp_id, limit)


def see_erasure(connection: sa.Connection, principal: Principal, erasure_id: str) -> Erasure:
    """A receipt. Raises NotFound."""
    found = get_erasure(connection, erasure_id)
    if found is None or not principal.allows(found.emp_id):
        raise NotFound("erasure")
    return found


def resume_erasure(connection: sa.Connection, principal: Principal, erasure_id: str) -> Erasure:
    """An unfinished erasure, for `erase.finish_erasure`. Raises NotFound or NotAllowed."""
    found = _change_erasure(connection, principal, erasure_id)
    record(connection, principal, found.emp_id, Action.ERASURE_RETRIED, erasure_id)
    return found


def close_failed_erasure(
    connection: sa.Connection, principal: Principal, erasure_id: str, at: datetime
) -> Erasure:
    """Close an erasure whose person cannot be decrypted, because its key is lost; returns its receipt.

    Idempotent. Raises NotFound; Conflict for another erasure, which continues or can be retried.
    """
    found = _change_erasure(connection, principal, erasure_id)
    if found.error != NO_KEY:
        raise Conflict("erasure_can_continue")
    close_erasure(connection, erasure_id, at)
    record(connection, principal, found.emp_id, Action.ERASURE_CLOSED, erasure_id)
    return see_erasure(connection, principal, erasure_id)


def see_retention(connection: sa.Connection, principal: Principal, emp_id: int) -> dict[Kept, Period]:
    """How long an account keeps each kind of data. Raises NotFound."""
    account = see_account(connection, principal, emp_id)
    settings = read_retention(connection, emp_id)
    return {kind: Period(setting.days, least_days(account, kind)) for kind, setting in settings.items()}


def change_retention(
    connection: sa.Connection, principal: Principal, emp_id: int, days: Mapping[Kept, int | None]
) -> dict[Kept, Period]:
    """Set for how many days (`least_days` to MAX_DAYS, None for ever) an account keeps some kinds of data.

    Returns all kinds. Deleted data does not come back. Raises NotFound or BadField.
    """
    account = change_account(connection, principal, emp_id, Change.ACCESS)
    for kind, number in days.items():
        least = least_days(account, kind)
        if number is not None and not least <= number <= MAX_DAYS:
            raise BadField(kind, f"must be {least} to {MAX_DAYS} days")
    lock_account(connection, emp_id, exclusive=True)
    before = read_retention(connection, emp_id)
    for kind, number in days.items():
        keep_setting(connection, emp_id, kind, replace(before[kind], days=number))
    differs = {str(kind): (before[kind].days, number) for kind, number in days.items()}
    differs = {kind: pair for kind, pair in differs.items() if pair[0] != pair[1]}
    record(connection, principal, emp_id, Action.RETENTION_CHANGED, str(emp_id), account.name, differs)
    return see_retention(connection, principal, emp_id)


def _change_erasure(connection: sa.Connection, principal: Principal, erasure_id: str) -> Erasure:
    found = see_erasure(connection, principal, erasure_id)
    principal.require_change(found.emp_id, Change.ACCESS)
    return found


def _person(connection: sa.Connection, keys: Keys, emp_id: int, who: str) -> Person:
    person = find_person(connection, keys, emp_id, who)
    if not person.refs and not person.addresses:
        raise BadField("contact", "must be a contact's reference or an e-mail address")
    return person
