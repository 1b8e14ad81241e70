"""`salepixel key`: create, list and revoke API keys of an account."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from salepixel.accounts import use_cases
from salepixel.accounts.declined import BadField, NotFound
from salepixel.accounts.principal import COMMAND_LINE, KeyScope

MAX_DAYS = 3650


def create_key(connection: sa.Connection, emp_id: int, name: str, scope: KeyScope, days: int | None) -> str:
    """Create a key that is valid for some days, None for ever; returns what is printed. Raises Declined."""
    now = datetime.now(UTC)
    if days is not None and not 0 < days <= MAX_DAYS:
        raise BadField("days", f"must be 1 to {MAX_DAYS}")
    expires_at = None if days is None else now + timedelta(days=days)
    issued = use_cases.add_key(connection, COMMAND_LINE, emp_id, name, now, scope, expires_at)
    return f"{issued.key}\nCopy this key now: it is not stored. Its id is {issued.id}."


def list_keys(connection: sa.Connection, emp_id: int) -> str:
    """A line for each key: id, scope, expiry, last use, name. Raises NotFound."""
    _, found = use_cases.see_keys(connection, COMMAND_LINE, emp_id)
    return "\n".join(
        f"{one.id} {one.scope} expires={_time(one.expires_at)} used={_time(one.last_used_at)} {one.name}"
        for one in found
    )


def revoke_key(connection: sa.Connection, emp_id: int, key_id: str) -> str:
    """Revoke a key of an account; returns what is printed. Raises NotFound."""
    _, found = use_cases.see_keys(connection, COMMAND_LINE, emp_id)
    if all(one.id != key_id for one in found):
        raise NotFound("key")
    return f"revoked: {use_cases.remove_key(connection, COMMAND_LINE, key_id).name}"


def _time(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
