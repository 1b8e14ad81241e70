"""The page "Your account" of a person: name, language, password, second factor, sessions."""

import io
from datetime import UTC, datetime
from typing import cast

import segno
from flask import Response, redirect, request, url_for
from markupsafe import Markup

from salepixel.accounts.declined import BadField, Invalid
from salepixel.people import use_cases
from salepixel.people.passwords import LEAST
from salepixel.people.totp import as_base32, as_uri
from salepixel.reading.text import read_text
from salepixel_plugin import entrance
from salepixel_plugin.access import principal, session_id
from salepixel_plugin.languages import LANGUAGES, N_
from salepixel_plugin.pages.blueprint import (
    LANGUAGE_COOKIE,
    LANGUAGE_SECONDS,
    blueprint,
    language,
    page,
    say,
    set_cookie,
)
from salepixel_plugin.pages.joining import NAME, say_password_problem
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services, writing

_NO_NAME = N_("Enter your name.")


@blueprint.get("/you")
def show_me() -> Response:
    """A person's own settings."""
    return _my_page({})


@blueprint.post("/you")
def change_me() -> Response:
    """Change name and language."""
    name, code = read_text(request.form.get("name", ""), NAME), request.form.get("language", "")
    try:
        with writing() as connection:
            use_cases.change_me(connection, principal(), name, code, LANGUAGES)
    except BadField:
        return _my_page({"name": language().text(_NO_NAME)})
    answer = _back()
    set_cookie(answer, LANGUAGE_COOKIE, code, LANGUAGE_SECONDS)
    return answer


@blueprint.post("/you/password")
def change_my_password() -> Response:
    """Change the password. All other sessions end."""
    old, new = request.form.get("old", ""), request.form.get("password", "")
    entrance.refuse_guessing(_email())
    try:
        with services().database.read() as connection:
            chosen = use_cases.choose_password(connection, principal(), old, new)
        with writing() as connection:
            use_cases.change_password(connection, principal(), chosen, session_id())
    except BadField as declined:
        return _my_page({"password": say_password_problem(declined.problem)})
    except Invalid as declined:
        entrance.record_wrong(_email())
        return _my_page({"old": say(as_refusal(declined))})
    return _back()


@blueprint.get("/you/second-factor")
def show_second_factor() -> Response:
    """The QR code of a new second factor."""
    with services().database.read() as connection:
        enrolment = use_cases.begin_second_factor(connection, principal(), services().keys)
    return _enrolment_page(enrolment, {})


@blueprint.post("/you/second-factor")
def turn_on_second_factor() -> Response:
    """Turn the second factor on, with the first code; shows the recovery codes."""
    form, keys = request.form, services().keys
    sealed = form.get("sealed", "")
    entrance.refuse_guessing(_email())
    with services().database.read() as connection:
        enrolment = use_cases.see_enrolment(connection, principal(), keys, sealed)
    try:
        confirmed = _confirm_password()
        with writing() as connection:
            codes = use_cases.turn_on_second_factor(
                connection,
                principal(),
                keys,
                sealed,
                confirmed,
                form.get("code", ""),
                datetime.now(UTC),
            )
    except Invalid as declined:
        entrance.record_wrong(_email())
        field = "password" if declined.reason == "wrong_password" else "code"
        return _enrolment_page(enrolment, {field: say(as_refusal(declined))})
    return page("recovery_codes.html", codes=codes)


@blueprint.post("/you/second-factor/off")
def turn_off_second_factor() -> Response:
    """Turn the second factor off."""
    entrance.refuse_guessing(_email())
    try:
        confirmed = _confirm_password()
        with writing() as connection:
            use_cases.turn_off_second_factor(
                connection,
                principal(),
                services().keys,
                confirmed,
                request.form.get("code", ""),
                datetime.now(UTC),
            )
    except Invalid as declined:
        entrance.record_wrong(_email())
        return _my_page({f"off_{declined.reason}": say(as_refusal(declined))})
    return _back()


@blueprint.post("/you/sessions")
def end_my_sessions() -> Response:
    """End one session, or all but this one."""
    only = request.form.get("session")
    with writing() as connection:
        use_cases.end_my_sessions(connection, principal(), only=only, but=None if only else session_id())
    return _back()


def _confirm_password() -> str:
    with services().database.read() as connection:
        return use_cases.confirm_password(connection, principal(), request.form.get("password", ""))


def _email() -> str:
    with services().database.read() as connection:
        return use_cases.see_me(connection, principal(), datetime.now(UTC)).person.email


def _my_page(wrong: dict[str, str]) -> Response:
    with services().database.read() as connection:
        me = use_cases.see_me(connection, principal(), datetime.now(UTC))
    answer = page(
        "you.html",
        me=me,
        this_session=session_id(),
        language_names={code: one.name for code, one in LANGUAGES.items()},
        wrong=wrong,
        sent=request.form if wrong else {},
        least=LEAST,
    )
    answer.status_code = 422 if wrong else 200
    return answer


def _enrolment_page(enrolment: use_cases.Enrolment, wrong: dict[str, str]) -> Response:
    answer = page(
        "second_factor.html",
        sealed=enrolment.sealed,
        typed=as_base32(enrolment.secret),
        picture=_qr_code(as_uri(enrolment.secret, _email(), "Salepixel")),
        wrong=wrong,
    )
    answer.status_code = 422 if wrong else 200
    return answer


def _qr_code(text: str) -> Markup:
    """The QR code as an SVG: dark on light in dark mode, too, because cameras need that."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", xmldecl=False, svgns=True, scale=5, light="#fff", nl=False, omitsize=False
    )
    return Markup(out.getvalue().decode())  # noqa: S704  # segno writes numbers and its own tags only


def _back() -> Response:
    return cast(Response, redirect(url_for("pages.show_me"), 303))
