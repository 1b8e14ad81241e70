"""Signing in with an API key, and out."""

from typing import cast
from urllib.parse import urlsplit

from flask import Response, redirect, request, url_for

from salepixel_plugin import access
from salepixel_plugin.pages.door import blueprint, page, require_our_page


@blueprint.get("/login")
def login() -> Response:
    """The form."""
    return page("login.html", next=local_path(request.args.get("next")), failed=False)


@blueprint.post("/login")
def enter() -> Response:
    """Begin a session."""
    require_our_page()
    there = local_path(request.form.get("next"))
    if not access.sign_in(request.form.get("key", "").strip()):
        answer = page("login.html", next=there, failed=True)
        answer.status_code = 403
        return answer
    return cast(Response, redirect(there, 303))


@blueprint.post("/logout")
def leave() -> Response:
    """End the session."""
    access.sign_out()
    return cast(Response, redirect(url_for("pages.login"), 303))


def local_path(text: str | None) -> str:
    """A path of ours to go on to; the first page for anything that could lead elsewhere.

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
