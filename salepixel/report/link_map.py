"""The link map of a campaign: its e-mail with a number at each link, and what each link brought."""

from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from salepixel.campaigns.store import Campaign
from salepixel.mails.marked import marked_page, shown_part
from salepixel.mails.view import MailView
from salepixel.money.amounts import from_minor
from salepixel.report.activity import LinkCounts, link_activity
from salepixel.sums import parts
from salepixel.sums.large import read_sum


@dataclass(frozen=True, slots=True)
class MappedLink:
    """A link of the map. `number`: as in the e-mail; None if it is not there. `net`: per currency."""

    number: int | None
    counts: LinkCounts
    net: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class LinkMap:
    """A campaign with its links, in the sequence of the e-mail. `page`: the e-mail with markers, or empty."""

    campaign: Campaign
    links: list[MappedLink]
    page: str


def map_links(connection: sa.Connection, campaign: Campaign, view: MailView) -> LinkMap:
    """The link map of a campaign that was made from an e-mail."""
    part = shown_part(view.mail)
    shown = [one for one in view.links if part is not None and view.mail.parts[one.part] is part]
    numbers: dict[str, int] = {}
    for one in shown:
        if one.choice.link_id:
            numbers.setdefault(one.choice.link_id, len(numbers) + 1)
    places = {one.place: numbers[one.choice.link_id] for one in shown if one.choice.link_id}
    net: dict[str, dict[str, Decimal]] = {}
    for row in parts.sold_by_link(connection, campaign.id):
        kept = read_sum(row, "gross") - read_sum(row, "refunded")
        net.setdefault(row.link_id, {})[row.currency] = from_minor(kept, row.currency)
    links = [
        MappedLink(numbers.get(counts.link.id), counts, net.get(counts.link.id, {}))
        for counts in link_activity(connection, campaign.id)
    ]
    links.sort(key=lambda one: (one.number is None, one.number or 0))
    return LinkMap(campaign, links, marked_page(view.mail, places))
