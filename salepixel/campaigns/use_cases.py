"""What can be done with campaigns and their recipients. Each use case raises Declined.

What leads clicks elsewhere takes effect when the directory is published, and orders are decided again by the
worker's sweep: both happen within a minute, and at once where the caller asks for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.declined import BadField, Conflict, NotFound
from salepixel.accounts.pixel_secret import open_pixel_secret
from salepixel.accounts.principal import Principal
from salepixel.accounts.store import get_account, lock_account
from salepixel.accounts.use_cases import target_account
from salepixel.campaigns import recipients, store
from salepixel.campaigns.contacts import Contact, get_contacts, opted_out_by_reference, store_contacts
from salepixel.campaigns.coupons import Coupon, store_coupons
from salepixel.campaigns.fragment import Bought, hosted_pixels, may_earn, our_pixels
from salepixel.campaigns.holdout import is_held_out
from salepixel.campaigns.links import Notice, edge_url, read_destination, tag_in_destination
from salepixel.campaigns.mailers import BadTag, contact_tag
from salepixel.campaigns.store import Campaign, CampaignLink
from salepixel.clicks.tokens import BadClickToken, ClickSealer
from salepixel.keys import Keys
from salepixel.storage.ids import is_id, new_id


@dataclass(frozen=True, slots=True)
class NewLink:
    """A destination of a new campaign."""

    url: str
    label: str = ""
    sale_pixel: bool = False


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign to make. `contact_tag` None: the mailer's own; the other fields as of `Campaign`."""

    emp_id: int
    name: str
    mailer: str
    links: Sequence[NewLink]
    contact_tag: str | None = None
    sent_at: datetime | None = None
    holdout_percent: int = 0
    utm_campaign: str = ""


@dataclass(frozen=True, slots=True)
class LinkedCampaign:
    """A campaign, links of it in their order, and their account's tracking host, empty for none."""

    campaign: Campaign
    links: list[CampaignLink]
    tracking_host: str


@dataclass(frozen=True, slots=True)
class Split:
    """Contacts to mail and contacts to hold out; `not_measured` opted out, and are in no group."""

    mail: list[str]
    hold_out: list[str]
    not_measured: list[str]


def see_campaign(connection: sa.Connection, principal: Principal, campaign_id: str) -> Campaign:
    """A campaign that the principal may see. Raises NotFound."""
    campaign = store.get_campaign(connection, campaign_id) if is_id(campaign_id) else None
    if campaign is None or not principal.allows(campaign.emp_id):
        raise NotFound("campaign")
    return campaign


def see_links(connection: sa.Connection, principal: Principal, campaign_id: str) -> LinkedCampaign:
    """A campaign with its links. Raises NotFound."""
    return _with_links(connection, see_campaign(connection, principal, campaign_id))


def see_link(
    connection: sa.Connection, principal: Principal, campaign_id: str, link_id: str
) -> tuple[Campaign, CampaignLink]:
    """A link, with the campaign that it is of. Raises NotFound."""
    campaign = see_campaign(connection, principal, campaign_id)
    for link in store.links_of(connection, campaign.id):
        if link.id == link_id:
            return campaign, link
    raise NotFound("link")


def create_campaign(
    connection: sa.Connection, principal: Principal, wanted: NewCampaign, click_parameter: str, at: datetime
) -> tuple[LinkedCampaign, list[tuple[int, Notice]]]:
    """Create a campaign; gives it, and what was changed in each destination, by its position from 0.

    Raises BadField, NotAllowed or UnknownAccount.
    """
    try:
        tag = contact_tag(wanted.mailer, wanted.contact_tag)
    except BadTag as error:
        raise BadField(error.field, str(error)) from None
    links, notices = [], []
    for place, link in enumerate(wanted.links):
        if tag in link.url:
            raise BadField(f"links.{place}.url", str(tag_in_destination(tag)))
        url, changed = read_destination(link.url, click_parameter)
        links.append(CampaignLink(new_id(), url, link.label, link.sale_pixel))
        notices += [(place, notice) for notice in changed]
    campaign = Campaign(
        new_id(),
        wanted.emp_id,
        wanted.name,
        wanted.mailer,
        at,
        tag,
        wanted.sent_at,
        wanted.utm_campaign,
        wanted.holdout_percent,
    )
    account = target_account(connection, principal, wanted.emp_id)
    store.add_campaign(connection, campaign, links)
    return LinkedCampaign(campaign, links, account.tracking_host), notices


def set_sent_at(
    connection: sa.Connection, principal: Principal, campaign_id: str, sent_at: datetime | None
) -> LinkedCampaign:
    """Say when a campaign's mails began to go out; clicks near it are judged again. Raises NotFound."""
    before = see_campaign(connection, principal, campaign_id)
    return _with_links(connection, store.set_sent_at(connection, before, sent_at))


def edit_link(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    link_id: str,
    changes: Mapping[str, Any],
    click_parameter: str,
    at: datetime,
) -> tuple[LinkedCampaign, list[Notice]]:
    """Change `url`, `active`, `label` or `sale_pixel` of a link.

    Gives it as it is then, alone with its campaign, and what of the new destination was changed.
    Raises NotFound; BadDestination for a url that `read_destination` refuses.
    """
    values, notices = dict(changes), list[Notice]()
    if "url" in values:
        values["new_url"], notices = read_destination(values.pop("url"), click_parameter)
    campaign, before = see_link(connection, principal, campaign_id, link_id)
    after = store.change_link(connection, before, replace(before, **values), at)
    if after.sale_pixel != before.sale_pixel:
        store.switch_link(connection, campaign, link_id, after.sale_pixel)
    return replace(_with_links(connection, campaign), links=[after]), notices


def add_contacts(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    reported: Mapping[str, Mapping[str, Any]],
    at: datetime,
) -> int:
    """Add or change contacts: reference -> `email` and `consent`, as far as reported; gives how many.

    Of an address only keyed hashes are kept. Raises NotAllowed or UnknownAccount.
    """
    target_account(connection, principal, emp_id)
    lock_account(connection, emp_id, exclusive=True)  # before it is read who opted out
    opted_out = opted_out_by_reference(connection, emp_id, reported.keys())
    batch = []
    for ref, values in reported.items():
        hashes = keys.hash_address(emp_id, values["email"]) if "email" in values else (None, None)
        batch.append(Contact(ref, hashes[0], values.get("consent", ref not in opted_out), hashes[1]))
    return store_contacts(connection, emp_id, batch, at)


def add_coupons(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    coupons: Sequence[tuple[str, str]],
    at: datetime,
) -> list[str]:
    """Store the codes that a campaign's mails hold, each with its only contact, empty for everybody.

    Gives those that another campaign or contact has already and keeps. Raises NotFound.
    """
    campaign = see_campaign(connection, principal, campaign_id)
    batch = [Coupon(code, campaign_id, contact) for code, contact in coupons]
    return store_coupons(connection, campaign.emp_id, batch, at)


def add_recipients(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    refs: Sequence[str],
    secret: bytes,
    at: datetime,
) -> Split:
    """Add recipients to a campaign, and learn which of them get no mail; the same every time.

    `secret`: keys.holdout_secret. Raises NotFound, or Conflict when the campaign leaves nobody out or the
    orders after it are counted already.
    """
    campaign = see_campaign(connection, principal, campaign_id)
    if not campaign.holdout_percent:
        raise Conflict("no_holdout")
    known = get_contacts(connection, campaign.emp_id, refs)
    opted_out = [ref for ref in refs if ref in known and not known[ref].consent]
    before = recipients.assigned_recipients(connection, campaign_id, refs)
    new = set(refs).difference(opted_out, before)
    account = get_account(connection, campaign.emp_id)
    if new and account and campaign.sent_at and at >= campaign.ends_at(account.policy):
        raise Conflict("campaign_over")
    # By address: contacts who share one are in the same group, for their orders are one.
    who = {ref: (known[ref].email_hash if ref in known else None) or ref for ref in new}
    lots = {ref: is_held_out(secret, campaign_id, who[ref], campaign.holdout_percent) for ref in new}
    recipients.assign_recipients(connection, campaign_id, lots)
    kept = lots | before
    return Split(
        mail=[ref for ref in refs if not kept.get(ref)],
        hold_out=[ref for ref in refs if kept.get(ref)],
        not_measured=opted_out,
    )


def make_fragment(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    sealer: ClickSealer,
    emp_id: int,
    bought: Bought,
    edge: str,
    at: datetime,
) -> list[str]:
    """The pixels to put on an order's thank-you page; none when its visitor's click cannot earn it.

    `edge`: the edge's own address. Raises NotAllowed or UnknownAccount.
    """
    account = target_account(connection, principal, emp_id)
    try:
        click = sealer.open(bought.click)
    except BadClickToken:
        return []
    if not (may_earn(account, click, at) and store.link_sells(connection, click.link)):
        return []
    secret = bytes.fromhex(open_pixel_secret(keys, account))
    base = edge_url(edge, account.tracking_host)
    return [*our_pixels(account, bought, base, secret), *hosted_pixels(account, bought)]


def _with_links(connection: sa.Connection, campaign: Campaign) -> LinkedCampaign:
    account = get_account(connection, campaign.emp_id)
    host = account.tracking_host if account else ""
    return LinkedCampaign(campaign, store.links_of(connection, campaign.id), host)
