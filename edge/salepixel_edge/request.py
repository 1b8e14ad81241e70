"""What a request says: pure functions from its query and headers to values, all of them bytes."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from salepixel.clicks.tokens import Signal
from salepixel.reading.references import BARE_TAGS, MAX_CONTACT, is_merge_tag, normal_reference
from salepixel.reading.text import decode_bytes

MAX_COOKIE = 255
MAX_AGENT = 300

MAX_APPENDED = 2000
"""Characters of what a mailer appends that go on to the destination, which may be as long itself."""

_ESCAPED = re.compile(rb"(?:^|&)(?:amp;)+")  # an ampersand that somebody wrote as in HTML
_GLUED = re.compile(rb"(?:\?|%3[Ff])([\w.~-]+(?:=|%3[Dd]).*)", re.DOTALL)
# Nothing is given back ("++", "*+"): of "----...!a" a search for another split would take seconds.
_PASTED = re.compile(rb"([\w-]++)([^\w?&]*+)(?:[?&](.*))?", re.DOTALL)
_BARE_TAGS = frozenset(tag.encode() for tag in BARE_TAGS)
_PLAIN = re.compile(rb"[\w@+-](?:[\w@+.-]*[\w@+-])?")
_WRITTEN = re.compile(rb"(?:[\w.~=%+:/-]+(?:&[\w.~=%+:/-]+)*)?")  # what quote would leave as it is
_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"#<>\\^`{|}')
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


def read_asked(query: bytes) -> tuple[bytes, bool, bytes]:
    """What the query of a link says: contact, whether its merge tag was left as it was, what was appended.

    The contact is the normal form of the reference in `k=`, wherever it stands, in UTF-8; empty for an
    unknown one. A plus stays a plus: mailers write references as they are, and some are e-mail addresses.
    The rest of the query, also what is glued to the reference by a second `?`, goes on to the destination:
    ASCII without `#` and white space.
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
    if is_merge_tag(text) or is_merge_tag(value.decode("latin-1")):
        return b"", True, appended
    return normal_reference(text).encode(), False, appended


def _is_plain(value: bytes) -> bool:
    """True for a reference as most mailers write them: in its normal form, and no merge tag."""
    if value.isalnum():
        return len(value) <= MAX_CONTACT
    return len(value) <= MAX_CONTACT and value not in _BARE_TAGS and _PLAIN.fullmatch(value) is not None


def _appended(parts: list[bytes]) -> bytes:
    """Parts of a query as they may stand in a Location, as many as there is room for."""
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


def read_pasted(path: bytes) -> tuple[bytes, bytes] | None:
    """The token and the query in a path that holds more than a token, None for one that does not.

    Mail programs percent-encode letters and the question mark, and take the stop, the bracket or the slash
    after a link for a part of it. `path` is what stands after `/c/`.
    """
    found = _PASTED.fullmatch(unquote_to_bytes(path))
    if found is None or found[1] == path:
        return None
    between = found[2].decode(errors="replace")
    if any(c.isalnum() or (c < " " and c not in "\t\r\n") for c in between):
        return None
    return found[1], found[3] or b""


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
