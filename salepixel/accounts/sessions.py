"""Sessions of the pages: a row for each, with the digest of an id that only the cookie has."""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from salepixel.accounts.api_keys import has_expired, key_principal
from salepixel.accounts.principal import Principal
from salepixel.storage.schema import api_keys, sessions

SESSION_HOURS = 12
"""A session ends this long after signing in, used or not."""


def start_session(connection: sa.Connection, key_digest: str, at: datetime) -> str:
    """Sign in with the key of this digest; returns the id for the cookie. Deletes ended sessions."""
    connection.execute(sa.delete(sessions).where(sessions.c.expires_at <= at))
    session_id = secrets.token_urlsafe(32)
    expires_at = at + timedelta(hours=SESSION_HOURS)
    values = {"digest": _digest(session_id), "key_digest": key_digest, "expires_at": expires_at}
    connection.execute(sa.insert(sessions), values)
    return session_id


def find_session_principal(connection: sa.Connection, session_id: str, at: datetime) -> Principal | None:
    """The principal of a session's key; None if it has ended, or if the key was revoked or has expired."""
    query = (
        sa.select(api_keys)
        .join(sessions, sessions.c.key_digest == api_keys.c.digest)
        .where(sessions.c.digest == _digest(session_id), sessions.c.expires_at > at)
    )
    row = connection.execute(query).first()
    return None if row is None or has_expired(row, at) else key_principal(row)


def end_session(connection: sa.Connection, session_id: str) -> None:
    """Sign out: the id is invalid, also in copies of its cookie."""
    connection.execute(sa.delete(sessions).where(sessions.c.digest == _digest(session_id)))


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
