"""Dynamic links: which addresses they may lead to, and the page that a click on one counts for.

The destination of a dynamic link is in `u=`, which the e-mail platform fills in when it sends, so it is not
signed. It leads only to hosts that the account lists (docs/adr/0044). The address in the answer is written
anew, with the host in its normal form, so that a browser cannot read another host in it than the one that was
compared.
"""

import re
from collections.abc import Collection
from urllib.parse import quote, unquote_to_bytes

from salepixel.campaigns.links import MAX_URL, BadDestination
from salepixel.reading.addresses import BadHost, normal_host
from salepixel.reading.text import read_text

MAX_PAGE = 200
"""The most characters of a page; the rest of a longer path does not count."""

MAX_ITEM = 100
"""The most characters of an item's name."""

_MAX_WRITTEN = 3 * MAX_URL  # each character percent-encoded
_ADDRESS = re.compile(rb"(https?)://([^/?#]{1,1000})([^\\\x00-\x1f\x7f]*)", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"([^:@%\[\]\\]+)(?::([0-9]{0,5}))?", re.ASCII)
_PORTS = {"http": 80, "https": 443}
_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"<>\\')

# Parts of a path that identify one person or one basket: UUIDs, long codes, e-mail addresses. The words in a
# page's name have dashes between them, and no digits or fewer letters.
_CODE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[A-Za-z]*[0-9])[A-Za-z0-9]{16,}(?:=|%3D)*|[^/]*(?:@|%40)[^/]*",
    re.IGNORECASE,
)
_PATH_PARAMETERS = re.compile(r";[^/]*")  # such as ;jsessionid=, RFC 3986 3.3


class HostNotListed(BadDestination):
    """An address at a host that the account does not list."""


def listed_address(written: bytes, hosts: Collection[str]) -> str:
    """The address in `u=`, decoded once, as a Location header can have it (ASCII only).

    `hosts`: as `Account.leads_to` lists them; `*.shop.test` is any host below shop.test. An address must be
    complete: `http:` or `https:`, two slashes and a host. What programs read differently is refused: user
    names, backslashes, control characters, percent signs in the host. Raises BadDestination; HostNotListed
    for a host that is not listed.
    """
    if len(written) > _MAX_WRITTEN:
        raise BadDestination(f"longer than {MAX_URL} characters")
    found = _ADDRESS.fullmatch(unquote_to_bytes(written).strip(b" "))
    if not found:
        raise BadDestination("must start with http:// or https:// and have no backslash or control character")
    scheme, rest = found[1].decode().lower(), quote(found[3], safe=_SAFE)
    try:
        parts = _HOST.fullmatch(found[2].decode())
        host = normal_host(parts[1]) if parts else ""
    except (BadHost, UnicodeDecodeError) as error:
        raise BadDestination("has an invalid host") from error
    port = int(parts[2] or _PORTS[scheme]) if parts else 0
    if not host or not 0 < port < 2**16:
        raise BadDestination("has an invalid host or port")
    if not is_listed(host, hosts):
        raise HostNotListed("is at a host that the account does not list")
    place = "" if port == _PORTS[scheme] else f":{port}"
    url = f"{scheme}://{host}{place}{'' if rest[:1] == '/' else '/'}{rest}"
    if len(url) > MAX_URL:
        raise BadDestination(f"longer than {MAX_URL} characters")
    return url


def is_listed(host: str, hosts: Collection[str]) -> bool:
    """Whether a host in normal form is listed, by its name or as a host below a listed one."""
    if host in hosts:
        return True
    labels = host.split(".")
    return any(f"*.{'.'.join(labels[at:])}" in hosts for at in range(1, len(labels)))


def page_of(url: str) -> str:
    """The page of an address from `listed_address`: host and path, without codes that identify a person.

    Baskets and orders have codes in their paths, such as /checkout/9b2.../recover: each becomes `*`.
    """
    place = url.partition("://")[2].partition("#")[0].partition("?")[0]
    host, _, path = _PATH_PARAMETERS.sub("", place).partition("/")
    words = ("*" if _CODE.fullmatch(word) else word for word in path.split("/"))
    return f"{host}/{'/'.join(words)}"[:MAX_PAGE]


def item_of(text: str) -> str:
    """The name of an item as one line; empty for what names a person: an e-mail address."""
    return "" if "@" in text else read_text(text, MAX_ITEM)


def with_item(page: bytes, item: bytes) -> bytes:
    """A page and the item that its link named, as journal records have them. No page has a space."""
    return b"%s %s" % (page, item) if item else page
