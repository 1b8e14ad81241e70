"""Authentication with API keys and sessions, and refusals with a message that says what to do."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import sqlalchemy as sa
from flask import g, request

from salepixel.accounts import sessions
from salepixel.accounts.api_keys import KeyExpired, find_digest_principal, key_digest
from salepixel.accounts.audit import Action, record
from salepixel.accounts.principal import Principal
from salepixel.people import sessions as person_sessions
from salepixel.people.store import read_principal
from salepixel.storage.schema import EVERYWHERE
from salepixel_plugin.languages import N_
from salepixel_plugin.rejections import count_refusal
from salepixel_plugin.services import services

SESSION_COOKIE = "salepixel_session"
_UNKNOWN_KEY = N_("This API key is not valid. Check that you copied all of it.")
_EXPIRED = N_("This API key has expired. Ask an owner of the account for a new one.")
_FOR_SALES = N_("This API key may only send orders to the sales API (POST /api/v1/sales).")
_READS_ONLY = N_('This API key may only read. Use a key with the scope "write".')
_TOO_MANY = N_("Too many wrong keys came from your network. Try again in %(minutes)s minutes.")


class Refusal(Exception):
    """A refused request: its status, its reason, and a message that says what to do.

    `template`: the message without its `words`, as in translations. `retry_after`: seconds until a retry may
    succeed; 0 if it never will.
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
        self.template, self.words = message, words
        self.message = message % words if words else message
        self.errors = dict(errors or {})
        self.retry_after = retry_after
        super().__init__(self.message)


def bearer_principal() -> Principal | None:
    """The principal of the key in the Authorization header; None without such a header.

    Raises a Refusal (401) for an invalid key.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    found = principal_of_key(key.strip())
    if found is None:
        raise Refusal(401, "bad_key", _UNKNOWN_KEY)
    return found


def session_principal() -> Principal | None:
    """The principal of the session; None if nobody is signed in."""
    cookie = request.cookies.get(SESSION_COOKIE)
    if not cookie:
        return None
    now = datetime.now(UTC)
    with services().database.read() as connection:
        if cookie.startswith(person_sessions.PREFIX):
            person = person_sessions.find_person(connection, cookie, now)
            found = read_principal(connection, person[0]) if person else None
            g.salepixel_session_id = person[1] if person else ""
        else:
            found = sessions.find_session_principal(connection, cookie, now)
    g.salepixel_signed_in = found is not None
    return found


def session_id() -> str:
    """The id of the session of a person, as in the list of sessions; empty for a key."""
    return str(g.get("salepixel_session_id", ""))


def is_signed_in() -> bool:
    """True if this request belongs to a session."""
    return bool(g.get("salepixel_signed_in", False))


def principal_of_key(key: str) -> Principal | None:
    """The principal of a key; None for an invalid key, which is counted.

    Raises a Refusal (429) for a key that was never valid, from an address that sent too many invalid ones.
    """
    here, digest, address = services(), key_digest(key), request.remote_addr or ""
    if pause := here.wrong_keys.seconds_left(address, digest):
        minutes = -(-pause // 60)
        raise Refusal(429, "too_many_wrong_keys", _TOO_MANY, retry_after=pause, minutes=minutes)
    try:
        with here.database.read() as connection:
            found = find_digest_principal(connection, digest, datetime.now(UTC)) if key else None
    except KeyExpired:
        raise _refuse_key(401, "key_expired", _EXPIRED) from None
    if found is not None:
        here.wrong_keys.record_valid(digest)
        here.tally.note_key_used(found.key_id)
        return found
    count_refusal("key", "bad_key")
    if here.wrong_keys.record_invalid(address):
        count_refusal("key", "too_many_wrong_keys")
    return None


def _refuse_key(status: int, reason: str, message: str) -> Refusal:
    count_refusal("key", reason)
    return Refusal(status, reason, message)


def sign_in(key: str) -> str | None:
    """Begin a session; returns the id for its cookie, or None for an invalid key.

    Raises a Refusal (429) as `principal_of_key` does. An earlier session of this browser ends.
    """
    found = principal_of_key(key)
    if found is None:
        return None
    if found.sales_of is not None:
        raise _refuse_key(403, "key_for_sales", _FOR_SALES)
    with services().database.write() as connection:
        end_sessions_of_browser(connection)
        record(
            connection, found, found.only_account or EVERYWHERE, Action.SIGNED_IN, found.key_id, found.name
        )
        return sessions.start_session(connection, key_digest(key), datetime.now(UTC))


def sign_out() -> None:
    """End the session. Copies of its cookie become invalid."""
    with services().database.write() as connection:
        end_sessions_of_browser(connection)
        its = principal()
        for emp_id in [EVERYWHERE] if its.accounts is None else its.accounts:
            record(connection, its, emp_id, Action.SIGNED_OUT, its.actor[1], its.name)


def end_sessions_of_browser(connection: sa.Connection) -> None:
    """End the session whose cookie this request has, of a key or of a person."""
    cookie = request.cookies.get(SESSION_COOKIE, "")
    sessions.end_session(connection, cookie)
    person_sessions.end_session(connection, cookie)


def is_from_our_page() -> bool:
    """False if a browser reports that another site caused this request.

    All recent browsers send Sec-Fetch-Site, or Origin with a POST. A client that sends neither is not a
    browser, so no other site can misuse a person's session through it.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    ours = (services().settings.plugin_url, request.host_url.rstrip("/"))
    return origin is None or origin in ours


READING = frozenset(
    {
        *("api.find_address", "api.preview_policy", "api.undo_mail"),
        *("pages.leave", "pages.open_contact", "pages.undo_mail"),
        *("pages.show_order_widget", "pages.show_customer_widget", "pages.show_home_widget"),
        *("pages.search_orders", "pages.change_me", "pages.change_my_password", "pages.end_my_sessions"),
        *("pages.turn_on_second_factor", "pages.turn_off_second_factor"),
    }
)
"""Endpoints that are not called by GET, and change nothing of an account: at most a person's own settings."""

_READ_ONLY = N_("You may read this account, but not change it. Ask an owner of the account.")


def allow(principal: Principal) -> None:
    """Set the principal of this request. Raises a Refusal (403) if it may only read, and this may write.

    Use cases check the rights in each account. This check is for one that forgets.
    """
    if principal.sales_of is not None:
        if request.endpoint != "api.add_sales":
            raise _refuse_key(403, "key_for_sales", _FOR_SALES)
        g.salepixel_principal = principal
        return
    reads = request.method in ("GET", "HEAD", "OPTIONS") or request.endpoint in READING
    if not reads and principal.accounts_to_change() == frozenset():
        if principal.key_id:
            raise _refuse_key(403, "key_reads_only", _READS_ONLY)
        raise Refusal(403, "read_only", _READ_ONLY)
    g.salepixel_principal = principal


def reads_only(emp_id: int | None) -> bool:
    """True if the principal of this request may read this account, and not change it."""
    found = cast("Principal | None", g.get("salepixel_principal"))
    return emp_id is not None and found is not None and not found.may_change(emp_id)


def sees_contacts(emp_id: int | None) -> bool:
    """True if contacts of this account are shown to the principal of this request."""
    found = cast("Principal | None", g.get("salepixel_principal"))
    return emp_id is not None and found is not None and found.sees_contacts(emp_id)


def principal() -> Principal:
    """The principal of this request."""
    return cast(Principal, g.salepixel_principal)
