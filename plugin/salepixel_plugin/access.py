"""Who asks, and what they may see: API keys, sessions, and refusals that say what to do."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import sqlalchemy as sa
from flask import g, request

from salepixel.accounts import sessions
from salepixel.accounts import store as accounts
from salepixel.accounts.api_keys import KeyScope, find_digest_scope, key_digest
from salepixel.accounts.store import Account
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.store import Campaign
from salepixel_plugin.languages import N_
from salepixel_plugin.rejections import count_refusal
from salepixel_plugin.services import services

SESSION_COOKIE = "salepixel_session"
_ID_LENGTH = 12
_UNKNOWN_KEY = N_("This API key is not valid. Check that you copied all of it.")
_TOO_MANY = N_("Too many wrong keys came from your network. Try again in %(minutes)s minutes.")


class Refusal(Exception):
    """An answer that is no: its status, the name of the reason, and a message that says what to do.

    `said` is the message without its `words`, as translations know it. `retry_after`: in so many seconds it
    may be another answer; 0 when it never will.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        errors: Mapping[str, list[str]] | None = None,
        retry_after: int = 0,
        **words: object,
    ) -> None:
        self.status = status
        self.reason = reason
        self.said, self.words = message, words
        self.message = message % words if words else message
        self.errors = dict(errors or {})
        self.retry_after = retry_after
        super().__init__(self.message)


def not_found(what: str) -> Refusal:
    """The same for a thing that does not exist and for one of another account: nothing is revealed."""
    return Refusal(404, "not_found", f"There is no such {what}, or this key does not open it.")


def bearer_scope() -> KeyScope | None:
    """What the key in the Authorization header may do; None without such a header.

    Raises a Refusal (401) for a key that is not ours.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    scope = find_scope(key.strip())
    if scope is None:
        raise Refusal(401, "bad_key", _UNKNOWN_KEY)
    return scope


def session_scope() -> KeyScope | None:
    """What the key that a person signed in with may do; None when nobody did."""
    session_id = request.cookies.get(SESSION_COOKIE)
    if not session_id:
        return None
    with services().database.read() as connection:
        found = sessions.find_session_scope(connection, session_id, datetime.now(UTC))
    g.salepixel_signed_in = found is not None
    return found


def is_signed_in() -> bool:
    """True when a session opened this request."""
    return bool(g.get("salepixel_signed_in", False))


def find_scope(key: str) -> KeyScope | None:
    """What a key may do; one that is not ours is counted.

    Raises a Refusal (429) for a key that was never right, from an address that sent too many wrong ones.
    """
    here, digest, address = services(), key_digest(key), request.remote_addr or ""
    if pause := here.wrong_keys.pause(address, digest):
        minutes = -(-pause // 60)
        raise Refusal(429, "too_many_wrong_keys", _TOO_MANY, retry_after=pause, minutes=minutes)
    with here.database.read() as connection:
        found = find_digest_scope(connection, digest) if key else None
    if found is not None:
        here.wrong_keys.note_right(digest)
        return found
    count_refusal("key", "bad_key")
    if here.wrong_keys.note_wrong(address):
        count_refusal("key", "too_many_wrong_keys")
    return None


def sign_in(key: str) -> str | None:
    """Begin a session; gives the id for its cookie, None for a key that is not ours.

    Raises a Refusal (429) as `find_scope` does. An earlier session of this browser ends.
    """
    if find_scope(key) is None:
        return None
    with services().database.write() as connection:
        sessions.end_session(connection, request.cookies.get(SESSION_COOKIE, ""))
        return sessions.start_session(connection, key_digest(key), datetime.now(UTC))


def sign_out() -> None:
    """End the session, for every copy of its cookie."""
    with services().database.write() as connection:
        sessions.end_session(connection, request.cookies.get(SESSION_COOKIE, ""))


def is_from_our_page() -> bool:
    """True unless a browser says that another site made it send this request.

    Every browser of the last years sends Sec-Fetch-Site, or Origin with a POST; what sends neither is
    no browser and carries no session of a person who was lured.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    ours = (services().settings.plugin_url, request.host_url.rstrip("/"))
    return origin is None or origin in ours


def allow(scope: KeyScope) -> None:
    """Note for this request what it may do."""
    g.salepixel_scope = scope


def scope() -> KeyScope:
    """What this request may do."""
    return cast(KeyScope, g.salepixel_scope)


def require_all_rights() -> None:
    """Refuse a key that opens one account only."""
    if scope().emp_id is not None:
        raise Refusal(403, "not_allowed", "This needs a key with all rights, such as SALEPIXEL_API_KEY.")


def target_account(connection: sa.Connection, emp_id: int) -> Account:
    """The account in which something is to be made."""
    if not scope().allows(emp_id):
        raise Refusal(403, "other_account", f"This key does not open account {emp_id}; use a key of it.")
    account = accounts.get_account(connection, emp_id)
    if account is None:
        raise Refusal(404, "unknown_account", f"There is no account {emp_id}; make it with POST /accounts.")
    return account


def see_account(connection: sa.Connection, emp_id: int) -> Account:
    """The account, if this request may see it."""
    # Beyond 64 bits a database raises instead of finding nothing.
    account = accounts.get_account(connection, emp_id) if 0 < emp_id < 2**32 else None
    if account is None or not scope().allows(emp_id):
        raise not_found("account")
    return account


def see_campaign(connection: sa.Connection, campaign_id: str) -> Campaign:
    """The campaign, if this request may see it."""
    campaign = campaigns.get_campaign(connection, campaign_id) if is_id(campaign_id) else None
    if campaign is None or not scope().allows(campaign.emp_id):
        raise not_found("campaign")
    return campaign


def is_id(text: str) -> bool:
    """True for what links.new_id may give; anything else is not worth a question to the database."""
    return len(text) == _ID_LENGTH and text.isascii() and text.isalnum()
