"""Human and bot activity in campaigns, counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import sqlalchemy as sa

from salepixel.campaigns.store import CampaignLink, links_of
from salepixel.clicks.tokens import Verdict
from salepixel.storage.schema import buyers, clicks
from salepixel.sums.buyers import net_by_contact, orders_by_contact
from salepixel.sums.clicks import count_by_reasons
from salepixel.sums.sales import orders_by_link


@dataclass(frozen=True, slots=True)
class ClickCounts:
    """The clicks of a campaign; `contacts` are different people who clicked.

    `human` counts every click that is not a bot's, and so the `unknown` ones, which may be.
    """

    human: int = 0
    bot: int = 0
    contacts: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class ContactActivity:
    """A contact with what they did in a campaign; `net` per currency, never added up."""

    contact: str
    human_clicks: int
    bot_clicks: int
    orders: int
    net: dict[str, Decimal] = field(default_factory=dict)


def count_clicks(connection: sa.Connection, ids: Sequence[str]) -> dict[str, ClickCounts]:
    """The clicks of each campaign that has any."""
    is_bot = clicks.c.verdict == Verdict.BOT
    query = (
        sa.select(
            clicks.c.campaign_id,
            sa.func.count().filter(~is_bot),
            sa.func.count().filter(is_bot),
            sa.func.count(sa.distinct(clicks.c.contact)).filter(~is_bot, clicks.c.contact != ""),
            sa.func.count().filter(clicks.c.verdict == Verdict.UNKNOWN),
        )
        .where(clicks.c.campaign_id.in_(ids))
        .group_by(clicks.c.campaign_id)
    )
    return {row[0]: ClickCounts(*row[1:]) for row in connection.execute(query)}


def count_verdict_reasons(connection: sa.Connection, campaign_id: str) -> dict[str, int]:
    """For each reason of a verdict, how many clicks of a campaign have it; a click may have several."""
    found: Counter[str] = Counter()
    for reasons, count in count_by_reasons(connection, campaign_id).items():
        found.update(dict.fromkeys(reasons.split(), count))
    return dict(found.most_common())


def contact_activity(
    connection: sa.Connection, campaign_id: str, limit: int, after: str | None
) -> list[ContactActivity]:
    """The known contacts who clicked or bought, by reference; `after`: the last one seen."""
    # A sale's click may be known from its token alone, so a buyer may have no click here.
    everybody = sa.union(
        sa.select(clicks.c.contact).where(clicks.c.campaign_id == campaign_id),
        sa.select(buyers.c.contact).where(buyers.c.campaign_id == campaign_id),
    ).subquery()
    query = sa.select(everybody.c.contact).where(everybody.c.contact > (after or ""))
    refs = list(connection.scalars(query.order_by(everybody.c.contact).limit(limit)))
    clicked = _clicks_by_contact(connection, campaign_id, refs)
    bought = orders_by_contact(connection, campaign_id, refs)
    net = net_by_contact(connection, campaign_id, refs)
    return [
        ContactActivity(ref, *clicked.get(ref, (0, 0)), bought.get(ref, 0), net.get(ref, {})) for ref in refs
    ]


def _clicks_by_contact(
    connection: sa.Connection, campaign_id: str, refs: Sequence[str]
) -> dict[str, tuple[int, int]]:
    is_bot = clicks.c.verdict == Verdict.BOT
    query = (
        sa.select(clicks.c.contact, sa.func.count().filter(~is_bot), sa.func.count().filter(is_bot))
        .where(clicks.c.campaign_id == campaign_id, clicks.c.contact.in_(refs))
        .group_by(clicks.c.contact)
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class LinkCounts:
    """A link with what happened on it: `contacts` are different people, `orders` the sales it earned.

    `human_clicks` are all clicks that are not a bot's.
    """

    link: CampaignLink
    human_clicks: int
    bot_clicks: int
    contacts: int
    orders: int


def link_activity(connection: sa.Connection, campaign_id: str) -> list[LinkCounts]:
    """What happened on each link of a campaign, in the links' order."""
    by_verdict = sa.select(
        clicks.c.link_id,
        sa.func.count().filter(clicks.c.verdict != Verdict.BOT).label("human"),
        sa.func.count().filter(clicks.c.verdict == Verdict.BOT).label("bot"),
        sa.func.count(sa.distinct(clicks.c.contact))
        .filter(clicks.c.verdict != Verdict.BOT, clicks.c.contact != "")
        .label("contacts"),
    ).where(clicks.c.campaign_id == campaign_id)
    counted = {row.link_id: row for row in connection.execute(by_verdict.group_by(clicks.c.link_id))}
    earned_by = orders_by_link(connection, campaign_id)
    activity = []
    for link in links_of(connection, campaign_id):
        row = counted.get(link.id)
        human, bot, contacts = (row.human, row.bot, row.contacts) if row else (0, 0, 0)
        activity.append(LinkCounts(link, human, bot, contacts, earned_by.get(link.id, 0)))
    return activity
