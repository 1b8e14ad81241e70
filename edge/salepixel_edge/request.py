"""What a request says: pure functions from its query and headers to values, all of them bytes."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from salepixel.clicks import Signal
from salepixel.reading.references import MAX_CONTACT

MAX_COOKIE = 255
MAX_AGENT = 300

# The marks of merge tags that a mailer did not fill in: Handlebars and Jinja, Mailchimp, MailerLite,
# Mautic, Acumbamail, Salesforce; and {contact}, what we give where no mailer is named.
_UNRENDERED = re.compile(
    rb"\{\{|\}\}|\{%|\*\||\|\*|\{\$|\{contactfield|\[%|\[\[|\]\]|%%|\{contact\}"
    rb"|^%[A-Z_]+%$|^__test_email__$|^c_id$|^(?:0{8}-0{4}-0{4}-0{4}-0{12})?$"
)
_PREFETCH = re.compile(rb"prefetch|preview|prerender", re.IGNORECASE)
_PURPOSES = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
_PORT = re.compile(rb":\d+$")

# Plain numbers: to add up flags of an enum takes longer than all the rest that is done here.
_HEAD, _PREFETCHED, _UNRENDERED_TAG = int(Signal.HEAD), int(Signal.PREFETCH), int(Signal.UNRENDERED)
_PRIVACY, _NO_AGENT, _NO_FETCH = int(Signal.PRIVACY), int(Signal.NO_AGENT), int(Signal.NO_FETCH)

Headers = dict[bytes, bytes]
"""Names in lower case."""


@dataclass(slots=True)
class Request:
    """A request's head. `address` is the IP address at the other end of the connection, as text."""

    method: bytes
    path: bytes
    query: bytes
    headers: Headers
    address: bytes


def read_contact(query: bytes) -> tuple[bytes, bool]:
    """The contact reference in `k=` (UTF-8), and whether a mailer left its merge tag as it was.

    A plus stays a plus: mailers write references as they are, and some are e-mail addresses. What cannot
    be a reference (too long, not text) is an unknown contact, an empty text.
    """
    for part in query.split(b"&"):
        name, _, raw = part.partition(b"=")
        if name == b"k":
            break
    else:
        return b"", False
    if raw.isalnum() and len(raw) <= MAX_CONTACT:  # as most mailers write them
        return raw, False
    contact = unquote_to_bytes(raw)
    if _UNRENDERED.search(raw) or _UNRENDERED.search(contact):
        return b"", True
    try:
        text = contact.decode()
    except UnicodeError:
        return b"", False
    return (contact if len(text) <= MAX_CONTACT and text.isprintable() else b""), False


def read_signals(method: bytes, headers: Headers, *, unrendered: bool, secure: bool) -> int:
    """What bears on the verdict, as far as it can be seen without looking anything up: a Signal's number.

    `secure`: the edge is reached over https, where browsers send Sec-Fetch-* (W3C Fetch Metadata, 2.).
    """
    signals = _UNRENDERED_TAG if unrendered else 0
    if method == b"HEAD":
        signals |= _HEAD
    if not _PURPOSES.isdisjoint(headers) and any(_PREFETCH.search(headers.get(n, b"")) for n in _PURPOSES):
        signals |= _PREFETCHED
    if headers.get(b"sec-gpc") == b"1":
        signals |= _PRIVACY
    if not headers.get(b"user-agent", b"").strip():
        signals |= _NO_AGENT
    if secure and b"sec-fetch-site" not in headers:
        signals |= _NO_FETCH
    return signals


def read_agent(headers: Headers) -> bytes:
    """The user agent, cut to what is worth keeping."""
    return headers.get(b"user-agent", b"")[:MAX_AGENT]


def read_address(request: Request, proxies: int) -> bytes:
    """The visitor's IP address as text, behind so many proxies of ours; empty when it cannot be told.

    Each proxy adds at the end of X-Forwarded-For whom it got the request from: what stands before that
    can be anybody's invention.
    """
    if not proxies:
        return request.address
    forwarded = request.headers.get(b"x-forwarded-for", b"").split(b",")
    address = forwarded[-proxies].strip() if len(forwarded) >= proxies else b""
    return address if len(address) <= 45 and address.isascii() else b""  # INET6_ADDRSTRLEN - 1


def read_host(headers: Headers) -> str:
    """The host that was asked for, in lower case, without its port and the dot of the root."""
    return _host(headers.get(b"host", b""))


@lru_cache(256)
def _host(value: bytes) -> str:
    return _PORT.sub(b"", value.strip()).decode("latin-1").lower().removesuffix(".")


def read_cookie(headers: Headers, name: bytes) -> str:
    """The value of a cookie, empty when there is none; what is longer than ours ever are is not ours."""
    for part in headers.get(b"cookie", b"").split(b";"):
        key, _, value = part.strip().partition(b"=")
        if key == name and len(value) <= MAX_COOKIE and value.isascii():
            return value.decode()
    return ""
