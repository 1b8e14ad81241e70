"""Warnings for people before they send a mail."""

from collections import Counter
from enum import StrEnum

from salepixel.mails.proposals import Use, Why
from salepixel.mails.use_cases import GMAIL_BYTES, MailView


class Caution(StrEnum):
    """A risk for a mail."""

    CLIPPED = "clipped"
    NO_SALES_LINK = "no_sales_link"
    REPEATED = "repeated"
    NOT_SECURE = "not_secure"
    MERGE_TAGS = "merge_tags"
    TRACKED_ALREADY = "tracked_already"


def cautions_of(view: MailView, size: int) -> list[tuple[Caution, int]]:
    """The risks for a mail with `size` bytes of HTML, each with its number of bytes or links."""
    tracked = [one for one in view.links if one.choice.use is not Use.LEFT]
    copies = Counter(one.proposal.destination for one in tracked)
    reasons = Counter(one.proposal.why for one in view.links)
    found = [
        (Caution.CLIPPED, size if size > GMAIL_BYTES else 0),
        (Caution.NO_SALES_LINK, int(not any(one.choice.use is Use.SALES for one in tracked))),
        (Caution.REPEATED, sum(1 for times in copies.values() if times > 1)),
        (Caution.NOT_SECURE, sum(1 for one in tracked if one.proposal.destination.startswith("http:"))),
        (Caution.MERGE_TAGS, reasons[Why.MERGE_TAG_INSIDE]),
        (Caution.TRACKED_ALREADY, reasons[Why.TRACKED_ALREADY]),
    ]
    return [(name, number) for name, number in found if number]
