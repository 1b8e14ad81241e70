"""The pages that clicks on dynamic links led to, as links of their campaigns: they are counted like others.

A campaign's dynamic link has the campaign's id; its row is written with the first page, or when it is
changed. Each page gets its own link when the first click on it is stored. Clicks on pages beyond MAX_PAGES
stay with the dynamic link.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.campaigns.store import Campaign, CampaignLink
from salepixel.campaigns.utm import query_of, read_utm, utm_of_all
from salepixel.mailers.known import PLATFORMS
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import campaigns, links
from salepixel.storage.upsert import insert

MAX_PAGES = 500
"""The most pages of a campaign. A shop has more products, but a report of more pages helps nobody."""

_AFTER_OTHERS = 1_000_000  # the position of dynamic links: after those of the mail

Page = tuple[str, str]
"""The id of a campaign, and a page as `dynamic.page_of` writes it."""


def dynamic_link(campaign_id: str) -> CampaignLink:
    """The dynamic link of a campaign before anybody changes it."""
    return CampaignLink(campaign_id, "", "/r/", sale_pixel=True, dynamic=True)


def dynamic_url(sealer: LinkSealer, base: str, campaign: Campaign, address: str = "") -> str:
    """The URL of a campaign's dynamic link for the e-mail, with the UTM parameters that all its links have.

    `base`: from `links.edge_url`. `address`: where it leads, encoded as the value of a parameter; empty: the
    tag that the e-mail platform replaces. It comes last: a platform that does not encode it may write `&` in
    it.
    """
    platform = PLATFORMS.get(campaign.mailer)
    address = address or (platform and platform.address_tag) or "{url}"
    token = sealer.seal(Link(campaign.emp_id, campaign.id, campaign.id, ""))
    utm = query_of(utm_of_all(read_utm(campaign.utm), campaign.utm_name))
    return f"{base}/r/{token}?k={campaign.contact_tag}{utm and '&' + utm}&u={address}"


def add_dynamic_link(connection: sa.Connection, emp_id: int, campaign_id: str) -> None:
    """Write the row of a campaign's dynamic link, if there is none."""
    row = _row(emp_id, campaign_id, dynamic_link(campaign_id), _AFTER_OTHERS)
    connection.execute(insert(connection, links).values(row).on_conflict_do_nothing())


def links_of_pages(connection: sa.Connection, pages: Collection[Page]) -> dict[Page, str]:
    """The ids of the links of these pages; new ones are added. Without those beyond MAX_PAGES.

    The caller holds the shared lock of their accounts, so that nobody switches a sales link meanwhile.
    """
    ids = {page: _id_of(page) for page in pages}
    is_known = sa.and_(links.c.dynamic, is_one_of(connection, links.c.id, list(ids.values())))
    known = set(connection.scalars(sa.select(links.c.id).where(is_known)))
    new = defaultdict[str, list[str]](list)
    for campaign_id, page in sorted(page for page, its in ids.items() if its not in known):
        new[campaign_id].append(page)
    for campaign_id, its in new.items():
        known.update(_add_pages(connection, campaign_id, its))
    return {page: its for page, its in ids.items() if its in known}


def _add_pages(connection: sa.Connection, campaign_id: str, pages: Collection[str]) -> Collection[str]:
    """Add pages up to the limit; returns the ids of these that are stored now."""
    ours = campaigns.c.id == campaign_id
    # Locked: another worker may add pages of the campaign at the same time.
    lock = sa.select(campaigns.c.emp_id).where(ours).with_for_update(key_share=True)
    emp_id = connection.scalar(lock)
    if emp_id is None:  # a token outlived a lost database
        return ()
    add_dynamic_link(connection, emp_id, campaign_id)
    its = sa.select(links.c.id, links.c.sale_pixel).where(links.c.campaign_id == campaign_id, links.c.dynamic)
    stored = {row.id: row.sale_pixel for row in connection.execute(its)}
    sells = stored[campaign_id]
    wanted = {_id_of((campaign_id, page)): page for page in pages}
    new = [(its, page) for its, page in wanted.items() if its not in stored][: MAX_PAGES + 1 - len(stored)]
    rows = [
        _row(
            emp_id,
            campaign_id,
            CampaignLink(its, f"https://{page}", page[page.index("/") :], sells, dynamic=True),
            _AFTER_OTHERS + len(stored) + number,
        )
        for number, (its, page) in enumerate(new)
    ]
    if rows:
        connection.execute(insert(connection, links).on_conflict_do_nothing(), rows)
    return (wanted.keys() & stored.keys()).union(its for its, _ in new)


def _id_of(page: Page) -> str:
    return hashlib.blake2b("\0".join(page).encode(), digest_size=6).hexdigest()


def _row(emp_id: int, campaign_id: str, link: CampaignLink, position: int) -> dict[str, Any]:
    values = {name: getattr(link, name) for name in ("id", "url", "label", "sale_pixel", "dynamic")}
    return values | {"emp_id": emp_id, "campaign_id": campaign_id, "position": position}
