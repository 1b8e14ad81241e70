"""Signing in at the company's OpenID provider, and coming back from it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import Conflict, NotAllowed
from salepixel.keys import BadSeal, Place
from salepixel.people.id_token import BadIdToken
from salepixel.people.identities import enter_with_identity
from salepixel.people.openid import Attempt, Provider, ProviderUnavailable, new_attempt
from salepixel_plugin import entrance
from salepixel_plugin.access import Refusal
from salepixel_plugin.company_sign_in import ProviderBusy, of_company
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, say, set_cookie
from salepixel_plugin.pages.session import local_path, login_page, refuse_too_many, with_session
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.rejections import count_refusal
from salepixel_plugin.services import services

COOKIE = "salepixel_company"
MINUTES = 10
"""The time to sign in at the provider."""

_SOURCE = "openid"
_PLACE = Place("company", 0, COOKIE)

_BEGIN_AGAIN = N_("This sign-in has ended, or was begun in another browser. Begin again.")
_REFUSED = N_("Your company's sign-in did not confirm who you are. Begin again, or ask your administrator.")
_UNAVAILABLE = N_(
    "Your company's sign-in does not respond, or its settings are wrong. Try again in a moment. If it fails "
    "again, ask the operator of this server to run `salepixel doctor`."
)


@dataclass(frozen=True, slots=True)
class _Begun:
    attempt: Attempt
    there: str


@blueprint.get("/login/company")
def begin_company() -> Response:
    """Send the browser to the provider. A link, because a form must not lead to another site (the policy)."""
    refuse_too_many()
    there = local_path(request.args.get("next"))
    provider, attempt = _provider(), new_attempt()
    try:
        with of_company().slot():
            address = provider.address(attempt, _back(), language().code)
    except (ProviderUnavailable, ProviderBusy):
        return _failed(there, "provider_unavailable", language().text(_UNAVAILABLE), 503)
    answer = cast(Response, redirect(address, 303))
    begun = {**asdict(attempt), "there": there, "until": _seconds() + MINUTES * 60}
    sealed = services().keys.seal_bytes(_PLACE, json.dumps(begun).encode())
    set_cookie(answer, COOKIE, urlsafe_b64encode(sealed).decode(), MINUTES * 60)
    return answer


@blueprint.get("/login/company/back")
def end_company() -> Response:
    """Begin the session of the person who signed in at the provider.

    The state binds the answer to the browser that asked (RFC 6749, 10.12). A code is valid once.
    """
    refuse_too_many()
    provider, begun = _provider(), _read_cookie()
    state, code = request.args.get("state", ""), request.args.get("code", "")
    if begun is None or begun.attempt.state != state:
        return _failed("", "other_state", language().text(_BEGIN_AGAIN), 403)
    issuer = request.args.get("iss", provider.client.issuer)  # RFC 9207
    if request.args.get("error") or not code or issuer != provider.client.issuer:
        return _failed(begun.there, "provider_refused", language().text(_REFUSED), 403)
    try:
        with of_company().slot():
            identity = provider.redeem(code, begun.attempt, _back())
    except (ProviderUnavailable, ProviderBusy):
        return _failed(begun.there, "provider_unavailable", language().text(_UNAVAILABLE), 503)
    except BadIdToken as bad:
        return _failed(begun.there, bad.reason, language().text(_REFUSED), 403)
    now = datetime.now(UTC)
    try:
        with services().database.write() as connection:
            person = enter_with_identity(connection, identity, language().code, now)
    except (NotAllowed, Conflict) as declined:
        return _failed(begun.there, declined.reason, say(as_refusal(declined)), 403)
    answer = with_session(entrance.begin_session(person, now), begun.there)
    answer.delete_cookie(COOKIE)
    return answer


def _provider() -> Provider:
    provider = of_company().provider
    if provider is None:
        raise Refusal(404, "not_found", "")
    return provider


def _back() -> str:
    return services().settings.plugin_url + url_for("pages.end_company")


def _seconds() -> int:
    return int(datetime.now(UTC).timestamp())


def _read_cookie() -> _Begun | None:
    try:
        sealed = urlsafe_b64decode(request.cookies.get(COOKIE, ""))
        read = json.loads(services().keys.open_bytes(_PLACE, sealed))
    except (BadSeal, ValueError):
        return None
    if read["until"] <= _seconds():
        return None
    return _Begun(Attempt(read["state"], read["nonce"], read["verifier"]), read["there"])


def _failed(there: str, reason: str, message: str, status: int) -> Response:
    """The sign-in page with the reason. A sign-in that cannot succeed any more is forgotten."""
    count_refusal(_SOURCE, reason)
    answer = login_page(there or local_path(None), failed="company", message=message)
    answer.status_code = status
    if status == 503:
        answer.headers["Retry-After"] = "5"
    else:
        answer.delete_cookie(COOKIE)
    return answer
