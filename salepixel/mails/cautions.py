"""Warnings for people before they send a mail."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from salepixel.campaigns.links import Link, edge_url, parameter_name, tracked_url
from salepixel.mails.mail import Kind
from salepixel.mails.proposals import Use, Why
from salepixel.mails.rewrite import Place, changed_bytes
from salepixel.mails.view import MailView, Tracking
from salepixel.reading.addresses import is_local

GMAIL_BYTES = 102 * 1024
"""Gmail hides the rest of longer HTML (mailchimp.com/help/gmail-is-clipping-my-email)."""

_OF_A_PERSON = frozenset(("mc_eid", "_kx"))
"""Parameters with which Mailchimp and Klaviyo name the recipient whose link was copied."""

_ANY_ID = "0" * 12


class Risk(StrEnum):
    """A risk for a mail."""

    CLIPPED = "clipped"
    NO_SALES_LINK = "no_sales_link"
    REPEATED = "repeated"
    NOT_SECURE = "not_secure"
    MERGE_TAGS = "merge_tags"
    TRACKED_ALREADY = "tracked_already"
    OLD_TOKENS = "old_tokens"
    HOST_SILENT = "host_silent"
    HOST_LOCAL = "host_local"


@dataclass(frozen=True, slots=True)
class Caution:
    """A risk with the numbers and texts of its sentence."""

    risk: Risk
    words: Mapping[str, int | str]


def cautions_of(view: MailView, tracking: Tracking, host_problem: str) -> list[Caution]:
    """The risks for a mail. `host_problem`: why its tracking host does not answer, or empty."""
    tracked = [one for one in view.links if one.choice.use is not Use.LEFT]
    copies = Counter(one.proposal.destination for one in tracked)
    reasons = Counter(one.proposal.why for one in view.links)
    personal = _OF_A_PERSON | {tracking.click_parameter}
    counts = {
        Risk.NO_SALES_LINK: int(not any(one.choice.use is Use.SALES for one in tracked)),
        Risk.REPEATED: sum(1 for times in copies.values() if times > 1),
        Risk.NOT_SECURE: sum(1 for one in tracked if one.proposal.destination.startswith("http:")),
        Risk.MERGE_TAGS: reasons[Why.MERGE_TAG_INSIDE],
        Risk.TRACKED_ALREADY: reasons[Why.TRACKED_ALREADY],
        Risk.OLD_TOKENS: sum(1 for one in tracked if _has_parameter(one.found.address, personal)),
    }
    found = [Caution(risk, {"number": number}) for risk, number in counts.items() if number]
    before, after = sizes_of(view, tracking)
    if max(before, after) > GMAIL_BYTES:
        found.insert(0, Caution(Risk.CLIPPED, {"before": _kilobytes(before), "after": _kilobytes(after)}))
    host = urlsplit(base_of(view, tracking)).netloc
    if is_local(urlsplit(f"//{host}").hostname or ""):
        found.append(Caution(Risk.HOST_LOCAL, {"host": host}))
    elif host_problem:
        found.append(Caution(Risk.HOST_SILENT, {"host": host, "problem": host_problem}))
    return found


def base_of(view: MailView, tracking: Tracking) -> str:
    """Where the tracked links of a mail lead to."""
    return edge_url(tracking.edge, view.account.tracking_host)


def sizes_of(view: MailView, tracking: Tracking) -> tuple[int, int]:
    """The bytes of the largest HTML part, before and after its links are tracked; 0 without HTML."""
    base, tag = base_of(view, tracking), view.stored.contact_tag
    addresses = dict[str, str]()
    tracked = dict[Place, str]()
    led = view.destinations()
    for one in view.links:
        if one.choice.use is not Use.LEFT:
            url = led.get(one.id, one.proposal.destination)
            # Ids have one length, so the address is as long as that of the campaign.
            if url not in addresses:
                token = tracking.sealer.seal(Link(view.stored.emp_id, _ANY_ID, _ANY_ID, url))
                addresses[url] = tracked_url(base, token, tag)
            tracked[one.place] = addresses[url]
    grown = changed_bytes(view.mail, tracked)
    sizes = [
        (len(part.encoded(part.text)), len(part.encoded(part.text)) + grown[number])
        for number, part in enumerate(view.mail.parts)
        if part.kind is Kind.HTML
    ]
    return max(sizes, key=lambda size: size[1], default=(0, 0))


def _has_parameter(address: str, names: frozenset[str]) -> bool:
    query = address.partition("#")[0].partition("?")[2]
    return any(parameter_name(part) in names for part in query.split("&")) if query else False


def _kilobytes(size: int) -> int:
    return -(-size // 1024)
