"""Campaigns and their links."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.policy import Policy
from salepixel.accounts.scope import Scope, in_scope
from salepixel.accounts.store import get_account, lock_account
from salepixel.campaigns.utm import name_in_utm
from salepixel.clicks.ended import least_id_of
from salepixel.clicks.tokens import least_id_at
from salepixel.clicks.verdicts import SOON_AFTER_SENDING
from salepixel.clicks.watermark import remember_unsettled_where
from salepixel.orders.requeue import DueReason, requeue_orders_naming_campaign, requeue_orders_since
from salepixel.reading.names import name_key
from salepixel.storage.many import as_rows, is_one_of, table_of
from salepixel.storage.pages import read_page
from salepixel.storage.schema import (
    UtcTime,
    as_micros,
    campaigns,
    clickers,
    clicks,
    coupons,
    link_sums,
    links,
    sale_sums,
)


@dataclass(frozen=True, slots=True)
class CampaignLink:
    """A link of a campaign. `sale_pixel`: it is a sales link, so orders can be attributed to its clicks.

    `url` is the destination in its token. After sending, it can lead to `new_url` instead (empty: unchanged),
    or nowhere if it is not `active`. `changed_at`: the last change of `new_url` or `active`. `dynamic`: this
    is the dynamic link of the campaign, or one of its pages (pages.py).
    """

    id: str
    url: str
    label: str
    sale_pixel: bool
    new_url: str = ""
    active: bool = True
    changed_at: datetime | None = None
    dynamic: bool = False

    @property
    def destination(self) -> str:
        """The address that it leads to while it is active."""
        return self.new_url or self.url


@dataclass(frozen=True, slots=True)
class Campaign:
    """An e-mail campaign. `contact_tag`: the merge tag that the e-mail platform replaces by the contact.

    `sent_at`: when sending began, None if not known. `utm_campaign`: this parameter of its links, or empty.
    `holdout_percent`: the share of its recipients in the random holdout. `sent_count`: how many e-mails were
    sent, as typed; None: not typed. `listed`: the recipients in its list; `held_out`: those in the holdout.
    `archived_at`: when it was taken out of the lists; None if it is listed. `utm`: the UTM parameters of its
    destinations, as text of `utm.Utm` or `utm.named_utm`.
    """

    id: str
    emp_id: int
    name: str
    mailer: str
    created_at: datetime
    contact_tag: str = "{contact}"
    sent_at: datetime | None = None
    utm_campaign: str = ""
    holdout_percent: int = 0
    archived_at: datetime | None = None
    utm: str = ""
    sent_count: int | None = None
    listed: int = 0
    held_out: int = 0

    @property
    def utm_name(self) -> str:
        """Its name in UTM parameters: the first one, because links with it were sent, and orders have it."""
        return name_in_utm(self.utm, self.name)

    @property
    def sent_to(self) -> int | None:
        """How many e-mails were sent: as typed, or else as its list says; None if neither is known."""
        return self.sent_count or (self.listed - self.held_out) or None

    def ends_at(self, policy: Policy) -> datetime:
        """The end (UTC) of its attribution window, for clicks made right after sending."""
        return (self.sent_at or self.created_at) + policy.window_of(self.id)


_CAMPAIGN = [campaigns.c[name] for name in Campaign.__slots__]


def add_campaign(connection: sa.Connection, campaign: Campaign, its_links: Sequence[CampaignLink]) -> None:
    """Store a campaign with its links, in the given sequence.

    Orders that already name it are decided again: the shop's clock may be ahead of ours.
    """
    connection.execute(
        sa.insert(campaigns).values(
            **{name: getattr(campaign, name) for name in Campaign.__slots__},
            utm_key=name_key(campaign.utm_campaign),
        )
    )
    rows = [
        {
            "id": link.id,
            "campaign_id": campaign.id,
            "emp_id": campaign.emp_id,
            "position": position,
            "url": link.url,
            "label": link.label,
            "sale_pixel": link.sale_pixel,
        }
        for position, link in enumerate(its_links)
    ]
    if rows:
        connection.execute(sa.insert(links), rows)
    if campaign.utm_campaign:
        key = name_key(campaign.utm_campaign)
        requeue_orders_naming_campaign(connection, campaign.emp_id, key, campaign.created_at)


def contact_tags(connection: sa.Connection) -> list[tuple[int, str]]:
    """The different merge tags for contacts in each account's campaigns."""
    query = sa.select(campaigns.c.emp_id, campaigns.c.contact_tag).distinct()
    return [(row.emp_id, row.contact_tag) for row in connection.execute(query)]


def set_sent_count(connection: sa.Connection, campaign: Campaign, count: int | None) -> Campaign:
    """Set how many e-mails were sent, None for as many as the list says; returns the changed campaign."""
    connection.execute(sa.update(campaigns).where(campaigns.c.id == campaign.id).values(sent_count=count))
    return replace(campaign, sent_count=count)


def set_sent_at(connection: sa.Connection, campaign: Campaign, sent_at: datetime | None) -> Campaign:
    """Set when sending of a campaign began; returns the changed campaign.

    The next sweep judges the clicks within seconds of the old and the new time again.
    """
    this = campaigns.c.id == campaign.id
    connection.execute(sa.update(campaigns).where(this).values(sent_at=sent_at))
    # Not clicks of a time with deleted clicks: they would be judged without their neighbours.
    account = get_account(connection, campaign.emp_id)
    whole = least_id_of(account) if account else b""
    for begun in filter(None, (campaign.sent_at, sent_at)):
        remember_unsettled_where(
            connection,
            clicks.c.campaign_id == campaign.id,
            clicks.c.id >= max(whole, least_id_at(begun)),
            clicks.c.id < least_id_at(begun + SOON_AFTER_SENDING),
        )
    return replace(campaign, sent_at=sent_at)


def change_campaign(connection: sa.Connection, campaign: Campaign, values: Mapping[str, Any]) -> Campaign:
    """Change `name`, `utm` or `archived_at` of a campaign; returns the changed campaign."""
    if values:
        this = campaigns.c.id == campaign.id
        connection.execute(sa.update(campaigns).where(this).values(dict(values)))
    return replace(campaign, **values)


def is_used(connection: sa.Connection, campaign_id: str) -> bool:
    """Whether a campaign has clicks, also ended ones, sales, recipients or coupons."""
    # From the sums: PostgreSQL scans all clicks for one of a campaign, because campaigns often have many.
    found: list[sa.ColumnElement[bool]] = [
        sa.exists().where(table.c.campaign_id == campaign_id) for table in (link_sums, sale_sums)
    ]
    found.append(sa.exists().where(campaigns.c.id == campaign_id, campaigns.c.listed > 0))
    # For the same reason in the sequence of the index: the first code from there on.
    its = coupons.c.campaign_id
    first = sa.select(its).where(its >= campaign_id).order_by(its).limit(1).scalar_subquery()
    found.append(first == campaign_id)
    return bool(connection.scalar(sa.select(sa.or_(*found))))


def is_sent(connection: sa.Connection, campaign: Campaign, at: datetime) -> bool:
    """Whether a campaign's e-mail was sent: its sending time is over, or a known contact clicked.

    A click in a test e-mail has no contact as long as its platform does not fill in the merge tag.
    """
    if campaign.sent_at is not None and campaign.sent_at <= at:
        return True
    # The first one from there on, in the sequence of the key: for an EXISTS, PostgreSQL may scan.
    its = clickers.c.campaign_id
    return connection.scalar(sa.select(its).where(its >= campaign.id).order_by(its).limit(1)) == campaign.id


def delete_campaign(connection: sa.Connection, campaign: Campaign) -> None:
    """Delete an unused campaign with its links. Orders that name it are decided again."""
    connection.execute(sa.delete(links).where(links.c.campaign_id == campaign.id))
    connection.execute(sa.delete(campaigns).where(campaigns.c.id == campaign.id))
    if campaign.utm_campaign:
        key = name_key(campaign.utm_campaign)
        requeue_orders_naming_campaign(connection, campaign.emp_id, key, campaign.created_at)


def get_campaign(connection: sa.Connection, campaign_id: str) -> Campaign | None:
    """The campaign, or None."""
    row = connection.execute(sa.select(*_CAMPAIGN).where(campaigns.c.id == campaign_id)).first()
    return None if row is None else Campaign(**row._mapping)


def with_utm_campaign(
    connection: sa.Connection, emp_id: int, asked: Sequence[tuple[str, datetime]]
) -> list[str | None]:
    """For each name and time: the newest campaign with this `utm_campaign` created until then, or None."""
    found: list[str | None] = [None] * len(asked)
    rows = [
        {"place": place, "name": name_key(name), "until": as_micros(until)}
        for place, (name, until) in enumerate(asked)
        if name
    ]
    if rows:
        given = {"emp_id": emp_id, "asked": as_rows(rows)}
        for row in connection.execute(_newest_with_name(connection.dialect.name), given):
            found[row.place] = row.newest
    return found


@cache
def _newest_with_name(dialect: str) -> Any:
    asked = table_of(dialect, "asked", place=sa.Integer, name=sa.Text, until=UtcTime)
    named = sa.select(campaigns.c.id).where(
        campaigns.c.emp_id == sa.bindparam("emp_id"),
        campaigns.c.utm_key == asked.c.name,
        campaigns.c.created_at <= asked.c.until,
    )
    newest = named.order_by(campaigns.c.created_at.desc(), campaigns.c.id).limit(1).correlate(asked)
    return sa.select(asked.c.place, newest.scalar_subquery().label("newest"))


def list_campaigns(
    connection: sa.Connection,
    scope: Scope,
    limit: int,
    before: tuple[datetime, str] | None,
    *,
    archived: bool = False,
    after: tuple[datetime, str] | None = None,
) -> list[Campaign]:
    """Campaigns of one account or of all, newest first.

    `before`, `after`: time and id of the campaign that the page ends after or begins before. `archived`: only
    the archived ones, or else only the others.
    """
    query = sa.select(*_CAMPAIGN).where(
        campaigns.c.archived_at.is_not(None) if archived else campaigns.c.archived_at.is_(None)
    )
    query = query.where(in_scope(campaigns.c.emp_id, scope))
    key = campaigns.c.created_at, campaigns.c.id
    return [Campaign(**row._mapping) for row in read_page(connection, query, key, limit, before, after)]


def campaigns_begun(
    connection: sa.Connection, emp_id: int, since: datetime | None, until: datetime | None
) -> list[Campaign]:
    """An account's campaigns that were sent (if not known: created) in a time (UTC); None: open."""
    at = sa.func.coalesce(campaigns.c.sent_at, campaigns.c.created_at)
    query = sa.select(*_CAMPAIGN).where(campaigns.c.emp_id == emp_id)
    if since is not None:
        query = query.where(at >= since)
    if until is not None:
        query = query.where(at < until)
    return [Campaign(**row._mapping) for row in connection.execute(query)]


def campaign_names(connection: sa.Connection, ids: Collection[str]) -> dict[str, str]:
    """The names of these campaigns."""
    query = sa.select(campaigns.c.id, campaigns.c.name).where(campaigns.c.id.in_(ids))
    return {row.id: row.name for row in connection.execute(query)}


def links_of(connection: sa.Connection, campaign_id: str) -> list[CampaignLink]:
    """A campaign's links, in their stored sequence."""
    query = (
        sa.select(*(links.c[name] for name in CampaignLink.__slots__))
        .where(links.c.campaign_id == campaign_id)
        .order_by(links.c.position)
    )
    return [CampaignLink(*row) for row in connection.execute(query)]


def link_sells(connection: sa.Connection, link_id: str) -> bool:
    """Whether a link is a sales link; True for an unknown link.

    A click token can outlive a lost database. We signed its link, so its order still gets its credit.
    """
    return not links_without_sales(connection, [link_id])


def links_without_sales(connection: sa.Connection, ids: Collection[str]) -> set[str]:
    """The links among these that are not sales links; see `link_sells`."""
    if not ids:
        return set()
    query = sa.select(links.c.id).where(is_one_of(connection, links.c.id, ids), ~links.c.sale_pixel)
    return set(connection.scalars(query))


def switch_link(connection: sa.Connection, campaign: Campaign, link_id: str, sale_pixel: bool) -> bool:
    """Turn the sales link on or off; False if the campaign has no such link.

    For the dynamic link, which has the campaign's id, all its pages are switched. Orders placed since the
    campaign was created are decided again.
    """
    lock_account(connection, campaign.emp_id, exclusive=True)
    this = links.c.dynamic if link_id == campaign.id else links.c.id == link_id
    ours = sa.and_(this, links.c.campaign_id == campaign.id)
    if not connection.execute(sa.update(links).where(ours).values(sale_pixel=sale_pixel)).rowcount:
        return False
    requeue_orders_since(connection, campaign.emp_id, campaign.created_at, DueReason.SALES_LINK)
    return True


def change_link(
    connection: sa.Connection, link: CampaignLink, changed: CampaignLink, at: datetime
) -> CampaignLink:
    """Change a link's label and destination; returns the changed link. Its `url` stays.

    A `new_url` equal to the `url` is stored as empty. Only fields that differ between the two links are
    written, so changing the label does not undo a change of the destination by somebody else. `changed_at`
    changes with the destination.
    """
    if changed.new_url == link.url:
        changed = replace(changed, new_url="")
    if (changed.new_url, changed.active) != (link.new_url, link.active):
        changed = replace(changed, changed_at=at)
    names = ("label", "new_url", "active", "changed_at")
    values = {n: getattr(changed, n) for n in names if getattr(changed, n) != getattr(link, n)}
    if values:
        connection.execute(sa.update(links).where(links.c.id == link.id).values(**values))
    return changed


def changed_links(connection: sa.Connection) -> dict[str, str]:
    """The links that do not lead to the address in their token: id -> new address, empty for nowhere."""
    elsewhere = sa.or_(links.c.new_url != "", ~links.c.active)
    query = sa.select(links.c.id, links.c.new_url, links.c.active)
    # The index holds links that ever changed. With an ORDER BY id, SQLite would read all links instead.
    found = connection.execute(query.where(links.c.changed_at.is_not(None), elsewhere)).all()
    return {row.id: row.new_url if row.active else "" for row in sorted(found, key=lambda row: str(row.id))}
