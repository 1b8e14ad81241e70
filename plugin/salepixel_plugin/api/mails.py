"""The e-mail of a campaign: find its links, choose what becomes of them, get it back with tracked links."""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from flask import Response, make_response
from pydantic import Field, model_validator

from salepixel.mailers.known import PLATFORMS
from salepixel.mails import use_cases
from salepixel.mails.cautions import Risk
from salepixel.mails.charsets import encode_pasted
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.proposals import Use
from salepixel.mails.store import Choice
from salepixel.mails.use_cases import Change
from salepixel.mails.view import MailView
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, answers_with, blueprint
from salepixel_plugin.cautions import cautions_for, say_caution
from salepixel_plugin.copies import copy_name
from salepixel_plugin.fields import EmpId, Id, Name, Text
from salepixel_plugin.languages import ENGLISH
from salepixel_plugin.schemas import CopyIn, Input, UtmIn
from salepixel_plugin.services import services, tracking, writing


class MailFile(Input):
    """An e-mail: its HTML or text in `text`, or the bytes of a file in `base64`."""

    max_bytes: ClassVar[int] = 8_000_000
    text: str = Field("", description="HTML or text.")
    base64: str = Field("", description="A file: HTML in any encoding, text, or an .eml message.")
    kind: Kind | None = Field(None, description="Null: recognised by its content.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.text) == bool(self.base64):
            raise ValueError("send either `text` or `base64`")
        self.body()
        return self

    def body(self) -> bytes:
        """The bytes of the mail. Raises ValueError if `base64` is not valid."""
        try:
            return b64decode(self.base64, validate=True) if self.base64 else encode_pasted(self.text)
        except Base64Error:
            raise ValueError("`base64` is not valid") from None


class MailIn(MailFile):
    """A new e-mail of a campaign."""

    emp_id: EmpId = Field(alias="empId")
    name: Name = Field(description="The name of the campaign.")
    mailer: str = Field("plain", description=f"The e-mail platform: {', '.join(PLATFORMS)}.")
    contact_tag: Name | None = Field(
        None, description="The platform's merge tag for the contact's reference, if not the default."
    )
    utm: UtmIn | None = Field(None, description="UTM parameters of its destinations. Null: the account's.")


class LinkChoice(Input):
    """What becomes of a link. Only sales links earn orders."""

    use: Use
    label: Text | None = Field(None, description="The name of the link in the report. Null: unchanged.")


class MailChange(Input):
    """The choices to change."""

    name: Name | None = Field(None, description="The name of the draft and of its campaign.")
    links: dict[str, LinkChoice] = Field(default_factory=dict, description="By the link's id in the mail.")
    utm: UtmIn | None = Field(None, description="The UTM parameters of its destinations. Null: unchanged.")
    merged: bool | None = Field(None, description="True: links with equal destinations are one link.")


class MailLinkOut(Output):
    """A link of a mail."""

    id: str = Field(description="The link in the mail.", examples=["0-1042"])
    element: str = Field(description="`a`, `area`, `vml` (an Outlook button) or `text`.")
    text: str
    address: str
    position: int = Field(description="How far down it stands in its part, from 0 to 100.")
    use: Use
    label: str
    reason: str = Field(description="Why this use was proposed.")
    destination: str = Field(description="With its UTM parameters. Empty: the link cannot be tracked.")
    link_id: Id | None = Field(description="The link of the campaign; null for a draft or an untracked link.")


class WarningOut(Output):
    """A risk, before the e-mail is sent."""

    name: Risk
    message: str


class MailOut(Output):
    """An e-mail with its links; a draft while `campaign_id` is null."""

    id: Id
    emp_id: EmpId = Field(alias="empId")
    name: str
    mailer: str
    kind: Kind
    merged: bool
    utm: UtmIn
    campaign_id: Id | None
    created_at: datetime
    changed_at: datetime
    links: list[MailLinkOut]
    warnings: list[WarningOut] = Field(description="Read them before you send the e-mail.")


_DOC: dict[str, Any] = {"security": "bearer"}


@blueprint.post("/mails")
@blueprint.input(MailIn, arg_name="wanted")
@blueprint.output(MailOut, 201)
@blueprint.doc(**_DOC, responses={403: "A foreign account", 404: "No such account"})
def add_mail(wanted: MailIn) -> dict[str, Any]:
    """Store an e-mail as a draft; the response has a proposal for each of its links."""
    mail = read_mail(wanted.body(), wanted.kind)
    with writing() as connection:
        view = use_cases.add_mail(
            connection,
            principal(),
            tracking(),
            wanted.emp_id,
            wanted.name,
            wanted.mailer,
            wanted.contact_tag,
            mail,
            datetime.now(UTC),
            utm=wanted.utm.as_utm() if wanted.utm else None,
        )
    return _as_json(view)


@blueprint.get("/mails/<mail_id>")
@blueprint.output(MailOut)
@blueprint.doc(**_DOC)
def get_mail(mail_id: str) -> dict[str, Any]:
    """An e-mail with its links."""
    return _as_json(_see(mail_id))


@blueprint.patch("/mails/<mail_id>")
@blueprint.input(MailChange, arg_name="change")
@blueprint.output(MailOut)
@blueprint.doc(**_DOC, responses={409: "Its campaign exists already"})
def change_mail(mail_id: str, change: MailChange) -> dict[str, Any]:
    """Choose what becomes of links."""
    view = _see(mail_id)
    labels = {one.id: one.choice.label for one in view.links}
    choices = {
        link_id: Choice(one.use, labels.get(link_id, "") if one.label is None else one.label)
        for link_id, one in change.links.items()
    }
    utm = change.utm.as_utm() if change.utm else None
    wanted = Change(choices, change.merged, change.name, utm)
    with writing() as connection:
        changed = use_cases.change_mail(connection, principal(), view, wanted, datetime.now(UTC))
    return _as_json(changed)


@blueprint.put("/mails/<mail_id>/campaign")
@blueprint.output(MailOut)
@blueprint.doc(**_DOC, responses={422: "No link is tracked"})
def make_campaign(mail_id: str) -> dict[str, Any]:
    """Create the campaign of a draft. Idempotent: safe to retry."""
    view = _see(mail_id)
    with writing(publishes=True) as connection:
        made = use_cases.make_campaign(connection, principal(), tracking(), view, datetime.now(UTC))
    return _as_json(made)


@blueprint.get("/mails/<mail_id>/tracked")
@blueprint.doc(**_DOC, responses={**answers_with("text/html", "The e-mail with tracked links.")})
def tracked_mail(mail_id: str) -> Response:
    """The e-mail with tracked links; all its other bytes are unchanged."""
    with services().database.read() as connection:
        view, body = use_cases.tracked_mail(connection, principal(), tracking(), mail_id)
    return _as_file(body, view.stored.kind)


@blueprint.get("/mails/<mail_id>/original")
@blueprint.doc(**_DOC, responses={**answers_with("text/html", "The e-mail as it was sent here.")})
def original_mail(mail_id: str) -> Response:
    """The e-mail as it was sent here, byte by byte."""
    view = _see(mail_id)
    return _as_file(view.mail.raw, view.stored.kind)


@blueprint.post("/mails/undo")
@blueprint.input(MailFile, arg_name="tracked")
@blueprint.doc(**_DOC, responses={**answers_with("text/html", "The e-mail with its original links.")})
def undo_mail(tracked: MailFile) -> Response:
    """A tracked e-mail with its original links; byte by byte the original if it was not edited since."""
    mail = read_mail(tracked.body(), tracked.kind)
    with services().database.read() as connection:
        return _as_file(use_cases.undo_mail(connection, principal(), tracking(), mail), mail.kind)


@blueprint.post("/mails/<mail_id>/copy")
@blueprint.input(CopyIn, arg_name="wanted")
@blueprint.output(MailOut, 201)
@blueprint.doc(**_DOC)
def copy_mail(mail_id: str, wanted: CopyIn) -> dict[str, Any]:
    """Copy an e-mail as a draft, with the choices for its links."""
    name = wanted.name or copy_name(_see(mail_id).name, ENGLISH)
    with writing() as connection:
        copy = use_cases.copy_mail(connection, principal(), mail_id, name, datetime.now(UTC))
    return _as_json(_see(copy))


@blueprint.delete("/mails/<mail_id>")
@blueprint.output(MailOut)
@blueprint.doc(**_DOC, responses={409: "Its campaign exists already"})
def delete_mail(mail_id: str) -> dict[str, Any]:
    """Delete a draft; returns it a last time."""
    view = _see(mail_id)
    with writing() as connection:
        use_cases.delete_draft(connection, principal(), mail_id)
    return _as_json(view)


def _see(mail_id: str) -> MailView:
    with services().database.read() as connection:
        return use_cases.see_mail(connection, principal(), tracking(), mail_id)


def _as_file(body: bytes, kind: Kind) -> Response:
    answer = make_response(body)
    answer.headers["Content-Type"] = kind.content_type
    answer.headers["Content-Disposition"] = "attachment"
    return answer


def _as_json(view: MailView) -> dict[str, Any]:
    stored, led = view.stored, view.destinations()
    return {
        "id": stored.id,
        "empId": stored.emp_id,
        "name": view.name,
        "mailer": stored.mailer,
        "kind": stored.kind,
        "merged": stored.merged,
        "utm": asdict(view.utm),
        "campaign_id": None if view.campaign is None else view.campaign.id,
        "created_at": stored.created_at,
        "changed_at": stored.changed_at,
        "links": [
            {
                "id": one.id,
                "element": one.found.element,
                "text": one.found.text,
                "address": one.found.address,
                "position": one.position,
                "use": one.choice.use,
                "label": one.choice.label,
                "reason": one.proposal.why,
                "destination": led.get(one.id, one.proposal.destination),
                "link_id": one.choice.link_id,
            }
            for one in view.links
        ],
        "warnings": [{"name": one.risk, "message": say_caution(one, ENGLISH)} for one in cautions_for(view)],
    }
