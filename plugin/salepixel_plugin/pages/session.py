"""Signing in, with a password or an API key, and out."""

from typing import cast
from urllib.parse import urlsplit

from flask import Response, redirect, request, url_for

from salepixel.accounts.sessions import SESSION_HOURS
from salepixel.people.person import Person
from salepixel.people.sessions import SESSION_DAYS
from salepixel.people.sign_in import Entered
from salepixel.people.store import has_people
from salepixel_plugin import access, entrance, known_browsers
from salepixel_plugin.access import Refusal
from salepixel_plugin.company_sign_in import of_company
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import (
    LANGUAGE_COOKIE,
    LANGUAGE_SECONDS,
    blueprint,
    page,
    require_our_page,
    set_cookie,
)
from salepixel_plugin.rejections import seconds_limited
from salepixel_plugin.services import services

_DAY = 86_400
FIRST_PAGE = "/start"
"""Leads to the overview of an account, or to the campaigns (overview.start)."""

_TOO_MANY = N_("Too many requests came from your network. Try again in a minute.")


@blueprint.get("/login")
def login() -> Response:
    """The form."""
    refuse_too_many()
    return login_page(local_path(request.args.get("next")))


@blueprint.post("/login")
def enter() -> Response:
    """Begin a session, of a person or of an API key."""
    refuse_too_many()
    require_our_page()
    there = local_path(request.form.get("next"))
    if "email" not in request.form:
        return _enter_with_key(there)
    email = request.form["email"].strip()
    entered = entrance.enter_with_password(email, request.form.get("password", ""))
    if entered is None:
        return login_page(there, email=email, failed="password")
    return with_session(entered, there)


def _enter_with_key(there: str) -> Response:
    session_id = access.sign_in(request.form.get("key", "").strip())
    if session_id is None:
        return login_page(there, failed="key")
    answer = cast(Response, redirect(there, 303))
    set_cookie(answer, access.SESSION_COOKIE, session_id, SESSION_HOURS * 3600)
    return answer


@blueprint.get("/login/code")
def show_code() -> Response:
    """The form for the code of the second factor."""
    refuse_too_many()
    if entrance.waiting_person() is None:
        return cast(Response, redirect(url_for("pages.login"), 303))
    return page("code.html", next=local_path(request.args.get("next")), failed=False)


@blueprint.post("/login/code")
def enter_code() -> Response:
    """Begin the session of a person with the code of the second factor, or a recovery code."""
    refuse_too_many()
    require_our_page()
    there = local_path(request.form.get("next"))
    person = entrance.waiting_person()
    if person is None:
        return cast(Response, redirect(url_for("pages.login", next=there), 303))
    entered = entrance.enter_with_code(person, request.form.get("code", ""))
    if entered is None:
        answer = page("code.html", next=there, failed=True)
        answer.status_code = 403
        return answer
    return with_session(entered, there)


@blueprint.post("/logout")
def leave() -> Response:
    """End the session."""
    access.sign_out()
    answer = cast(Response, redirect(url_for("pages.login"), 303))
    answer.delete_cookie(access.SESSION_COOKIE)
    return answer


def with_session(entered: Entered, there: str) -> Response:
    """The response that begins a session in this browser; the code is asked for first, if there is one."""
    where = url_for("pages.show_code", next=there) if entered.needs_code else there
    answer = cast(Response, redirect(where, 303))
    set_cookie(answer, access.SESSION_COOKIE, entered.secret, SESSION_DAYS * _DAY)
    if not entered.needs_code:
        _know_browser(answer, entered.person)
        set_cookie(answer, LANGUAGE_COOKIE, entered.person.language, LANGUAGE_SECONDS)
    return answer


def _know_browser(answer: Response, person: Person) -> None:
    mark = known_browsers.new_mark(services().keys, person.email)
    set_cookie(answer, known_browsers.COOKIE, mark, known_browsers.DAYS * _DAY)


def refuse_too_many() -> None:
    """Raises a Refusal (429) if too many requests for these forms came from this network."""
    if pause := seconds_limited("login"):
        raise Refusal(429, "too_many_requests", _TOO_MANY, retry_after=pause)


def login_page(there: str, email: str = "", failed: str = "", message: str = "") -> Response:
    """The sign-in page. `failed`: the way that failed; `message`: why, for a company's sign-in."""
    with services().database.read() as connection:
        some = has_people(connection)
    answer = page(
        "login.html",
        next=there,
        email=email,
        failed=failed,
        message=message,
        has_people=some,
        has_company=of_company().provider is not None,
    )
    answer.status_code = 403 if failed else 200
    return answer


def local_path(text: str | None) -> str:
    """The path to open after signing in; the first page if it could lead to another site.

    Browsers read "//host" and "/\\\\host" as another site, and drop tabs and line feeds while they read.
    """
    if not text or text == "/" or not text.startswith("/") or text.startswith(("//", "/\\")):
        return FIRST_PAGE
    if not text.isprintable() or "\\" in text:
        return FIRST_PAGE
    try:
        parts = urlsplit(text)
    except ValueError:
        return FIRST_PAGE
    return FIRST_PAGE if parts.scheme or parts.netloc else text
