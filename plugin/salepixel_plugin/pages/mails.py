"""New campaign: paste an e-mail, choose what becomes of its links, take it away with tracked links."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, cast

from flask import Response, make_response, redirect, request, url_for
from pydantic import ValidationError

from salepixel.accounts.declined import BadField, Invalid
from salepixel.accounts.use_cases import see_account
from salepixel.campaigns.store import list_campaigns
from salepixel.campaigns.use_cases import NewCampaign, create_campaign
from salepixel.campaigns.utm import Utm
from salepixel.mailers.known import PLATFORMS
from salepixel.mails import use_cases
from salepixel.mails.cautions import Risk
from salepixel.mails.charsets import encode_pasted
from salepixel.mails.mail import MAX_BYTES, Kind, read_mail
from salepixel.mails.proposals import Use, Why
from salepixel.mails.store import Choice
from salepixel.mails.use_cases import Change
from salepixel.mails.view import MailView, label_of_group
from salepixel.reading.text import read_text
from salepixel_plugin.access import principal
from salepixel_plugin.cautions import cautions_for, say_caution
from salepixel_plugin.copies import copy_name
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, say, with_script
from salepixel_plugin.pages.link_settings import PARAMETERS
from salepixel_plugin.pages.platforms import NAMES, texts_of
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.schemas import UtmIn
from salepixel_plugin.services import services, tracking, writing

_FORM_BYTES = 4 * MAX_BYTES  # a browser writes a letter of another alphabet with up to nine characters
_NAME, _LABEL = 200, 200

PER_PAGE = 200
"""The links on one page. Most e-mails have fewer; with 5,000, a browser needs seconds for a page of all."""

_HOSTS = 20

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
    Why.NOT_WEB: N_("Not a web page, but for example an e-mail address or a telephone number"),
    Why.RELATIVE: N_("Not a full address: begin it with https://"),
    Why.TRACKED_ALREADY: N_("Already a tracked link"),
    Why.INVALID: N_("Not a valid address"),
}

_ENDINGS = {Kind.HTML: "html", Kind.TEXT: "txt", Kind.MESSAGE: "eml"}
_CHANGED = N_(
    "This draft was changed in another window after you opened it. Your choices are below. Save them to "
    "replace the other changes, or reload the page to see the other changes."
)
_NO_NAME = N_("Enter a name for the campaign.")
_NO_PLATFORM = N_("Choose your e-mail platform.")
_BAD_UTM = N_("Some UTM parameters cannot be used. They are marked below.")
_NO_TAG = N_(
    "Enter your platform's merge tag for a contact's reference, such as *|UNIQID|*. Accents, quotes, "
    "backslashes and the characters & # < > are not allowed."
)


@blueprint.get("/accounts/<int:emp_id>/mails")
def new_mail(emp_id: int) -> Response:
    """The form for a new campaign, with the platform of the newest one."""
    with services().database.read() as connection:
        see_account(connection, principal(), emp_id)
        newest = list_campaigns(connection, frozenset({emp_id}), 1, None)
    sent = {}
    if newest and newest[0].mailer != "plain":  # which the API takes if it is not named
        sent["mailer"] = newest[0].mailer
        usual = PLATFORMS[newest[0].mailer].contact_tag if newest[0].mailer in PLATFORMS else None
        sent["contact_tag"] = "" if newest[0].contact_tag == usual else newest[0].contact_tag
    return _form(emp_id, sent, {})


@blueprint.post("/accounts/<int:emp_id>/mails")
def add_mail(emp_id: int) -> Response:
    """Store a pasted or uploaded e-mail as a draft, or create a campaign without an e-mail."""
    request.max_content_length = request.max_form_memory_size = _FORM_BYTES
    sent = {name: request.form.get(name, "") for name in ("name", "mailer", "contact_tag", "text")}
    name = read_text(sent["name"], _NAME)
    if not name:
        return _form(emp_id, sent, {"name": language().text(_NO_NAME)})
    if sent["mailer"] not in PLATFORMS:
        return _form(emp_id, sent, {"mailer": language().text(_NO_PLATFORM)})
    tag = sent["contact_tag"].strip() or None
    try:
        if request.form.get("step") == "dynamic":
            return _add_dynamic(NewCampaign(emp_id, name, sent["mailer"], (), tag))
        mail = read_mail(_sent_mail())
        with writing() as connection:
            view = use_cases.add_mail(
                connection,
                principal(),
                tracking(),
                emp_id,
                name,
                sent["mailer"],
                tag,
                mail,
                datetime.now(UTC),
            )
    except BadField:
        return _form(emp_id, sent, {"contact_tag": language().text(_NO_TAG)})
    except Invalid as declined:
        return _form(emp_id, sent, {"text": say(as_refusal(declined))})
    return _to(view.stored.id)


def _add_dynamic(wanted: NewCampaign) -> Response:
    """Create a campaign that has only its dynamic link. Raises BadField."""
    here = services()
    with writing(publishes=True) as connection:
        made, _ = create_campaign(
            connection, principal(), wanted, here.settings.click_parameter, datetime.now(UTC)
        )
    there = url_for("pages.links", campaign_id=made.campaign.id, _anchor="dynamic")
    return cast(Response, redirect(there, 303))


@blueprint.get("/mails/<mail_id>")
def show_mail(mail_id: str) -> Response:
    """The links of a draft with their choices, or the tracked e-mail of a campaign."""
    return _show(_see(mail_id))


@blueprint.post("/mails/<mail_id>")
def change_mail(mail_id: str) -> Response:
    """Store the choices of the form; then do what its button says.

    That is: create the campaign, copy or delete the draft, or show other links.
    """
    request.max_content_length = request.max_form_memory_size = _FORM_BYTES
    step, now = request.form.get("step", ""), datetime.now(UTC)
    view = _see(mail_id)
    if step == "delete":
        with writing() as connection:
            emp_id = use_cases.delete_draft(connection, principal(), mail_id)
        return cast(Response, redirect(url_for("pages.new_mail", emp_id=emp_id), 303))
    if step == "copy":
        with writing() as connection:
            name = copy_name(view.name, language())
            return _to(use_cases.copy_mail(connection, principal(), mail_id, name, now))
    utm, wrong = _sent_utm()
    with writing() as connection:
        fresh = use_cases.see_again(connection, principal(), view)
        is_stale = fresh.campaign is None and request.form.get("seen", _version(fresh)) != _version(fresh)
        if not is_stale:
            name = read_text(request.form.get("name", ""), _NAME)
            new = utm if utm and utm != view.utm else None
            change = Change(_choices(view), "merged" in request.form, name or None, new)
            view = use_cases.change_mail(connection, principal(), view, change, now)
    if is_stale:
        return _show(_with_choices(fresh), language().text(_CHANGED))
    if wrong:
        return _show(view, language().text(_BAD_UTM), wrong)
    if step == "finish":
        try:
            with writing(publishes=True) as connection:
                use_cases.make_campaign(connection, principal(), tracking(), view, now)
        except Invalid as declined:
            return _show(view, say(as_refusal(declined)))
        return _to(mail_id)
    if step == "utm":
        return _show(_see(mail_id))
    return _to(mail_id, step.removeprefix("page-") if step.startswith("page-") else _page_number())


@blueprint.get("/mails/<mail_id>/file")
def download_mail(mail_id: str) -> Response:
    """The tracked e-mail as a file."""
    with services().database.read() as connection:
        view, body = use_cases.tracked_mail(connection, principal(), tracking(), mail_id)
    return _as_file(body, view.stored.kind, f"campaign-{view.stored.campaign_id}")


@blueprint.get("/mails/<mail_id>/original")
def download_original(mail_id: str) -> Response:
    """The e-mail as it was pasted or uploaded."""
    view = _see(mail_id)
    return _as_file(view.mail.raw, view.stored.kind, f"original-{mail_id}")


@blueprint.get("/accounts/<int:emp_id>/undo")
def show_undo(emp_id: int) -> Response:
    """The form that gives a tracked e-mail its original links back."""
    return _undo_form(emp_id, {})


@blueprint.post("/accounts/<int:emp_id>/undo")
def undo_mail(emp_id: int) -> Response:
    """A tracked e-mail with its original links, as a file."""
    request.max_content_length = request.max_form_memory_size = _FORM_BYTES
    with services().database.read() as connection:
        see_account(connection, principal(), emp_id)
    try:
        mail = read_mail(_sent_mail())
        with services().database.read() as connection:
            body = use_cases.undo_mail(connection, principal(), tracking(), mail)
    except Invalid as declined:
        return _undo_form(emp_id, {"text": say(as_refusal(declined))})
    return _as_file(body, mail.kind, "original")


def _see(mail_id: str) -> MailView:
    with services().database.read() as connection:
        return use_cases.see_mail(connection, principal(), tracking(), mail_id)


def _sent_mail() -> bytes:
    """The e-mail in the form: its file, or the pasted text."""
    upload = request.files.get("file")
    if upload and upload.filename:
        return cast(bytes, upload.read())
    # A browser sends the lines of a field with CRLF, whatever they had (HTML, 4.10.22.4).
    return encode_pasted(request.form.get("text", "").replace("\r\n", "\n"))


def _as_file(body: bytes, kind: Kind, name: str) -> Response:
    answer = make_response(body)
    answer.headers["Content-Type"] = kind.content_type
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{_ENDINGS[kind]}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _to(mail_id: str, number: int | str = 1) -> Response:
    more: dict[str, Any] = {} if str(number) == "1" else {"page": number}
    return cast(Response, redirect(url_for("pages.show_mail", mail_id=mail_id, **more), 303))


def _version(view: MailView) -> str:
    return view.stored.changed_at.isoformat()


def _sent_utm() -> tuple[Utm | None, list[str]]:
    """The UTM parameters of the form, None if it has none or wrong ones; and the names of the wrong ones."""
    if "utm_source" not in request.form:
        return None, []
    sent = {name: request.form.get(f"utm_{name}", "").strip() for name in PARAMETERS}
    try:
        return UtmIn.model_validate(sent | {"replace": "utm_replace" in request.form}).as_utm(), []
    except ValidationError as error:
        return None, [str(detail["loc"][0]) for detail in error.errors()]


def _utm_form(view: MailView, wrong: Sequence[str]) -> dict[str, Any]:
    """The fields of the UTM parameters: as they were sent, or else as they are stored."""
    is_sent = "utm_source" in request.form
    stored = asdict(view.utm)
    values = {name: request.form[f"utm_{name}"] if is_sent else stored[name] for name in PARAMETERS}
    replaces = "utm_replace" in request.form if is_sent else view.utm.replace
    is_open = request.form.get("step") == "utm"
    return {"values": values, "replaces": replaces, "wrong": wrong, "is_open": is_open}


def _with_choices(view: MailView) -> MailView:
    """The mail as the form of this request has it: nothing of it is lost if it cannot be stored."""
    chosen = _choices(view)
    links = [replace(one, choice=chosen.get(one.id, one.choice)) for one in view.links]
    return replace(view, links=links, stored=replace(view.stored, merged="merged" in request.form))


def _choices(view: MailView) -> dict[str, Choice]:
    """The choices of the form: for links that it has, and the common choice for all links of its scope."""
    ticked, common = set(request.form.getlist("ticked")), request.form.get("common", "")
    scope = request.form.get("scope", "ticked")
    wanted = {}
    for one in view.links:
        use = request.form.get(f"use-{one.id}", one.choice.use)
        in_scope = scope in ("all", f"host:{one.host}") or (scope == "ticked" and one.id in ticked)
        if in_scope and common in list(Use):
            use = common
        if one.proposal.destination and use in list(Use):
            label = read_text(request.form.get(f"label-{one.id}", one.choice.label), _LABEL)
            wanted[one.id] = Choice(Use(use), label or one.proposal.label, one.choice.link_id)
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


def _undo_form(emp_id: int, wrong: dict[str, str]) -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    answer = page("mail_undo.html", account=account, wrong=wrong, sent=request.form)
    answer.status_code = 422 if wrong else 200
    return answer


def _page_number() -> int:
    given = request.values.get("page", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 1


def _some(links: Sequence[object]) -> dict[str, Any]:
    """One page of links: `links`, `number`, `pages`."""
    pages = max(1, -(-len(links) // PER_PAGE))
    number = min(max(1, _page_number()), pages)
    return {"links": links[(number - 1) * PER_PAGE : number * PER_PAGE], "number": number, "pages": pages}


def _show(view: MailView, wrong: str = "", wrong_utm: Sequence[str] = ()) -> Response:
    cautions = cautions_for(view)
    if view.campaign is not None:  # what can no longer be chosen is left out
        cautions = [one for one in cautions if one.risk is not Risk.REPEATED]
    shared: dict[str, Any] = {"view": view, "account": view.account, "uses": USES, "reasons": REASONS}
    shared["cautions"] = [say_caution(one, language()) for one in cautions]
    if view.campaign is None:
        hosts = Counter(one.host for one in view.links if one.host).most_common(_HOSTS)
        answer = page(
            "mail_draft.html",
            wrong=wrong,
            led=view.destinations(),
            seen=_version(view),
            hosts=hosts,
            per_page=PER_PAGE,
            utm=_utm_form(view, wrong_utm),
            parameters=PARAMETERS,
            **_some(view.links),
            **shared,
        )
        answer.status_code = 422 if wrong else 200
        return answer
    with services().database.read() as connection:
        addresses = use_cases.tracked_addresses(connection, principal(), tracking(), view)
    body = view.rewritten(addresses)
    text = ""
    if view.stored.kind is not Kind.MESSAGE:
        text = body.decode(view.mail.parts[0].charset, "replace").removeprefix("\ufeff")
    links = [(label_of_group(group), group[0]) for group in view.groups()]
    platform = PLATFORMS.get(view.stored.mailer, PLATFORMS["other"])
    shared |= {"platform": platform, "name": NAMES[platform.key], **texts_of(platform)}
    answer = page("mail_tracked.html", text=text, addresses=addresses, **_some(links), **shared)
    # The script copies what the page shows.
    answer.headers["Content-Security-Policy"] = with_script()
    return answer
