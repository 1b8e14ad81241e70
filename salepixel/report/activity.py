"""Human and bot activity of campaigns, their links and contacts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import sqlalchemy as sa

from salepixel.campaigns.store import CampaignLink, links_of
from salepixel.storage.schema import buyers
from salepixel.sums.buyers import net_by_contact, orders_by_contact
from salepixel.sums.clickers import beside, clicks_of, first_clickers
from salepixel.sums.links import NOTHING, totals_of_campaigns, totals_of_links
from salepixel.sums.parts import orders_by_link
from salepixel.sums.reasons import count_by_reasons


@dataclass(frozen=True, slots=True)
class ClickCounts:
    """The clicks of a campaign. `contacts`: the number of different clickers; `buyers`: those with orders.

    `human` counts every click without the verdict bot, so it includes `unknown`.
    """

    human: int = 0
    bot: int = 0
    contacts: int = 0
    unknown: int = 0
    buyers: int = 0


@dataclass(frozen=True, slots=True)
class ContactActivity:
    """A contact's clicks and orders in a campaign; `net` per currency, because currencies are not added."""

    contact: str
    human_clicks: int
    bot_clicks: int
    orders: int
    net: dict[str, Decimal] = field(default_factory=dict)


def count_clicks(connection: sa.Connection, ids: Sequence[str]) -> dict[str, ClickCounts]:
    """The clicks of each campaign that has clicks."""
    return {
        campaign_id: ClickCounts(
            found.human + found.unknown, found.bot, found.clickers, found.unknown, found.buyers
        )
        for campaign_id, found in totals_of_campaigns(connection, ids).items()
    }


def count_verdict_reasons(connection: sa.Connection, campaign_id: str) -> dict[str, int]:
    """The number of clicks of a campaign for each reason of a verdict; a click may have several reasons."""
    found: Counter[str] = Counter()
    for reasons, count in count_by_reasons(connection, campaign_id).items():
        found.update(dict.fromkeys(reasons.split(), count))
    return dict(found.most_common())


def contact_activity(
    connection: sa.Connection, campaign_id: str, limit: int, after: str | None, before: str | None = None
) -> list[ContactActivity]:
    """The known contacts who clicked or bought, sorted by reference.

    `after`: the last one on the page before. `before`: the first one on the page behind; then the last
    `limit` before it.
    """
    # A buyer may have no stored click: a sale's click may be known only from its token.
    clicked = first_clickers(campaign_id, limit, after or "", before).subquery()
    bought = sa.select(buyers.c.contact).where(buyers.c.campaign_id == campaign_id).distinct()
    some = beside(bought, buyers.c.contact, after or "", before).limit(limit).subquery()
    # The first contacts of both lists together are among the first of each list. The database sorts, by its
    # own collation.
    everybody = sa.union(sa.select(clicked.c.contact), sa.select(some.c.contact)).subquery()
    query = sa.select(everybody.c.contact)
    found = connection.scalars(beside(query, everybody.c.contact, "", before).limit(limit))
    refs: list[str] = [*found] if before is None else [*found][::-1]
    clicks = clicks_of(connection, campaign_id, refs)
    orders = orders_by_contact(connection, campaign_id, refs)
    net = net_by_contact(connection, campaign_id, refs)
    return [
        ContactActivity(ref, *clicks.get(ref, (0, 0)), orders.get(ref, 0), net.get(ref, {})) for ref in refs
    ]


@dataclass(frozen=True, slots=True)
class LinkCounts:
    """A link with its clicks and orders. `contacts`: different clickers; `orders`: attributed to the link.

    `human_clicks` are all clicks without the verdict bot. `contacts`: None for several pages together, whose
    clickers may be the same.
    """

    link: CampaignLink
    human_clicks: int
    bot_clicks: int
    contacts: int | None
    orders: int


SHOWN_PAGES = 500
"""The most pages of the dynamic link that are shown. A report of more pages helps nobody."""


def link_activity(connection: sa.Connection, campaign_id: str) -> list[LinkCounts]:
    """The clicks and orders of each link of a campaign, in the links' sequence.

    Pages with orders or the most clicks are shown; the others are in the row of the dynamic link.
    """
    counted = totals_of_links(connection, campaign_id)
    earned_by = orders_by_link(connection, campaign_id)
    activity = []
    for link in links_of(connection, campaign_id):
        found = counted.get(link.id, NOTHING)
        human = found.human + found.unknown
        activity.append(LinkCounts(link, human, found.bot, found.clickers, earned_by.get(link.id, 0)))
    pages = [one for one in activity if one.link.dynamic and one.link.id != campaign_id]
    pages.sort(key=lambda one: (-one.orders, -one.human_clicks, one.link.id))
    rest = {one.link.id: one for one in pages[SHOWN_PAGES:]}
    if not rest:
        return activity
    return [
        replace(
            one,
            human_clicks=one.human_clicks + sum(other.human_clicks for other in rest.values()),
            bot_clicks=one.bot_clicks + sum(other.bot_clicks for other in rest.values()),
            contacts=None,
            orders=one.orders + sum(other.orders for other in rest.values()),
        )
        if one.link.id == campaign_id
        else one
        for one in activity
        if one.link.id not in rest
    ]
