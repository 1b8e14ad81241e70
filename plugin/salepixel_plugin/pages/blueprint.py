"""What all pages share: authentication, language, headers, the format of errors."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import sqlalchemy as sa
from apiflask import APIBlueprint
from babel import negotiate_locale
from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from salepixel.accounts.declined import Declined
from salepixel.accounts.principal import HIDDEN, Principal
from salepixel.accounts.store import Account, list_accounts
from salepixel.campaigns.store import get_campaign
from salepixel.shops.store import find_installation, get_shop
from salepixel.storage.database import is_unstorable
from salepixel.storage.ids import is_id
from salepixel_plugin import access, explanations
from salepixel_plugin.access import Refusal
from salepixel_plugin.compressed import compress
from salepixel_plugin.computed import RETRY_SECONDS
from salepixel_plugin.languages import ENGLISH, LANGUAGES, N_, Language
from salepixel_plugin.offers import leave_out_refused, may_use
from salepixel_plugin.pages.chapters import TERMS_ON, chapter_of, term_anchor
from salepixel_plugin.pages.menu import is_of_report, places_at, sections_at
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.saleor import dashboard
from salepixel_plugin.services import services

LANGUAGE_COOKIE = "salepixel_language"
LANGUAGE_SECONDS = 365 * 86_400
OPEN_TO_ALL = (
    *("pages.login", "pages.enter", "pages.show_code", "pages.enter_code"),
    *("pages.begin_company", "pages.end_company"),
    *("pages.show_invitation", "pages.join", "pages.static", "pages.show_about", "pages.show_document"),
    # The token in their address is the right to end a subscription.
    *("pages.show_end", "pages.end_reports"),
    # These check the token of a Dashboard themselves, or show nothing without one.
    "pages.show_frame",
    "pages.show_order_widget",
    "pages.show_customer_widget",
    "pages.show_home_widget",
)
SHOP_HEADER = "Salepixel-Shop"
"""The shop whose Dashboard shows the page (static/frame.js). The Authorization header then has its token."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers would then send "Origin: null" with our forms too, and
    # is_from_our_page would refuse them if the browser sends no Sec-Fetch-Site.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

blueprint = APIBlueprint(
    "pages",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/assets",
    enable_openapi=False,
)
_STYLE, _SCRIPT, _LIVE = (
    hashlib.sha256((Path(__file__).parent / "static" / name).read_bytes()).hexdigest()[:8]
    for name in ("pages.css", "copy.js", "live.js")
)


@blueprint.record
def _prepare(state: BlueprintSetupState) -> None:
    jinja: Any = state.app.jinja_env
    jinja.add_extension("jinja2.ext.i18n")
    jinja.install_gettext_callables(
        lambda message: language().translations.gettext(message),
        lambda one, many, n: language().translations.ngettext(one, many, n),
        newstyle=True,
    )
    # As those of Jinja, in a third of the time: a page of sales has 600 texts.
    jinja.globals["gettext"] = jinja.globals["_"] = _translate


@pass_context
def _translate(context: Context, message: str, /, **words: object) -> str:
    """A text of a template in the reader's language, with its words filled in; they are escaped."""
    text: str = language().translations.gettext(message)
    if context.eval_ctx.autoescape:
        text = Markup(text)  # noqa: S704  # translations are ours
    return text % words if words or "%" in text else text


def language() -> Language:
    """The language of this request."""
    return cast(Language, g.get("salepixel_language", ENGLISH))


def choose_language() -> None:
    """Set this request's language: `?lang=` now, `?lang=` earlier (a cookie), or the browser's preference."""
    asked = request.args.get("lang")
    if asked in LANGUAGES:
        g.salepixel_asked_language = asked
    wanted = [asked or "", request.cookies.get(LANGUAGE_COOKIE, ""), *request.accept_languages.values()]
    code = negotiate_locale(wanted, list(LANGUAGES), sep="-") or ENGLISH.code
    g.salepixel_language = LANGUAGES[code]


def show_times_of(emp_id: int | None) -> None:
    """Write the times of this page in the time zone of an account that its reader may see."""
    account = next((one for one in accounts_of_menu() if one.emp_id == emp_id), None)
    if account:
        g.salepixel_language = language().in_zone(account.zone(services().settings.time_zone))


def page(template: str, **values: Any) -> Response:
    """A page. Caches must not store it, because it is confidential."""
    emp_id = _account_of(values)
    show_times_of(emp_id)
    may = partial(_may_use, emp_id)
    section, places = places_at(request.endpoint, may)
    html = render_template(
        f"pages/{template}",
        language=language(),
        languages=list(LANGUAGES.values()),
        style=_STYLE,
        script=_SCRIPT,
        live=_LIVE,
        words=explanations,
        same_page=same_page,
        here=request.full_path.rstrip("?"),
        signed_in=access.is_signed_in(),
        framed=is_framed(),
        hidden=HIDDEN,
        reads_only=access.reads_only(emp_id),
        sees_contacts=access.sees_contacts(emp_id),
        is_person=bool(access.session_id()),
        reload_seconds=RETRY_SECONDS,
        menu_of=emp_id,
        menu_accounts=accounts_of_menu(),
        sections=sections_at(request.endpoint, may),
        may=may,
        section=section,
        places=places,
        chapter=chapter_of(request.endpoint, language().code),
        terms_here=TERMS_ON.get((request.endpoint or "").removeprefix("pages."), ()),
        term_anchor=term_anchor,
        **values,
    )
    answer = make_response(leave_out_refused(html, emp_id))
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Language"] = language().code
    return answer


def _may_use(emp_id: int | None, name: str, method: str = "GET") -> bool:
    return may_use(f"pages.{name}", emp_id, method)


def accounts_of_menu() -> list[Account]:
    """The accounts that the principal of this request may see."""
    return cast(list[Account], g.get("salepixel_accounts", []))


def _account_of(values: Mapping[str, Any]) -> int | None:
    """The account that a page is about, for its menu; None for a page of all accounts, or of none."""
    for name in ("account", "campaign", "flow"):
        if values.get(name) is not None:
            return cast(int, values[name].emp_id)
    return cast(int | None, values.get("emp_id"))


def with_script() -> str:
    """The content security policy of a page with a script of ours."""
    return policy_with("script-src 'self'")


def policy_with(directive: str) -> str:
    """The content security policy of a page that needs one more directive."""
    return f"{_HEADERS['Content-Security-Policy']}; {directive}"


def same_page(**changes: str) -> str:
    """The address of this page with some parameters of its query changed, or removed if they are empty."""
    kept = {name: text for name, text in request.args.items() if name not in changes}
    query = {**kept, **{name: text for name, text in changes.items() if text}}
    return f"{request.path}?{urlencode(query)}"


@blueprint.before_request
def _enter() -> Response | None:
    choose_language()
    if request.endpoint in OPEN_TO_ALL:
        return None
    shop_id = request.headers.get(SHOP_HEADER)
    if not shop_id and (frame := _frame_of_older_manifest()):
        return cast(Response, redirect(frame, 302))
    by_key = _staff_principal(shop_id) if shop_id else access.bearer_principal()
    found = by_key or access.session_principal()
    if found is None:
        there = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return cast(Response, redirect(url_for("pages.login", next=there), 303))
    # CSRF check, for cookies only: a browser sends a cookie automatically, but never a key in a header.
    if request.method == "POST" and by_key is None:
        require_our_page()
    access.allow(found)
    with services().database.read() as connection:
        g.salepixel_accounts = accounts = list_accounts(connection, found)
        emp_id = accounts[0].emp_id if len(accounts) == 1 else _account_in_address(connection)
    show_times_of(emp_id)
    return None


def _account_in_address(connection: sa.Connection) -> int | None:
    """The account of what the address of this page names, if any; not checked against the reader's rights."""
    named = request.view_args or {}
    if "emp_id" in named:
        return cast(int, named["emp_id"])
    campaign_id, shop_id = (named.get(name, "") for name in ("campaign_id", "shop_id"))
    campaign = get_campaign(connection, campaign_id) if is_id(campaign_id) else None
    shop = get_shop(connection, shop_id) if is_id(shop_id) else None
    return campaign.emp_id if campaign else shop.emp_id if shop else None


def _staff_principal(shop_id: str) -> Principal:
    """The rights of the staff user in whose Dashboard our page is. Raises a Refusal; no cookie counts."""
    g.salepixel_framed = True
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return dashboard.principal_of(shop_id, token.strip() if scheme.lower() == "bearer" else "")[1]


def is_framed() -> bool:
    """True if a Dashboard shows the page of this request."""
    return bool(g.get("salepixel_framed", False))


def _frame_of_older_manifest() -> str | None:
    """The address of the frame, if a Dashboard opens the first page as the app's page.

    Saleor never reads a manifest again, and until now `appUrl` was our first page.
    """
    asked, app_id = request.args.get("saleorApiUrl"), request.args.get("id")
    if request.path != "/" or not asked or not app_id:
        return None
    with services().database.read() as connection:
        shop = find_installation(connection, asked, app_id)
    return f"{url_for('pages.show_frame', shop_id=shop.id)}?{urlencode(request.args)}" if shop else None


def require_our_page() -> None:
    """Refuse a form that was sent from another site (CSRF)."""
    if not access.is_from_our_page():
        raise Refusal(403, "cross_site", N_("This form was sent from another site. Open the page here."))


@blueprint.after_request
def _guard(answer: Response) -> Response:
    is_report = answer.mimetype == "text/html" and not answer.is_streamed and is_of_report(request.endpoint)
    if is_report or answer.mimetype == "text/css":
        compress(answer)
    return guard(answer)


def guard(answer: Response) -> Response:
    """Set the security headers, and the cookie of the language if `?lang=` chose one."""
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    if (asked := g.pop("salepixel_asked_language", None)) and not is_framed():
        set_cookie(answer, LANGUAGE_COOKIE, asked, LANGUAGE_SECONDS)
    return answer


def set_cookie(answer: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that scripts cannot read and forms of other sites do not send."""
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        expires=datetime.now(UTC) + timedelta(seconds=seconds),
        httponly=True,
        samesite="Lax",
        secure=services().settings.plugin_url.startswith("https:"),
    )


def say(refusal: Refusal) -> str:
    """A refusal in the reader's language."""
    return language().text(refusal.template, **refusal.words)


@blueprint.errorhandler(Refusal)
def refuse(refusal: Refusal) -> Response:
    """A refusal as a page."""
    message = N_("This page does not exist, or it belongs to another account.")
    text = language().text(message) if refusal.status == 404 else say(refusal)
    answer = page("refusal.html", status=refusal.status, message=text)
    answer.status_code = refusal.status
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


@blueprint.errorhandler(Declined)
def refuse_declined(declined: Declined) -> Response:
    """The page for an error of a use case."""
    return refuse(as_refusal(declined))


@blueprint.errorhandler(sa.exc.OperationalError)
@blueprint.errorhandler(sa.exc.TimeoutError)
@blueprint.errorhandler(sa.exc.InterfaceError)
def _database_unavailable(error: Exception) -> Response:
    if is_unstorable(error):
        raise error
    message = N_("The database does not respond. Try again in a moment. No data is lost.")
    answer = refuse(Refusal(503, "database_unavailable", message))
    answer.headers["Retry-After"] = "5"
    return answer


def refuse_http(error: HTTPException) -> Response:
    """The page for an error that Flask raised."""
    choose_language()
    status = error.code or 500
    message = {
        405: N_("This address does not accept this kind of request."),
        413: N_("The request is too large."),
    }.get(status, N_("Something went wrong, and the error was logged. Try again."))
    return guard(refuse(Refusal(status, "http", message)))
