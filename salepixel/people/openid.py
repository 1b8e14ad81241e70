"""Signing in at a company's OpenID provider: the authorization code flow with PKCE, state and nonce.

OpenID Connect Core 1.0, 3.1; Discovery 1.0, 4; PKCE: RFC 7636; what to check: RFC 9700. Our own lines over
PyJWT and wire/outgoing.py (docs/adr/0062). The addresses come from the provider that the operator names, so
they may be private, as that of a Keycloak in the company's network.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import structlog

from salepixel.keys import normal_address
from salepixel.people.id_token import (
    BadIdToken,
    SigningKey,
    UnknownKey,
    read_signing_keys,
    verified_email,
    verify_id_token,
)
from salepixel.reading.emails import is_email
from salepixel.reading.text import read_text
from salepixel.wire import outgoing
from salepixel.wire.outgoing import CallFailed

SECONDS = 5.0
"""For each call to the provider."""

MAX_BYTES = 262_144
KEEP_SECONDS = 3600.0
"""The provider's addresses and keys are asked for again after this time."""

RELOAD_SECONDS = 60.0
"""A token with an unknown key makes us ask for the keys again, at most so often."""

_NAME = 200

log = structlog.get_logger()


class ProviderUnavailable(Exception):
    """The provider does not answer, or not as Discovery 1.0 has it; the text says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Client:
    """Our registration with a provider, from the settings. `issuer`: exactly as in its tokens."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun. The browser keeps it; only `state`, `nonce` and a digest leave it."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in at the provider. `email`: verified (keys.normal_address), or empty."""

    issuer: str
    subject: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorization: str
    token: str
    jwks: str
    userinfo: str
    sends_basic: bool
    """The secret goes into the Authorization header, or else into the body (Core, 9)."""


def new_attempt() -> Attempt:
    """A sign-in with fresh secrets: 256 bits each."""
    return Attempt(*(secrets.token_urlsafe(32) for _ in range(3)))


class Provider:
    """The provider of an installation; its addresses and keys are kept in memory."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._endpoints: tuple[_Endpoints, float] | None = None
        self._keys: tuple[tuple[SigningKey, ...], float] | None = None

    def address(self, attempt: Attempt, back: str, language: str) -> str:
        """Where the browser goes to sign in. `back`: the address that it then comes back to.

        Raises ProviderUnavailable.
        """
        there = self._known().authorization
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": back,
            "scope": "openid email profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
            "ui_locales": language,
        }
        return f"{there}{'&' if '?' in there else '?'}{urlencode(query)}"

    def redeem(self, code: str, attempt: Attempt, back: str) -> Identity:
        """Who signed in, for the code with which the browser came back. Raises ProviderUnavailable or
        BadIdToken: `code_refused` if the code was used, has expired or belongs to another sign-in.
        """
        endpoints = self._known()
        answer = self._ask_for_token(endpoints, code, attempt, back)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise BadIdToken("malformed")
        claims = self._verified(endpoints, token, attempt.nonce)
        if "email" not in claims:
            claims |= _ask_for_user(endpoints, answer.get("access_token"), claims["sub"])
        email, name = verified_email(claims), claims.get("name")
        return Identity(
            self.client.issuer,
            claims["sub"],
            normal_address(email) if is_email(email) else "",
            read_text(name, _NAME) if isinstance(name, str) else "",
        )

    def check(self) -> None:
        """Ask for addresses and keys. Raises ProviderUnavailable."""
        self._load_keys(self._known())

    def _known(self) -> _Endpoints:
        with self._lock:
            kept = self._endpoints
        if kept and self._clock() - kept[1] < KEEP_SECONDS:
            return kept[0]
        url = self.client.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = _read_endpoints(_get(url), self.client.issuer)
        with self._lock:
            self._endpoints = found, self._clock()
        return found

    def _load_keys(self, endpoints: _Endpoints) -> tuple[SigningKey, ...]:
        try:
            found = read_signing_keys(_fetch(endpoints.jwks))
        except ValueError:
            raise ProviderUnavailable(f"{endpoints.jwks} is not a key set") from None
        if not found:
            raise ProviderUnavailable(f"{endpoints.jwks} has no key for RS256 or ES256")
        with self._lock:
            self._keys = found, self._clock()
        return found

    def _verified(self, endpoints: _Endpoints, token: str, nonce: str) -> dict[str, Any]:
        with self._lock:
            kept = self._keys
        age = self._clock() - kept[1] if kept else float("inf")
        keys = kept[0] if kept and age < KEEP_SECONDS else self._load_keys(endpoints)
        expected = {"issuer": self.client.issuer, "client_id": self.client.client_id, "nonce": nonce}
        try:
            return verify_id_token(token, keys, **expected)
        except UnknownKey:
            if age < RELOAD_SECONDS or age >= KEEP_SECONDS:  # just loaded
                raise
            return verify_id_token(token, self._load_keys(endpoints), **expected)

    def _ask_for_token(self, endpoints: _Endpoints, code: str, attempt: Attempt, back: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        ours = self.client.client_id, self.client.client_secret
        if endpoints.sends_basic:
            # RFC 6749, 2.3.1: encoded as in a form first.
            plain = ":".join(quote(one, safe="") for one in ours)
            headers["Authorization"] = f"Basic {base64.b64encode(plain.encode()).decode()}"
        else:
            form |= {"client_id": ours[0], "client_secret": ours[1]}
        status, body = _call("POST", endpoints.token, urlencode(form).encode(), headers)
        if status == 200:
            return _read_object(endpoints.token, body)
        error = _error_of(body)
        if error == "invalid_grant":
            raise BadIdToken("code_refused")
        log.error("openid_token_refused", status=status, error=error)
        raise ProviderUnavailable(f"{endpoints.token} answered {status} ({error or 'without a reason'})")


def _read_endpoints(document: Mapping[str, Any], issuer: str) -> _Endpoints:
    if document.get("issuer") != issuer:
        raise ProviderUnavailable(
            f"the issuer calls itself {document.get('issuer')!r}: SALEPIXEL_OIDC_ISSUER must be exactly this"
        )
    required = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    there, token, jwks = (_address(document, name, issuer) for name in required)
    userinfo = _address(document, "userinfo_endpoint", issuer) if "userinfo_endpoint" in document else ""
    methods = document.get("token_endpoint_auth_methods_supported")
    return _Endpoints(
        there, token, jwks, userinfo, not isinstance(methods, list) or "client_secret_basic" in methods
    )


def _address(document: Mapping[str, Any], name: str, issuer: str) -> str:
    text = document.get(name)
    parts = urlsplit(text) if isinstance(text, str) and text.isprintable() else None
    # An address without TLS only for an issuer without it, on this machine (settings.py).
    if not parts or not parts.hostname or parts.scheme not in ("https", urlsplit(issuer).scheme):
        raise ProviderUnavailable(f"the issuer's document has no usable {name}")
    return str(text)


def _ask_for_user(endpoints: _Endpoints, access_token: Any, subject: str) -> dict[str, Any]:
    """The claims about a person that are not in the ID token: Core, 5.4, lets a provider leave them out."""
    if not endpoints.userinfo or not isinstance(access_token, str) or not access_token.isprintable():
        return {}
    found = _get(endpoints.userinfo, {"Authorization": f"Bearer {access_token}"})
    if found.get("sub") != subject:  # Core, 5.3.2: must be the same person
        raise BadIdToken("malformed")
    return {name: found[name] for name in ("email", "email_verified", "name") if name in found}


def _get(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return _read_object(url, _fetch(url, headers))


def _fetch(url: str, headers: Mapping[str, str] | None = None) -> bytes:
    status, body = _call("GET", url, None, {"Accept": "application/json", **(headers or {})})
    if status != 200:
        raise ProviderUnavailable(f"{url} answered {status}")
    return body


def _call(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
    try:
        answer = outgoing.call(
            method, url, seconds=SECONDS, max_bytes=MAX_BYTES, body=body, headers=headers, own=True
        )
    except CallFailed as failure:
        log.warning("openid_provider_failed", url=url, reason=failure.reason)
        raise ProviderUnavailable(f"{url}: {failure}") from failure
    return answer.status, answer.body


def _read_object(url: str, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderUnavailable(f"{url} did not answer with a JSON object")
    return found


def _error_of(body: bytes) -> str:
    try:
        error = _read_object("", body).get("error")
    except ProviderUnavailable:
        return ""
    return read_text(error, 100) if isinstance(error, str) else ""
