"""New campaign: paste an e-mail, choose what becomes of its links, take it away with tracked links."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from flask import Response, make_response, redirect, request, url_for

from salepixel.accounts.declined import BadField, Invalid
from salepixel.accounts.use_cases import see_account
from salepixel.mailers.known import PLATFORMS
from salepixel.mails import use_cases
from salepixel.mails.cautions import Caution, cautions_of
from salepixel.mails.charsets import encode_pasted
from salepixel.mails.mail import MAX_BYTES, Kind, read_mail
from salepixel.mails.proposals import Use, Why
from salepixel.mails.store import Choice
from salepixel.mails.use_cases import MailView
from salepixel.reading.text import read_text
from salepixel_plugin.access import principal
from salepixel_plugin.directory import publish_if_possible
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, say
from salepixel_plugin.pages.platforms import NAMES, texts_of
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services, tracking, writing

_FORM_BYTES = 4 * MAX_BYTES  # a browser writes a letter of another alphabet with up to nine characters
_NAME, _LABEL = 200, 200

USES = {
    Use.SALES: N_("Sales link"),
    Use.TRACKED: N_("Tracked, without sales"),
    Use.LEFT: N_("Do not track"),
}

REASONS = {
    Why.SHOP: N_("Leads to your shop"),
    Why.OTHER_SITE: N_("Leads to another site"),
    Why.SOCIAL: N_("A social network"),
    Why.UNSUBSCRIBE: N_("Unsubscribe link: your e-mail platform needs it unchanged"),
    Why.WEB_VERSION: N_("Web version of the e-mail"),
    Why.MERGE_TAG: N_("A merge tag: your e-mail platform fills in the address"),
    Why.MERGE_TAG_INSIDE: N_("The address contains a merge tag, so it is known only when the e-mail is sent"),
    Why.EMPTY: N_("No address yet"),
    Why.ANCHOR: N_("Leads to a place in this e-mail"),
    Why.NOT_WEB: N_("Not a web page, such as an e-mail address or a telephone number"),
    Why.RELATIVE: N_("Not a full address: begin it with https://"),
    Why.TRACKED_ALREADY: N_("Already a tracked link"),
    Why.INVALID: N_("Not a valid address"),
}

CAUTIONS = {
    Caution.CLIPPED: N_(
        "Gmail will hide the end of this e-mail: its HTML has %(number)s kB, and Gmail shows 102."
    ),
    Caution.NO_SALES_LINK: N_("No link is a sales link, so no orders can be attributed to this campaign."),
    Caution.REPEATED: N_(
        "Destinations with several links: %(number)s. Choose below whether the report shows them as one link."
    ),
    Caution.NOT_SECURE: N_("Destinations that begin with http:// instead of https://: %(number)s"),
    Caution.MERGE_TAGS: N_(
        "Links that cannot be tracked, because their address contains a merge tag: %(number)s"
    ),
    Caution.TRACKED_ALREADY: N_(
        "Links that are already tracked, perhaps by an earlier campaign: %(number)s. They do not change."
    ),
}

_ENDINGS = {Kind.HTML: "html", Kind.TEXT: "txt", Kind.MESSAGE: "eml"}
_CHANGED = N_(
    "This draft was changed in another window since you opened it. Your choices are below: save them to "
    "replace those, or reload the page to see those."
)
_NO_NAME = N_("Enter a name for the campaign.")
_NO_TAG = N_(
    "Enter your platform's merge tag for a contact's reference: ASCII, without & # quotes < > and backslash."
)


@blueprint.get("/accounts/<int:emp_id>/mails")
def new_mail(emp_id: int) -> Response:
    """The form for a new campaign."""
    return _form(emp_id, {}, {})


@blueprint.post("/accounts/<int:emp_id>/mails")
def add_mail(emp_id: int) -> Response:
    """Store a pasted or uploaded e-mail as a draft."""
    request.max_content_length = request.max_form_memory_size = _FORM_BYTES
    sent = {name: request.form.get(name, "") for name in ("name", "mailer", "contact_tag", "text")}
    name = read_text(sent["name"], _NAME)
    if not name:
        return _form(emp_id, sent, {"name": language().text(_NO_NAME)})
    upload = request.files.get("file")
    # A browser sends the lines of a field with CRLF, whatever they had (HTML, 4.10.22.4).
    body = upload.read() if upload and upload.filename else encode_pasted(sent["text"].replace("\r\n", "\n"))
    try:
        mail = read_mail(body)
        with writing() as connection:
            view = use_cases.add_mail(
                connection,
                principal(),
                tracking(),
                emp_id,
                name,
                sent["mailer"],
                sent["contact_tag"].strip() or None,
                mail,
                datetime.now(UTC),
            )
    except BadField:
        return _form(emp_id, sent, {"contact_tag": language().text(_NO_TAG)})
    except Invalid as declined:
        return _form(emp_id, sent, {"text": say(as_refusal(declined))})
    return _to(view.stored.id)


@blueprint.get("/mails/<mail_id>")
def show_mail(mail_id: str) -> Response:
    """The links of a draft with their choices, or the tracked e-mail of a campaign."""
    with services().database.read() as connection:
        view = use_cases.see_mail(connection, principal(), tracking(), mail_id)
    return _show(view)


@blueprint.post("/mails/<mail_id>")
def change_mail(mail_id: str) -> Response:
    """Store the choices of the form; then create the campaign or delete the draft, if that was asked for."""
    request.max_content_length = request.max_form_memory_size = _FORM_BYTES
    here, step = services(), request.form.get("step", "")
    with writing() as connection:
        if step == "delete":
            gone = use_cases.delete_draft(connection, principal(), tracking(), mail_id)
            return cast(Response, redirect(url_for("pages.new_mail", emp_id=gone.stored.emp_id), 303))
        view = use_cases.see_mail(connection, principal(), tracking(), mail_id, lock=True)
        if view.campaign is None and request.form.get("seen", _version(view)) != _version(view):
            return _show(_with_choices(view), language().text(_CHANGED))
        view = use_cases.change_mail(
            connection,
            principal(),
            tracking(),
            mail_id,
            _choices(view),
            "merged" in request.form,
            datetime.now(UTC),
        )
    if step == "finish":
        try:
            with writing() as connection:
                use_cases.make_campaign(connection, principal(), tracking(), mail_id, datetime.now(UTC))
        except Invalid as declined:
            return _show(view, say(as_refusal(declined)))
        publish_if_possible(here.database, here.redis)
    return _to(mail_id)


@blueprint.get("/mails/<mail_id>/file")
def download_mail(mail_id: str) -> Response:
    """The tracked e-mail as a file."""
    with services().database.read() as connection:
        view, body = use_cases.tracked_mail(connection, principal(), tracking(), mail_id)
    kind = view.stored.kind
    answer = make_response(body)
    answer.headers["Content-Type"] = kind.content_type
    answer.headers["Content-Disposition"] = (
        f'attachment; filename="campaign-{view.stored.campaign_id}.{_ENDINGS[kind]}"'
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _to(mail_id: str) -> Response:
    return cast(Response, redirect(url_for("pages.show_mail", mail_id=mail_id), 303))


def _version(view: MailView) -> str:
    return view.stored.changed_at.isoformat()


def _with_choices(view: MailView) -> MailView:
    """The mail as the form of this request has it: nothing of it is lost if it cannot be stored."""
    chosen = _choices(view)
    links = [replace(one, choice=chosen.get(one.id, one.choice)) for one in view.links]
    return replace(view, links=links, stored=replace(view.stored, merged="merged" in request.form))


def _choices(view: MailView) -> dict[str, Choice]:
    """The choices of the form for links that it had. For ticked links, the choice for all ticked ones."""
    ticked, common = set(request.form.getlist("ticked")), request.form.get("common", "")
    wanted = {}
    for one in view.links:
        use = request.form.get(f"use-{one.id}", one.choice.use)
        if one.id in ticked and common in list(Use):
            use = common
        if one.proposal.destination and use in list(Use):
            label = read_text(request.form.get(f"label-{one.id}", one.choice.label), _LABEL)
            wanted[one.id] = Choice(Use(use), label or one.proposal.label)
    return wanted


def _form(emp_id: int, sent: dict[str, str], wrong: dict[str, str]) -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    answer = page(
        "mail_new.html",
        account=account,
        sent=sent,
        wrong=wrong,
        platforms=NAMES,
        needs_tag=[one.name for key, one in PLATFORMS.items() if one.contact_tag is None and key != "other"],
    )
    answer.status_code = 422 if wrong else 200
    return answer


def _show(view: MailView, wrong: str = "") -> Response:
    shared: dict[str, Any] = {"view": view, "account": view.account, "uses": USES, "reasons": REASONS}
    html = max((part.end - part.start for part in view.mail.parts if part.kind is Kind.HTML), default=0)
    if view.campaign is None:
        notes = [
            language().text(
                CAUTIONS[name],
                number=language().number(number // 1024 if name is Caution.CLIPPED else number),
            )
            for name, number in cautions_of(view, html)
        ]
        answer = page("mail_draft.html", cautions=notes, wrong=wrong, seen=_version(view), **shared)
        answer.status_code = 422 if wrong else 200
        return answer
    with services().database.read() as connection:
        _, body = use_cases.tracked_mail(connection, principal(), tracking(), view.stored.id)
        addresses = use_cases.tracked_addresses(connection, principal(), tracking(), view)
    text = (
        ""
        if view.stored.kind is Kind.MESSAGE
        else body.decode(view.mail.parts[0].charset).removeprefix("\ufeff")
    )
    notes = (
        [language().text(CAUTIONS[Caution.CLIPPED], number=language().number(len(body) // 1024))]
        if _clipped(view, body)
        else []
    )
    platform = PLATFORMS.get(view.stored.mailer, PLATFORMS["other"])
    shared |= {"platform": platform, "name": NAMES[platform.key], **texts_of(platform)}
    return page("mail_tracked.html", cautions=notes, text=text, addresses=addresses, **shared)


def _clipped(view: MailView, body: bytes) -> bool:
    return view.stored.kind is Kind.HTML and len(body) > use_cases.GMAIL_BYTES
