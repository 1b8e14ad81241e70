"""The pages that clicks on dynamic links led to, as links of their campaigns: they are counted like others.

A campaign's dynamic link has the campaign's id; its row is written with the first page, or when it is
changed. Clicks on pages without a link of their own stay with the dynamic link. Anybody who got the e-mail
can invent pages, so only clicks that do not look like a bot's give a page its link: one click for the first
FREE_PAGES, PROOF clicks for later ones, and beyond MANY_PAGES twice as many for each STEP. So invented pages
make a real one wait, and never keep it out. The report shows the most used (docs/adr/0055).
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.campaigns.store import Campaign, CampaignLink
from salepixel.campaigns.utm import query_of, read_utm, utm_of_all
from salepixel.mailers.known import PLATFORMS
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import campaigns, links, page_candidates
from salepixel.storage.upsert import insert

FREE_PAGES = 500
"""So many pages of a campaign get their link with their first click."""

PROOF = 3
"""The clicks after which a later page gets its link."""

MANY_PAGES, STEP = 2000, 500
"""From so many pages of a campaign on, the clicks that a page needs double with each step."""

MAX_CANDIDATES = 2000
"""The most pages of a campaign whose clicks are counted until then. Those with the fewest are forgotten."""

_AFTER_OTHERS = 1_000_000  # the position of dynamic links: after those of the mail

Page = tuple[str, str]
"""The id of a campaign, and a page as `dynamic.page_of` and `dynamic.with_item` write it."""


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


def links_of_pages(connection: sa.Connection, pages: Mapping[Page, int]) -> dict[Page, str]:
    """The ids of the links of these pages, as far as they have one; new ones are added.

    `pages`: how many new clicks on each do not look like a bot's. The caller holds the shared lock of their
    accounts, so that nobody switches a sales link meanwhile.
    """
    ids = {page: _id_of(page) for page in pages}
    is_known = sa.and_(links.c.dynamic, is_one_of(connection, links.c.id, list(ids.values())))
    known = set(connection.scalars(sa.select(links.c.id).where(is_known)))
    new = defaultdict[str, dict[str, int]](dict)
    for campaign_id, page in sorted(page for page, its in ids.items() if its not in known):
        if clicked := pages[campaign_id, page]:
            new[campaign_id][page] = clicked
    for campaign_id, its in new.items():
        known.update(_add_pages(connection, campaign_id, its))
    return {page: its for page, its in ids.items() if its in known}


def _add_pages(connection: sa.Connection, campaign_id: str, pages: Mapping[str, int]) -> Collection[str]:
    """Add pages with their new clicks; returns the ids of these that are stored now."""
    ours = campaigns.c.id == campaign_id
    # Locked: another worker may add pages of the campaign at the same time.
    lock = sa.select(campaigns.c.emp_id).where(ours).with_for_update(key_share=True)
    emp_id = connection.scalar(lock)
    if emp_id is None:  # a token outlived a lost database
        return ()
    add_dynamic_link(connection, emp_id, campaign_id)
    its = sa.select(links.c.id, links.c.sale_pixel).where(links.c.campaign_id == campaign_id, links.c.dynamic)
    stored = {row.id: row.sale_pixel for row in connection.execute(its)}
    wanted = {_id_of((campaign_id, page)): page for page in pages}
    new = [its for its in wanted if its not in stored]
    free = max(0, FREE_PAGES + 1 - len(stored))
    counts = {its: pages[wanted[its]] for its in new[free:]}
    new = new[:free]
    new += _proven(connection, campaign_id, counts, len(stored) - 1 + len(new))
    rows = [
        _row(emp_id, campaign_id, _link_of(its, wanted[its], stored[campaign_id]), number)
        for number, its in enumerate(new, _AFTER_OTHERS + len(stored))
    ]
    if rows:
        connection.execute(insert(connection, links).on_conflict_do_nothing(), rows)
    return (wanted.keys() & stored.keys()).union(new)


def _proof_of(pages: int) -> int:
    """The clicks that the next page of a campaign with so many pages needs."""
    return PROOF << max(0, (pages - MANY_PAGES) // STEP + 1)


def _proven(connection: sa.Connection, campaign_id: str, counts: Mapping[str, int], pages: int) -> list[str]:
    """Count new clicks of candidates; returns those that have enough. `pages`: those that have a link."""
    if not counts:
        return []
    table, ours = page_candidates, page_candidates.c.campaign_id == campaign_id
    its = ours, is_one_of(connection, table.c.id, list(counts))
    before = {
        row.id: row.clicks for row in connection.execute(sa.select(table.c.id, table.c.clicks).where(*its))
    }
    total = {one: count + before.get(one, 0) for one, count in counts.items()}
    proven: list[str] = []
    for one, count in sorted(total.items(), key=lambda its: -its[1]):
        if count >= _proof_of(pages + len(proven)):
            proven.append(one)
    rows = [
        {"campaign_id": campaign_id, "id": one, "clicks": count}
        for one, count in total.items()
        if one not in proven
    ]
    connection.execute(sa.delete(table).where(*its))
    if rows:
        connection.execute(sa.insert(table), rows)
        if (connection.scalar(sa.select(sa.func.count()).where(ours)) or 0) > MAX_CANDIDATES:
            least = sa.select(sa.func.min(table.c.clicks)).where(ours).scalar_subquery()
            connection.execute(sa.delete(table).where(ours, table.c.clicks == least))
    return proven


def _link_of(link_id: str, page: str, sells: bool) -> CampaignLink:
    place, _, item = page.partition(" ")
    return CampaignLink(link_id, f"https://{place}", item or place[place.index("/") :], sells, dynamic=True)


def _id_of(page: Page) -> str:
    return hashlib.blake2b("\0".join(page).encode(), digest_size=6).hexdigest()


def _row(emp_id: int, campaign_id: str, link: CampaignLink, position: int) -> dict[str, Any]:
    values = {name: getattr(link, name) for name in ("id", "url", "label", "sale_pixel", "dynamic")}
    return values | {"emp_id": emp_id, "campaign_id": campaign_id, "position": position}
