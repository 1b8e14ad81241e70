"""The use cases of failed forwards. Each use case raises Declined."""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.principal import HIDDEN, Principal
from salepixel.accounts.use_cases import target_account
from salepixel.destinations import outbox
from salepixel.destinations.outbox import DeadLetter


def see_dead_letters(
    connection: sa.Connection,
    principal: Principal,
    limit: int,
    before: tuple[datetime, str] | None,
    after: tuple[datetime, str] | None = None,
) -> list[DeadLetter]:
    """Failed forwards of the principal's accounts, newest first. `before`, `after`: as for `list_dead`."""
    found = outbox.list_dead(connection, principal.accounts, limit, before, after)
    return [one if _sees_address(principal, one.emp_id) else _only_host(one) for one in found]


def retry_dead(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int | None,
    at: datetime,
    only: str | None = None,
) -> int:
    """Retry the failed forwards of an account, or the one with this id; returns how many.

    None: those of all accounts that the principal may change. Raises NotAllowed or UnknownAccount.
    """
    if emp_id is not None:
        target_account(connection, principal, emp_id)
    scope = emp_id or principal.accounts_to_change()
    for its, count in outbox.dead_by_account(connection, scope, only).items():
        record(connection, principal, its, Action.FORWARDS_RETRIED, only or "", str(count))
    return outbox.retry_forwards(connection, scope, at, only)


def _sees_address(principal: Principal, emp_id: int) -> bool:
    return principal.sees_contacts(emp_id) and principal.may_change(emp_id)


def _only_host(letter: DeadLetter) -> DeadLetter:
    """The same with the host of its address only: the rest may name the contact, or have a key in it."""
    parts = urlsplit(letter.url)
    return replace(letter, url=f"{parts.scheme}://{parts.hostname or ''}/{HIDDEN}")
