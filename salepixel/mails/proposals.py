"""The proposal for each link of a mail (sales link, tracked link, or unchanged), with its reason."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from salepixel.campaigns.links import MAX_URL, BadDestination, TagInDestination, read_destination
from salepixel.mailers.tags import begins_with_expression, is_whole_tag
from salepixel.mails.found import FoundLink
from salepixel.mails.templates import has_expression
from salepixel.reading.addresses import BadHost, normal_host
from salepixel.reading.text import read_text

MAX_LABEL = 60


class Use(StrEnum):
    """The use of a link. Orders are attributed only to clicks on sales links."""

    SALES = "sales"
    TRACKED = "tracked"
    LEFT = "left"


class Why(StrEnum):
    """The reason for a proposal."""

    SHOP = "shop"
    OTHER_SITE = "other_site"
    SOCIAL = "social"
    UNSUBSCRIBE = "unsubscribe"
    WEB_VERSION = "web_version"
    MERGE_TAG = "merge_tag"
    MERGE_TAG_INSIDE = "merge_tag_inside"
    EMPTY = "empty"
    ANCHOR = "anchor"
    NOT_WEB = "not_web"
    RELATIVE = "relative"
    TRACKED_ALREADY = "tracked_already"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal for a link. `destination`: the destination of its tracked link; empty if it cannot be
    tracked.

    A link without a destination can only stay unchanged.
    """

    use: Use
    why: Why
    destination: str
    label: str


_SOCIAL = frozenset(
    f"{name}.com"
    for name in (
        (
            "facebook",
            "fb",
            "instagram",
            "twitter",
            "x",
            "tiktok",
            "youtube",
            "linkedin",
            "pinterest",
            "whatsapp",
        )
    )
) | {"fb.me", "t.me", "wa.me", "youtu.be", "threads.net", "bsky.app"}

# In the text of a link or in its address, in the languages of shops in Europe and Latin America.
_UNSUBSCRIBE = re.compile(
    r"unsub|opt[-_ ]?out|de baja\b|/baja\b|cancelar (?:la |mi |a )?sub?scri|desuscri|d[ée]sabonn|d[ée]sinscri"
    r"|abmelden|abbestell|disiscri|descadastr|uitschrijv|(?:manage|e-?mail).?preferences|tus preferencias",
    re.IGNORECASE,
)
_WEB_VERSION = re.compile(
    r"view (?:(?:it|this|the|e-?mail|newsletter|message) ){0,2}(?:in|on) (?:(?:your|a|the|web) ){0,2}browser"
    r"|(?:web|online).?version|view.?online|view-in-browser|versi[óo]n (?:web|online)|version en ligne"
    r"|ver (?:\S+ ){0,3}en (?:tu|el|su) navegador|im browser (?:ansehen|öffnen|anzeigen)|archive_?url",
    re.IGNORECASE,
)
_LISTMONK = "@TrackLink"
"""listmonk puts its own tracked link in place of such an address (its documentation, Templating)."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)


def propose(
    link: FoundLink, own_hosts: Collection[str], is_tracked: Callable[[str], bool], click_parameter: str
) -> Proposal:
    """The proposal for a link. `own_hosts`: hosts of the shop; their sub-domains count, too.

    `is_tracked`: whether an address is a tracked one of this installation.
    """
    address, label = link.address.removesuffix(_LISTMONK), label_of(link)
    if why := _not_an_address(address):
        return Proposal(Use.LEFT, why, "", label)
    if len(address) > MAX_URL:  # before the searches below, which take longer than linear time
        return Proposal(Use.LEFT, Why.INVALID, "", label)
    if is_tracked(address):
        return Proposal(Use.LEFT, Why.TRACKED_ALREADY, "", label)
    try:
        destination, _ = read_destination(address, click_parameter)
        host = normal_host(urlsplit(destination).hostname or "")
    except TagInDestination:
        return Proposal(Use.LEFT, Why.MERGE_TAG_INSIDE, "", label)
    except BadDestination:
        has_tag = has_expression(address) or "{" in unquote(address)
        return Proposal(Use.LEFT, Why.MERGE_TAG_INSIDE if has_tag else Why.INVALID, "", label)
    except BadHost:
        return Proposal(Use.LEFT, Why.INVALID, "", label)
    words = f"{link.text} {address}"
    if _UNSUBSCRIBE.search(words):
        return Proposal(Use.LEFT, Why.UNSUBSCRIBE, destination, label)
    if _WEB_VERSION.search(words):
        return Proposal(Use.LEFT, Why.WEB_VERSION, destination, label)
    if _below(host, own_hosts):
        return Proposal(Use.SALES, Why.SHOP, destination, label)
    social = _below(host, _SOCIAL)
    return Proposal(Use.TRACKED, Why.SOCIAL if social else Why.OTHER_SITE, destination, label)


def label_of(link: FoundLink) -> str:
    """A short name for a link: its text, or the last words of its address; text that any database stores."""
    text = read_text(link.text, MAX_LABEL)
    if text and link.element != "text":
        return text
    parts = urlsplit(link.address) if link.address.isprintable() and "[" not in link.address else None
    words = unquote(parts.path.rstrip("/").rpartition("/")[2]) if parts else ""
    name = re.sub(r"[-_+]+", " ", words.rpartition(".")[0] or words).strip()
    return read_text(name or (parts.netloc if parts else "") or link.address, MAX_LABEL)


def _not_an_address(address: str) -> Why | None:
    if not address:
        return Why.EMPTY
    if is_whole_tag(address):
        return Why.MERGE_TAG
    if address.startswith("#"):
        return Why.ANCHOR
    scheme = _SCHEME.match(address)
    if scheme is None:
        return Why.MERGE_TAG_INSIDE if begins_with_expression(address) else Why.RELATIVE
    return None if scheme[1].lower() in ("http", "https") else Why.NOT_WEB


def _below(host: str, names: Collection[str]) -> bool:
    labels = host.split(".")
    return any(".".join(labels[at:]) in names for at in range(len(labels)))
