"""Calls to a Saleor: whose is this token, and which keys does the shop sign with.

Only for shops on the allow-list; the callers see to that. A shop gets 5 s to connect and 5 s to answer, no
redirect is followed (it could lead inside our network) and no more than 64 kB are read.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from salepixel_plugin.connectors.signatures import BadKeySet, read_keys
from salepixel_plugin.connectors.strict_json import BadJson, load_object

TIMEOUT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64_000

_APP_QUERY = "{app{id permissions{code}}}"


class ShopAway(Exception):
    """The shop did not give a usable answer now; the message says how."""


class TokenRefused(Exception):
    """The shop does not know this token, or not yet."""


@dataclass(frozen=True, slots=True)
class App:
    """Our app as a shop sees it: its id of this installation, and what it may do."""

    id: str
    permissions: frozenset[str]


def ask_for_app(api_url: str, token: str) -> App:
    """Whose token is this? Raises TokenRefused or ShopAway."""
    status, answer = _call(
        "POST", api_url, json={"query": _APP_QUERY}, headers={"Authorization": f"Bearer {token}"}
    )
    if status in (401, 403):
        raise TokenRefused
    try:
        content = load_object(answer)
        app: Any = (content.get("data") or {}).get("app")
        if app is None and ("data" in content or "errors" in content):
            raise TokenRefused  # Saleor's answer to a token that it does not know: 200, app null
        codes = frozenset(str(permission["code"]) for permission in app["permissions"] or ())
        app_id = app["id"]
    except (BadJson, AttributeError, KeyError, TypeError) as error:
        raise ShopAway(f"no Saleor answers there (status {status})") from error
    if not isinstance(app_id, str) or not app_id.isascii() or not app_id.isprintable() or not app_id:
        raise ShopAway("the app has no id")
    return App(app_id, codes)


def fetch_jwks(api_url: str) -> str:
    """The keys that a shop signs with, as the text of a JWKS that has been read. Raises ShopAway."""
    parts = urlsplit(api_url)
    status, answer = _call("GET", urlunsplit((parts.scheme, parts.netloc, "/.well-known/jwks.json", "", "")))
    if status != 200:
        raise ShopAway(f"it answered {status}")
    try:
        text = answer.decode()
        read_keys(text)
    except (UnicodeDecodeError, BadKeySet) as error:
        raise ShopAway(f"unusable: {error}") from error
    return text


def _call(
    method: str, url: str, *, json: dict[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with requests.Session() as session:
        # Neither a proxy nor a .netrc of the environment: the latter would replace our token.
        session.trust_env = False
        session.headers["Accept-Encoding"] = "identity"
        try:
            with session.request(
                method,
                url,
                json=json,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return answer.status_code, _read(answer, deadline)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise ShopAway(type(error).__name__) from error


def _read(answer: requests.Response, deadline: float) -> bytes:
    # read1 gives what has come; read would wait for the whole, however slowly it drips in.
    body = b""
    while piece := answer.raw.read1(MAX_ANSWER_BYTES):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise ShopAway(f"more than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise ShopAway("too slow")
    return body
