"""How an account sends e-mails: its SMTP settings, and a test."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import BadField, Conflict
from salepixel.reading.emails import read_recipient
from salepixel.reading.text import read_text
from salepixel.smtp import use_cases
from salepixel.smtp.send import SENT
from salepixel.smtp.server import PORTS, Answer, Encryption, Server
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_
from salepixel_plugin.mail_answers import ANSWERS
from salepixel_plugin.mail_now import send_test_mail
from salepixel_plugin.pages.blueprint import blueprint, language, page, say
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services, writing

ENCRYPTIONS = {
    Encryption.STARTTLS: N_("STARTTLS (usually port 587)"),
    Encryption.TLS: N_("TLS (usually port 465)"),
    Encryption.NONE: N_("None (usually port 25, without a password)"),
}

_WRONG = {
    "host": N_("Enter the name of the server, such as smtp.example.com."),
    "port": N_("Enter a number from 1 to 65535."),
    "encryption": N_("A password needs an encrypted connection. Choose STARTTLS or TLS."),
    "user": N_("Enter the user that this password belongs to."),
    "password": N_("Enter the password of this user."),
    "sender": N_("Enter an e-mail address, such as news@shop.example."),
    "recipient": N_("Enter an e-mail address, such as ana@shop.example."),
}


@blueprint.get("/accounts/<int:emp_id>/email")
def show_smtp(emp_id: int) -> Response:
    """The settings, with the form to change them and the button for a test."""
    return _form(emp_id, {}, {})


@blueprint.post("/accounts/<int:emp_id>/email")
def change_smtp(emp_id: int) -> Response:
    """Change the settings; an empty password keeps the stored one."""
    sent = {name: text.strip() for name, text in request.form.items()}
    port = sent.get("port", "")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        return _form(emp_id, sent, {"port": language().text(_WRONG["port"])})
    chosen = sent.get("encryption", "")
    wanted = Server(
        sent.get("host", ""),
        int(port),
        Encryption(chosen) if chosen in PORTS else Encryption.STARTTLS,
        read_text(sent.get("user", ""), 200),
        sent.get("sender", ""),
        read_text(sent.get("sender_name", ""), 200),
        password=sent.get("password", "")[:500],
    )
    try:
        with writing() as connection:
            use_cases.change_smtp(
                connection,
                principal(),
                services().keys,
                emp_id,
                wanted,
                datetime.now(UTC),
                keeps_password=not wanted.password,
            )
    except BadField as declined:
        return _form(emp_id, sent, {declined.field: language().text(_WRONG[declined.field])})
    return _to(emp_id)


@blueprint.post("/accounts/<int:emp_id>/email/remove")
def remove_smtp(emp_id: int) -> Response:
    """Remove the settings."""
    with writing() as connection:
        use_cases.remove_smtp(connection, principal(), emp_id)
    return _to(emp_id)


@blueprint.post("/accounts/<int:emp_id>/email/test")
def test_smtp(emp_id: int) -> Response:
    """Send a test e-mail, and say what became of it."""
    sent = {"recipient": request.form.get("recipient", "").strip()}
    to = read_recipient(sent["recipient"])
    if not to:
        return _form(emp_id, sent, {"recipient": language().text(_WRONG["recipient"])})
    try:
        answer = send_test_mail(emp_id, to, language())
    except Conflict as declined:
        return _form(emp_id, sent, {"recipient": say(as_refusal(declined))})
    return _form(emp_id, sent, {}, answer)


def _form(
    emp_id: int, sent: Mapping[str, str], wrong: Mapping[str, str], answer: Answer | None = None
) -> Response:
    with services().database.read() as connection:
        found = use_cases.see_smtp(connection, principal(), emp_id, services().smtp)
    values: dict[str, object] = {"port": 587, "encryption": Encryption.STARTTLS}
    if found.stored is not None:
        names = ("host", "port", "encryption", "user", "sender", "sender_name")
        values = {name: getattr(found.stored, name) for name in names}
    made = page(
        "smtp.html",
        account=found.account,
        found=found,
        values=values | {name: text for name, text in sent.items() if name != "password"},
        encryptions=ENCRYPTIONS,
        answers=ANSWERS,
        answer=answer,
        is_sent=answer is not None and answer.reason == SENT,
        wrong=wrong,
    )
    made.status_code = 422 if wrong else 200
    return made


def _to(emp_id: int) -> Response:
    return cast(Response, redirect(url_for("pages.show_smtp", emp_id=emp_id), 303))
