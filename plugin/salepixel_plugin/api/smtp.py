"""How an account sends e-mails: its SMTP settings, and a test."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from salepixel.reading.emails import read_recipient
from salepixel.smtp import use_cases
from salepixel.smtp.server import Encryption, Server
from salepixel.smtp.use_cases import SmtpView
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import Name, Text
from salepixel_plugin.languages import ENGLISH
from salepixel_plugin.mail_answers import ANSWERS
from salepixel_plugin.mail_now import send_test_mail
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, writing


def _recipient(text: str) -> str:
    if not (address := read_recipient(text)):
        raise ValueError("must be an e-mail address such as ana@shop.example")
    return address


Recipient = Annotated[str, Field(max_length=320, examples=["ana@shop.test"]), AfterValidator(_recipient)]
_PASSWORD = "Stored encrypted, and never returned. Null keeps the stored one."


class SmtpIn(Input):
    """The SMTP settings of an account."""

    host: Name
    port: int = Field(587, gt=0, lt=65_536)
    encryption: Encryption = Encryption.STARTTLS
    user: Text = ""
    password: str | None = Field(None, max_length=500, description=_PASSWORD)
    sender: Recipient
    sender_name: Text = ""


class SmtpOut(Output):
    """How an account sends e-mails. Without settings of its own, it uses those of the installation."""

    source: str = Field(description="`account`, `installation`, or `none`: e-mails cannot be sent.")
    host: str
    port: int | None
    encryption: str
    user: str
    sender: str
    sender_name: str
    answer: str = Field(description="Of the last e-mail: empty, `sent`, or why it was not sent.")
    answered_at: datetime | None


class SmtpTestIn(Input):
    """Where a test e-mail goes."""

    to: Recipient


class SmtpTestOut(Output):
    """What became of a test e-mail."""

    answer: str = Field(description="`sent`, or why it was not sent.")
    message: str = Field(description="The same, for people.")
    said: str = Field(description="The server's own words, if they explain it.")


@blueprint.get("/accounts/<int:emp_id>/smtp")
@blueprint.output(SmtpOut)
@blueprint.doc(security="bearer")
def show_smtp(emp_id: int) -> dict[str, Any]:
    """The SMTP settings of an account, without the password."""
    with services().database.read() as connection:
        return _as_json(use_cases.see_smtp(connection, principal(), emp_id, services().smtp))


@blueprint.put("/accounts/<int:emp_id>/smtp")
@blueprint.input(SmtpIn, arg_name="wanted")
@blueprint.output(SmtpOut)
@blueprint.doc(security="bearer")
def put_smtp(emp_id: int, wanted: SmtpIn) -> dict[str, Any]:
    """Set the SMTP settings of an account."""
    server = Server(
        wanted.host,
        wanted.port,
        wanted.encryption,
        wanted.user,
        wanted.sender,
        wanted.sender_name,
        password=wanted.password or "",
    )
    with writing() as connection:
        use_cases.change_smtp(
            connection,
            principal(),
            services().keys,
            emp_id,
            server,
            datetime.now(UTC),
            keeps_password=wanted.password is None,
        )
        return _as_json(use_cases.see_smtp(connection, principal(), emp_id, services().smtp))


@blueprint.delete("/accounts/<int:emp_id>/smtp")
@blueprint.output(SmtpOut)
@blueprint.doc(security="bearer")
def remove_smtp(emp_id: int) -> dict[str, Any]:
    """Remove the SMTP settings of an account: it uses those of the installation."""
    with writing() as connection:
        use_cases.remove_smtp(connection, principal(), emp_id)
        return _as_json(use_cases.see_smtp(connection, principal(), emp_id, services().smtp))


@blueprint.post("/accounts/<int:emp_id>/smtp/test")
@blueprint.input(SmtpTestIn, arg_name="wanted")
@blueprint.output(SmtpTestOut)
@blueprint.doc(security="bearer")
def test_smtp(emp_id: int, wanted: SmtpTestIn) -> dict[str, Any]:
    """Send a test e-mail. Waits for the server, 10 seconds at most."""
    answer = send_test_mail(emp_id, wanted.to, ENGLISH)
    return {"answer": answer.reason, "message": ANSWERS[answer.reason], "said": answer.said}


def _as_json(found: SmtpView) -> dict[str, Any]:
    of_account, used = found.stored, found.stored or found.default
    return {
        "source": "account" if of_account else "installation" if used else "none",
        # The operator's server is not for the eyes of accounts; its sender is in each mail.
        "host": of_account.host if of_account else "",
        "port": of_account.port if of_account else None,
        "encryption": of_account.encryption if of_account else "",
        "user": of_account.user if of_account else "",
        "sender": used.sender if used else "",
        "sender_name": used.sender_name if used else "",
        "answer": of_account.answer if of_account else "",
        "answered_at": of_account.answered_at if of_account else None,
    }
