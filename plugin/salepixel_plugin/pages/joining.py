"""The page of an invitation's link: choose a password, or confirm with the present one."""

from datetime import UTC, datetime

from flask import Response, request, url_for

from salepixel.accounts.declined import BadField, Conflict, Invalid, NotFound
from salepixel.people.joining import accept, join, see_invitation
from salepixel.people.passwords import LEAST
from salepixel.reading.text import read_text
from salepixel_plugin import entrance
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, require_our_page, say
from salepixel_plugin.pages.session import refuse_too_many, with_session
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services

NAME = 200

PASSWORD_PROBLEMS = {
    "too_short": N_("Use at least %(least)s characters. Several words are easy to remember."),
    "too_long": N_("Use at most 200 characters."),
    "common": N_("This password is easy to guess: it is common, or repeats itself. Choose another one."),
    "about_you": N_("This password is easy to guess: it consists of your name or e-mail address."),
}
"""Why a new password is refused (people.passwords.find_problem)."""

_NO_NAME = N_("Enter your name.")
_NO_EMAIL = N_("Enter an e-mail address.")


@blueprint.get("/join/<secret>")
def show_invitation(secret: str) -> Response:
    """The form of an invitation."""
    refuse_too_many()
    return _page(secret, {})


@blueprint.post("/join/<secret>", endpoint="join")
def use_invitation(secret: str) -> Response:
    """Use an invitation: the person is signed in, unless the code of a second factor is missing."""
    refuse_too_many()
    require_our_page()
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    name, now = read_text(request.form.get("name", ""), NAME), datetime.now(UTC)
    with services().database.read() as connection:
        try:
            invited = see_invitation(connection, secret, now)
        except NotFound:
            return _page(secret, {})
    known = invited.person.email if invited.person else None
    if invited.person is None and not name:
        return _page(secret, {"name": language().text(_NO_NAME)})
    if known and not invited.sets_password:
        entrance.refuse_guessing(known)
    try:
        accepted = accept(invited, email, name, password)
        with services().database.write() as connection:
            person = join(connection, secret, accepted, name, language().code, now)
    except BadField as declined:
        return _page(secret, {declined.field: _why(declined)})
    except Conflict as declined:
        return _page(secret, {"email": say(as_refusal(declined))})
    except Invalid as declined:
        entrance.record_wrong(known or email)
        return _page(secret, {"password": say(as_refusal(declined))})
    return with_session(entrance.begin_session(person, now), url_for("pages.list_campaigns"))


def say_password_problem(problem: str) -> str:
    """The sentence for a refused password, in the reader's language."""
    return language().text(PASSWORD_PROBLEMS[problem], least=str(LEAST))


def _why(declined: BadField) -> str:
    if declined.field == "password":
        return say_password_problem(declined.problem)
    return language().text(_NO_EMAIL)


def _page(secret: str, wrong: dict[str, str]) -> Response:
    try:
        with services().database.read() as connection:
            invited = see_invitation(connection, secret, datetime.now(UTC))
    except NotFound:
        answer = page("invitation_gone.html")
        answer.status_code = 404
        return answer
    answer = page("join.html", invited=invited, wrong=wrong, sent=request.form, least=LEAST)
    answer.status_code = 422 if wrong else 200
    return answer
