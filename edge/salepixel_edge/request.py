"""Reads requests: pure functions from query and headers to values, all in bytes."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_to_bytes

from salepixel.campaigns.dynamic import item_of
from salepixel.clicks.tokens import Signal
from salepixel.mailers.tags import UNFILLED, is_merge_tag
from salepixel.reading.references import MAX_CONTACT, normal_reference
from salepixel.reading.text import decode_bytes

MAX_COOKIE = 255
MAX_AGENT = 300

MAX_APPENDED = 2000
"""Appended characters that are passed to the destination, whose own limit is the same."""

_ESCAPED = re.compile(rb"(?:^|&)(?:amp;)+")  # an ampersand escaped as in HTML
_GLUED = re.compile(rb"(?:\?|%3[Ff])([\w.~-]+(?:=|%3[Dd]).*)", re.DOTALL)
# Possessive ("++", "*+"): backtracking over "----...!a" takes seconds.
_PASTED = re.compile(rb"([\w-]++)([^\w?&]*+)(?:[?&](.*))?", re.DOTALL)
_UNFILLED = frozenset(value.encode() for value in UNFILLED)
_PLAIN = re.compile(rb"[\w@+-](?:[\w@+.-]*[\w@+-])?")
_WRITTEN = re.compile(rb"(?:[\w.~=%+:/-]+(?:&[\w.~=%+:/-]+)*)?")  # quote leaves these as they are
_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"#<>\\^`{|}')
_PREFETCH = re.compile(rb"prefetch|preview|prerender", re.IGNORECASE)
_PURPOSES = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
_PORT = re.compile(rb":\d+$")

# Plain numbers: `|` on an enum's flags takes longer than the rest of this module.
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


def read_link_query(query: bytes) -> tuple[bytes, bool, bytes]:
    """Read a link's query: contact, whether its merge tag was not replaced, appended parameters.

    The contact is the normal form of the reference in `k=`, at any position, in UTF-8; empty if unknown. A
    plus stays a plus: mailers do not escape references, and some are e-mail addresses. Other parameters, also
    after a second `?`, are passed to the destination: ASCII without `#` and white space.
    """
    if query[:2] == b"k=" and _is_plain(contact := query[2:]):
        return contact, False, b""
    if b"amp;" in query:
        query = _ESCAPED.sub(b"&", query)
    value, rest = None, list[bytes]()
    for part in query.split(b"&"):
        if part[:2] != b"k=" and part != b"k":
            rest.append(part)
        elif value is None:
            value = part[2:]
            if glued := _GLUED.search(value):
                value = value[: glued.start()]
                rest.append(glued[1] if b"=" in glued[1] else unquote_to_bytes(glued[1]))
    appended = _appended(rest)
    if not value or _is_plain(value):
        return value or b"", False, appended
    text = decode_bytes(unquote_to_bytes(value))
    # A platform that redirects to our link may have encoded an unfilled tag once more.
    if any(map(is_merge_tag, (text, value.decode("latin-1"), unquote(text)))):
        return b"", True, appended
    return normal_reference(text).encode(), False, appended


def split_address(query: bytes) -> tuple[bytes, bytes, bytes]:
    """A dynamic link's query without its first `u=` and its item, the value of `u=`, and the item in UTF-8.

    The value is as written. The item is in `i=` before `u=`: behind it are parameters of an address that was
    not encoded. Each is empty without its parameter, and the item also if its tag was not filled in.
    """
    if b"amp;" in query:
        query = _ESCAPED.sub(b"&", query)
    before, _, after = b"&".join((b"", query)).partition(b"&u=")
    address, _, rest = after.partition(b"&")
    before, _, after = before.partition(b"&i=")
    item, _, between = after.partition(b"&")
    return b"&".join(filter(None, (before[1:], between, rest))), address, _item(item) if item else b""


def split_contact(query: bytes) -> tuple[bytes, bytes]:
    """The contact in `k=` at the start of a query, and the rest, which the links of a mailing share.

    Without a contact in its normal form there: empty, and the whole query.
    """
    if query[:2] == b"k=" and (end := query.find(b"&")) > 0 and _is_plain(contact := query[2:end]):
        return contact, query[end + 1 :]
    return b"", query


@lru_cache(256)
def _item(value: bytes) -> bytes:
    text = decode_bytes(unquote_to_bytes(value.replace(b"+", b" ")))
    return b"" if is_merge_tag(text) else item_of(text).encode()


def _is_plain(value: bytes) -> bool:
    """True for a reference in its normal form that is no merge tag, as most mailers write it."""
    if len(value) > MAX_CONTACT or value in _UNFILLED:
        return False
    return value.isalnum() or _PLAIN.fullmatch(value) is not None


def _appended(parts: list[bytes]) -> bytes:
    """Parts of a query, quoted for a Location, up to MAX_APPENDED characters."""
    whole = b"&".join(parts)
    if len(whole) <= MAX_APPENDED and _WRITTEN.fullmatch(whole):
        return whole
    kept, room = [], MAX_APPENDED
    for part in parts:
        written = quote(part, safe=_SAFE)
        room -= len(written) + 1
        if room < 0:
            break
        if written:
            kept.append(written)
    return "&".join(kept).encode()


def read_altered_path(path: bytes) -> tuple[bytes, bytes] | None:
    """The token and the query of a path that a mail program altered; None if the path is just a token.

    Mail programs percent-encode letters and the question mark, and add the full stop, bracket or slash after
    a link. `path` is the part after `/c/`.
    """
    found = _PASTED.fullmatch(unquote_to_bytes(path))
    if found is None or found[1] == path:
        return None
    between = found[2].decode(errors="replace")
    if any(c.isalnum() or (c < " " and c not in "\t\r\n") for c in between):
        return None
    return found[1], found[3] or b""


def read_signals(method: bytes, headers: Headers, *, unrendered: bool, secure: bool) -> int:
    """The Signal flags of a request, without any look-up.

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
    """The user agent, at most MAX_AGENT bytes."""
    return headers.get(b"user-agent", b"")[:MAX_AGENT]


def read_address(request: Request, proxies: int) -> bytes:
    """The visitor's IP address as text, behind so many trusted proxies; empty if unknown.

    Each proxy appends the address of its client to X-Forwarded-For; entries before those may be forged.
    """
    if not proxies:
        return request.address
    forwarded = request.headers.get(b"x-forwarded-for", b"").split(b",")
    address = forwarded[-proxies].strip() if len(forwarded) >= proxies else b""
    return address if len(address) <= 45 and address.isascii() else b""  # INET6_ADDRSTRLEN - 1


def read_host(headers: Headers) -> str:
    """The requested host in lower case, without port and final dot."""
    return _host(headers.get(b"host", b""))


@lru_cache(256)
def _host(value: bytes) -> str:
    return _PORT.sub(b"", value.strip()).decode("latin-1").lower().removesuffix(".")


def read_cookie(headers: Headers, name: bytes) -> str:
    """The value of a cookie; empty without it, or above MAX_COOKIE, which no token reaches."""
    for part in headers.get(b"cookie", b"").split(b";"):
        key, _, value = part.strip().partition(b"=")
        if key == name and len(value) <= MAX_COOKIE and value.isascii():
            return value.decode()
    return ""
