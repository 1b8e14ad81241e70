"""First steps of an account: from nothing to the first sale, with the action that completes each step."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Response, redirect, request, url_for
from pydantic import ValidationError

from salepixel.accounts.declined import Conflict
from salepixel.accounts.principal import Change
from salepixel.accounts.store import Account, list_accounts
from salepixel.accounts.use_cases import create_account, see_account
from salepixel.attribution.use_cases import edit_account
from salepixel.campaigns.links import edge_url
from salepixel.checks import use_cases
from salepixel.checks.probes import probe
from salepixel.checks.result import Result, State
from salepixel.checks.sentences import SENTENCES, TITLES
from salepixel.checks.use_cases import FirstSteps
from salepixel.reading.addresses import is_local
from salepixel.shops.store import list_shops
from salepixel.shops.use_cases import create_shop
from salepixel.watch.use_cases import see_watch
from salepixel.wire.round_trip import PARAMETER, PATH, BadTrip, RoundTrips, Ticket
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.fields import Currency, HostOrEmpty, Name, NewEmpId, TimeZone, Url
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.alerts import KINDS
from salepixel_plugin.pages.blueprint import blueprint, language, page, say
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.saleor.codes import manifest_url
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, writing

STATES = {State.DONE: N_("Done"), State.WAITING: N_("To do"), State.BROKEN: N_("Broken")}

ACTIONS = {
    "site_missing": "settings",
    "host_local": "settings",
    "other_site": "settings",
    "cookie_not_tried": "browser",
    "cookie_lost": "browser",
    "shop_missing": "shop",
    "shop_paused": "health",
    "shop_pixel_only": "shop",
    "shop_waiting": "manifest",
    "shop_disconnected": "manifest",
    "shop_token_refused": "manifest",
    "tag_not_checked": "tag",
    "tag_not_found": "tag",
    "tag_too_large": "tag",
    "tag_other_account": "tag",
    "tag_other_host": "tag",
    "tag_unreachable": "settings",
    "tag_bad_certificate": "settings",
    "tag_bad_status": "settings",
    "tag_too_slow": "check",
    "campaign_draft": "drafts",
    "campaign_missing": "campaign",
    "sale_without_evidence": "health",
}
"""Reason -> the button or lines of its step. Reasons of the tracking host have Check now."""

PROBE_SECONDS = 5
_PROBING = threading.BoundedSemaphore(1)
"""Of this process's few threads, one at most waits for a slow host."""

_BUSY = N_("Another check is under way. Try again in a few seconds.")

_WRONG = {
    "emp_id": N_("Enter a whole number, such as 7."),
    "name": N_("Enter a name."),
    "site": N_("Enter a host name, such as www.shop.example."),
    "tracking_host": N_("Enter a host name, such as track.shop.example."),
    "currency": N_("Enter a three-letter code, such as EUR."),
    "time_zone": N_("Enter UTC or a name such as Europe/Madrid, or leave the field empty."),
    "api_url": N_("Enter the address of your Saleor's API, such as https://shop.example/graphql/."),
}


class _Settings(Input):
    name: Name
    site: HostOrEmpty
    tracking_host: HostOrEmpty
    currency: Currency
    time_zone: TimeZone = ""


class _NewAccount(_Settings):
    emp_id: NewEmpId


class _Shop(Input):
    api_url: Url


@dataclass(frozen=True, slots=True)
class Step:
    """A step as the page shows it."""

    state: State
    chip: str
    title: str
    says: str
    mends: str
    operator: str
    action: str


@blueprint.get("/accounts/<int:emp_id>/first-steps")
def first_steps(emp_id: int) -> Response:
    """The steps; or, at the end of a browser's round trip, the redirect to them."""
    if text := request.args.get(PARAMETER):
        return _keep_report(emp_id, text)
    return _steps_page(emp_id)


@blueprint.post("/accounts/<int:emp_id>/first-steps/check")
def check_now(emp_id: int) -> Response:
    """Ask the tracking host and the shop's first page, and store what was found."""
    here = services()
    with here.database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    if not _PROBING.acquire(blocking=False):
        raise Refusal(503, "busy", _BUSY, retry_after=PROBE_SECONDS)
    try:
        found = probe(account, here.settings.edge_url, RoundTrips(here.keys), datetime.now(UTC))
    finally:
        _PROBING.release()
    with writing() as connection:
        use_cases.keep_findings(connection, principal(), emp_id, found)
    return _to(emp_id)


@blueprint.get("/accounts/<int:emp_id>/first-steps/browser")
def try_browser(emp_id: int) -> Response:
    """Send this browser to the tracking host, which sets a cookie and sends it back here with a report."""
    here = services()
    with here.database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    there = edge_url(here.settings.edge_url, account.tracking_host)
    # To the address that the reader has opened: only there the browser has its session. But every tracking
    # host would redirect there, and a program may send any Host header, so no public host is taken from it.
    opened, public = request.host_url.rstrip("/"), here.settings.plugin_url
    host = urlsplit(opened).hostname
    is_own = urlsplit(public).scheme == "http" and host is not None and is_local(host)
    back = f"{opened if is_own else public}{url_for('pages.first_steps', emp_id=emp_id)}?"
    ticket = RoundTrips(here.keys).ticket(Ticket(emp_id, back, datetime.now(UTC)))
    return cast(Response, redirect(f"{there}{PATH}{ticket}", 302))


@blueprint.post("/accounts/<int:emp_id>/first-steps/account")
def set_up_account(emp_id: int) -> Response:
    """Change the name, the shop's site, the tracking host or the currency."""
    sent = _sent(_Settings)
    try:
        wanted = _Settings.model_validate(sent)
        with writing(publishes=True, wakes=True) as connection:
            keys, changes, now = services().keys, wanted.model_dump(), datetime.now(UTC)
            edit_account(connection, principal(), keys, emp_id, changes, now)
    except ValidationError as error:
        return _steps_page(emp_id, sent, _wrong(error))
    except Conflict as declined:
        return _steps_page(emp_id, sent, {"currency": say(as_refusal(declined))})
    return _to(emp_id)


@blueprint.post("/accounts/<int:emp_id>/first-steps/shop")
def add_shop(emp_id: int) -> Response:
    """Add a Saleor; the step then has the address to install the app from."""
    sent = _sent(_Shop)
    try:
        wanted = _Shop.model_validate(sent)
    except ValidationError as error:
        return _steps_page(emp_id, sent, _wrong(error))
    with writing() as connection:
        create_shop(connection, principal(), emp_id, "saleor", wanted.api_url, datetime.now(UTC))
    return _to(emp_id)


@blueprint.get("/accounts/new")
def new_account() -> Response:
    """The form for another account."""
    principal().require_all_accounts()
    with services().database.read() as connection:
        taken = [account.emp_id for account in list_accounts(connection, principal())]
    return page("account_new.html", sent={"emp_id": max(taken, default=0) + 1, "currency": "EUR"}, wrong={})


@blueprint.post("/accounts/new")
def make_account() -> Response:
    """Create an account, and show its first steps."""
    sent = _sent(_NewAccount)
    try:
        wanted = _NewAccount.model_validate_strings(sent)
        with writing(publishes=True) as connection:
            values, now = wanted.model_dump(), datetime.now(UTC)
            create_account(connection, principal(), services().keys, values, now)
    except ValidationError as error:
        return _new_page(sent, _wrong(error))
    except Conflict as declined:
        return _new_page(sent, {"emp_id": say(as_refusal(declined))})
    return _to(wanted.emp_id)


def steps_of(connection: sa.Connection, emp_id: int) -> dict[str, Any]:
    """The values of the list of steps, for a template."""
    here = services()
    found = use_cases.see_first_steps(connection, principal(), emp_id, here.settings.edge_url)
    waiting = [
        manifest_url(here.settings.plugin_url, here.keys, shop.id)
        for shop in list_shops(connection, emp_id)
        if shop.platform == "saleor"
        and shop.removed_at is None
        and principal().may_change(emp_id, Change.ACCESS)
    ]
    return {
        "account": found.account,
        "found": found,
        "steps": [as_step(result) for result in found.results],
        "tag": f'<script src="{found.base}/sp.js" data-emp-id="{emp_id}" async></script>',
        "manifests": waiting,
    }


def as_step(result: Result) -> Step:
    """A result in the reader's language."""
    sentence, words = SENTENCES[result.reason], {name: _word(word) for name, word in result.words.items()}
    action = ACTIONS.get(result.reason, "check" if result.name in ("tracking_host", "cookie") else "")
    done = result.state is State.DONE
    return Step(
        result.state,
        language().text(STATES[result.state]),
        language().text(TITLES[result.name]),
        language().text(sentence.says, **words),
        "" if done or not sentence.mends else language().text(sentence.mends, **words),
        "" if done or not sentence.operator else language().text(sentence.operator, **words),
        "" if done else action,
    )


def _word(word: str | int | datetime) -> str:
    if isinstance(word, datetime):
        return language().time(word)
    return language().number(word) if isinstance(word, int) else word


def _keep_report(emp_id: int, text: str) -> Response:
    """Store a report of the edge. It is idempotent and authenticated, so a GET may do it."""
    here = services()
    try:
        report = RoundTrips(here.keys).read_report(text, datetime.now(UTC))
    except BadTrip:
        return _to(emp_id)
    with writing() as connection:
        use_cases.keep_report(connection, principal(), report)
    return _to(report.emp_id)


def _steps_page(
    emp_id: int, sent: Mapping[str, str] | None = None, wrong: Mapping[str, str] | None = None
) -> Response:
    with services().database.read() as connection:
        values = steps_of(connection, emp_id)
        watch = {"watched": see_watch(connection, principal(), emp_id), "kinds": KINDS}
    account: Account = values["account"]
    found: FirstSteps = values["found"]
    form = {
        name: str(getattr(account, name))
        for name in ("name", "site", "tracking_host", "currency", "time_zone")
    }
    answer = page(
        "first_steps.html",
        sent=form | dict(sent or {}),
        wrong=wrong or {},
        open=found.open,
        **values,
        **watch,
    )
    answer.status_code = 422 if wrong else 200
    return answer


def _new_page(sent: Mapping[str, str], wrong: Mapping[str, str]) -> Response:
    answer = page("account_new.html", sent=sent, wrong=wrong)
    answer.status_code = 422
    return answer


def _sent(form: type[Input]) -> dict[str, str]:
    """The sent fields of a form; of an address in place of a host name, its host."""
    sent = {name: text.strip() for name, text in request.form.items() if name in form.model_fields}
    for name in ("site", "tracking_host"):
        if name in sent:
            sent[name] = sent[name].removeprefix("https://").removeprefix("http://").partition("/")[0]
    return sent


def _wrong(error: ValidationError) -> dict[str, str]:
    names = [str(detail["loc"][0]) for detail in error.errors()]
    return {name: language().text(_WRONG[name]) for name in names}


def _to(emp_id: int) -> Response:
    return cast(Response, redirect(url_for("pages.first_steps", emp_id=emp_id), 303))
