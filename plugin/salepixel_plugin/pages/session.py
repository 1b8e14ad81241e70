"""Signing in with an API key, and out."""

from typing import cast
from urllib.parse import urlsplit

from flask import Response, redirect, request, url_for

from salepixel.accounts.sessions import SESSION_HOURS
from salepixel_plugin import access
from salepixel_plugin.access import Refusal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, page, require_our_page, set_cookie
from salepixel_plugin.rejections import seconds_limited

_TOO_MANY = N_("Too many requests came from your network. Try again in a minute.")


@blueprint.get("/login")
def login() -> Response:
    """The form."""
    _refuse_too_many()
    return page("login.html", next=local_path(request.args.get("next")), failed=False)


@blueprint.post("/login")
def enter() -> Response:
    """Begin a session."""
    _refuse_too_many()
    require_our_page()
    there = local_path(request.form.get("next"))
    session_id = access.sign_in(request.form.get("key", "").strip())
    if session_id is None:
        answer = page("login.html", next=there, failed=True)
        answer.status_code = 403
        return answer
    answer = cast(Response, redirect(there, 303))
    set_cookie(answer, access.SESSION_COOKIE, session_id, SESSION_HOURS * 3600)
    return answer


@blueprint.post("/logout")
def leave() -> Response:
    """End the session."""
    access.sign_out()
    answer = cast(Response, redirect(url_for("pages.login"), 303))
    answer.delete_cookie(access.SESSION_COOKIE)
    return answer


def _refuse_too_many() -> None:
    if pause := seconds_limited("login"):
        raise Refusal(429, "too_many_requests", _TOO_MANY, retry_after=pause)


def local_path(text: str | None) -> str:
    """The path to open after signing in; the first page if it could lead to another site.

    Browsers read "//host" and "/\\\\host" as another site, and drop tabs and line feeds while they read.
    """
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return "/"
    if not text.isprintable() or "\\" in text:
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else text
