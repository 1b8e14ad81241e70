"""Tracked links: account, campaign, link and destination in one authenticated token.

The edge answers from the token alone: no look-up, and no destination that we did not sign, so it can
never be an open redirect. The token is not secret; its destination is not readable at a glance either,
because browsers that see a target url inside a link skip the hop.
"""

import hashlib
import hmac
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from html import unescape
from urllib.parse import quote, unquote_plus, urlsplit

from salepixel.keys import Keys
from salepixel.mailers.tags import find_tag
from salepixel.reading.addresses import normal_host

MAX_URL = 2000
_MAX_WRITTEN = 3 * MAX_URL
"""The limit for a destination before HTML references such as `&amp;` are decoded."""

_VERSION = 1
_HEAD = struct.Struct(">BBI6s6s")
_TAG = 16
_HTML_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
_TRACKED = re.compile(r"https?://[^/?#\s]{1,300}/c/([A-Za-z0-9_-]{40,4000})(?:[?#]|$)", re.IGNORECASE)
_PRINTABLE = "".join(chr(c) for c in range(0x21, 0x7F))


class BadLink(ValueError):
    """An invalid link: truncated, changed, or signed with a key that no longer exists."""


class BadDestination(ValueError):
    """An invalid destination of a link; the message says why."""


class TagInDestination(BadDestination):
    """A destination that contains a merge tag."""


@dataclass(frozen=True, slots=True)
class Link:
    """A destination in a campaign. `campaign` and `link` are 12 hex digits, see new_id."""

    emp_id: int
    campaign: str
    link: str
    url: str


def check_destination(url: str) -> str:
    """The URL as a Location header can have it (ASCII only). Raises BadDestination."""
    if len(url) > MAX_URL:
        raise BadDestination(f"longer than {MAX_URL} characters")
    if any(c <= " " or c in '\\"<>\x7f' for c in url):
        raise BadDestination("contains a space, a quote, a bracket, a backslash or a control character")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        host = normal_host(host) if host else ""
    except ValueError as error:
        raise BadDestination("has an invalid host or port") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadDestination("must start with http:// or https:// and name a host")
    if "@" in parts.netloc:
        raise BadDestination("must not contain a user name or password")
    netloc = parts.netloc
    if not netloc.isascii() or "%" in netloc:
        netloc = host + (f":{port}" if port is not None else "")
    return quote(parts._replace(netloc=netloc).geturl(), safe=_PRINTABLE)


class Notice(StrEnum):
    """A correction of a destination."""

    DECODED = "html_decoded"
    CLICK_REMOVED = "click_removed"


def read_destination(text: str, click_parameter: str) -> tuple[str, list[Notice]]:
    """The destination of a link as `check_destination` gives it, and notices of its corrections.

    A destination from the source of a page may be HTML-escaped. One from a browser may have the click token
    of the person who copied it. Raises BadDestination, also for a merge tag, which a tracked link encrypts.
    """
    if len(text) > _MAX_WRITTEN:
        raise BadDestination(f"longer than {MAX_URL} characters")
    notices = []
    url = _HTML_REFERENCE.sub(lambda found: unescape(found[0]), text)
    if url != text:
        notices.append(Notice.DECODED)
    if tag := find_tag(url):
        raise tag_in_destination(tag)
    checked = check_destination(url)
    stripped = without_parameters(checked, frozenset((click_parameter,)))
    if stripped != checked:
        notices.append(Notice.CLICK_REMOVED)
    return stripped, notices


def tag_in_destination(tag: str) -> TagInDestination:
    """The error of a destination with a merge tag, and what to do."""
    return TagInDestination(
        f"contains the merge tag {tag}, which e-mail platforms do not replace inside a tracked link: send "
        "this link untracked, or create one link for each page"
    )


class LinkSealer:
    """Makes and opens link tokens with an installation's keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @cached_property
    def _macs(self) -> dict[int, bytes]:
        return {key_id: self._keys.derive(key_id, "link") for key_id in self._keys.secrets}

    def seal(self, link: Link) -> str:
        """The token of a link: URL-safe, about 46 characters more than 4/3 of the destination."""
        body = _HEAD.pack(
            _VERSION, self._keys.active, link.emp_id, bytes.fromhex(link.campaign), bytes.fromhex(link.link)
        ) + link.url.encode("ascii")
        return urlsafe_b64encode(body + self._tag(self._keys.active, body)).rstrip(b"=").decode()

    def open(self, token: str) -> Link:
        """The link of a token. Raises BadLink for anything that `seal` did not make."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            version, key_id, emp_id, campaign, link = _HEAD.unpack_from(raw)
        except (UnicodeError, Base64Error, ValueError, struct.error) as error:
            raise BadLink("unreadable") from error
        if version != _VERSION or key_id not in self._macs:
            raise BadLink("unknown version or key")
        body, tag = raw[:-_TAG], raw[-_TAG:]
        if not hmac.compare_digest(tag, self._tag(key_id, body)):
            raise BadLink("forged or truncated")
        # base64 has spare bits in its last character: accept only the spelling that `seal` makes.
        if urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
            raise BadLink("not in the form that seal writes")
        return Link(emp_id, campaign.hex(), link.hex(), body[_HEAD.size :].decode("ascii"))

    def _tag(self, key_id: int, body: bytes) -> bytes:
        return hmac.digest(self._macs[key_id], body, hashlib.sha256)[:_TAG]


def with_parameter(url: str, name: str, value: str) -> str:
    """The URL with this query parameter once (its value is URL-safe), before any fragment."""
    return _with_query(without_parameters(url, frozenset((name,))), f"{name}={value}")


def with_appended(url: str, appended: str) -> str:
    """The URL with the query that a mailer appended to its link, which replaces parameters of the same names.

    `appended` is ASCII without `#` and white space, so nothing before the query can change.
    """
    names = frozenset(map(parameter_name, appended.split("&")))
    return _with_query(without_parameters(url, names), appended)


def with_further(url: str, appended: str) -> str:
    """Like `with_appended`, but what the URL has stays: a UTM parameter that it has is not appended.

    For a dynamic link: what follows its address may be the rest of the address, which may repeat a name. Of
    equal UTM parameters the last one stays, since ours come before the address.
    """
    query = url.partition("#")[0].partition("?")[2]
    known, further = set(map(parameter_name, query.split("&"))), list[str]()
    for part in reversed(appended.split("&")):
        name = parameter_name(part)
        if not name.startswith("utm_") or name not in known:
            further.insert(0, part)
            known.add(name)
    return _with_query(url, "&".join(further)) if further else url


def without_parameters(url: str, names: frozenset[str]) -> str:
    """The URL without query parameters of these names, in any number and spelling."""
    base, hash_mark, fragment = url.partition("#")
    path, _, query = base.partition("?")
    parts = query.split("&")
    kept = [part for part in parts if parameter_name(part) not in names]
    if len(kept) == len(parts):
        return url
    return path + ("?" if kept else "") + "&".join(kept) + hash_mark + fragment


def parameter_name(part: str) -> str:
    """The name in one part of a query, such as `a` in `a=b` and in `%61`."""
    return unquote_plus(part.partition("=")[0])


def _with_query(url: str, query: str) -> str:
    base, hash_mark, fragment = url.partition("#")
    joiner = "&" if "?" in base else "?"
    return f"{base}{joiner}{query}{hash_mark}{fragment}"


def edge_url(base: str, tracking_host: str) -> str:
    """Where browsers reach the edge for an account; `base`: its own address, for accounts without a host."""
    return f"{urlsplit(base).scheme}://{tracking_host}" if tracking_host else base


def tracked_url(base: str, token: str, contact_tag: str) -> str:
    """The URL for the e-mail. The tag is not encoded, because the mailer looks for exactly this text."""
    return f"{base}/c/{token}?k={contact_tag}"


def token_in(address: str) -> str:
    """The token in an address that `tracked_url` made, on whichever host; empty if it has no such form."""
    found = _TRACKED.match(address)
    return found[1] if found else ""
