"""How people sign in: with e-mail address and password, then the code of a second factor."""

from datetime import UTC, datetime

from flask import request

from salepixel.keys import normal_address
from salepixel.people import sessions, sign_in
from salepixel.people.browser import describe_browser
from salepixel.people.person import Person
from salepixel.people.sign_in import Entered
from salepixel_plugin import known_browsers
from salepixel_plugin.access import SESSION_COOKIE, Refusal, end_sessions_of_browser
from salepixel_plugin.languages import N_
from salepixel_plugin.rejections import count_refusal
from salepixel_plugin.services import services

_TOO_MANY = N_("Too many wrong passwords. Try again in %(minutes)s minutes.")
MAX_EMAIL = 320


def enter_with_password(email: str, password: str) -> Entered | None:
    """Begin a session; None for a wrong address or password. An earlier session of this browser ends.

    Raises a Refusal (429) after too many wrong ones.
    """
    here, now = services(), datetime.now(UTC)
    refuse_guessing(email)
    with here.database.read() as connection:
        person = sign_in.find_with_password(connection, email, password)
    if person is None:
        record_wrong(email)
        return None
    return begin_session(person, now)


def begin_session(person: Person, now: datetime) -> Entered:
    """Begin a session of a person whose password was right. An earlier session of this browser ends."""
    browser = describe_browser(request.headers.get("User-Agent", ""))
    with services().database.write() as connection:
        end_sessions_of_browser(connection)
        return sign_in.enter(connection, person, browser, now)


def waiting_person() -> Person | None:
    """The person who has entered the password in this browser, and not yet the code."""
    with services().database.read() as connection:
        found = sessions.find_person(connection, _cookie(), datetime.now(UTC), needs_code=True)
    return found[0] if found else None


def enter_with_code(person: Person, code: str) -> Entered | None:
    """Begin the session of the waiting person; None for a wrong code. Raises a Refusal (429)."""
    here, now = services(), datetime.now(UTC)
    refuse_guessing(person.email)
    browser = describe_browser(request.headers.get("User-Agent", ""))
    with here.database.write() as connection:
        entered = sign_in.enter_code(connection, here.keys, _cookie(), code, browser, now)
    if entered is None:
        record_wrong(person.email)
    return entered


def refuse_guessing(email: str) -> None:
    """Raises a Refusal (429) if too many wrong passwords were tried for this address."""
    left = services().wrong_passwords.seconds_left(request.remote_addr or "", _name(email), _mark(email))
    if left:
        raise Refusal(429, "too_many_wrong_passwords", _TOO_MANY, retry_after=left, minutes=-(-left // 60))


def record_wrong(email: str) -> None:
    """Count a wrong password or code."""
    services().tally.note_wrong_password(_name(email))
    count_refusal("key", "wrong_password")
    services().wrong_passwords.record(request.remote_addr or "", _name(email), _mark(email))


def _name(email: str) -> str:
    return normal_address(email[:MAX_EMAIL])


def _mark(email: str) -> str:
    return known_browsers.find_mark(
        services().keys, request.cookies.get(known_browsers.COOKIE, ""), email[:MAX_EMAIL]
    )


def _cookie() -> str:
    return request.cookies.get(SESSION_COOKIE, "")
