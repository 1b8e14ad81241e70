"""Use cases of a campaign's e-mail, from the upload to the e-mail with tracked links.

Each raises Declined.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.audit import Action, differences, record, record_about
from salepixel.accounts.declined import BadField, Conflict, Invalid, NotFound
from salepixel.accounts.principal import HIDDEN, Principal
from salepixel.accounts.store import get_account, lock_account
from salepixel.accounts.use_cases import target_account
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.links import MAX_URL, Link, edge_url, tracked_url
from salepixel.campaigns.store import Campaign
from salepixel.campaigns.use_cases import (
    TOO_LONG,
    NewCampaign,
    NewLink,
    change_campaign,
    create_campaign,
    see_campaign,
    see_links,
)
from salepixel.campaigns.utm import Utm, read_utm, without_utm
from salepixel.mailers.contact_tag import BadTag, contact_tag
from salepixel.mails import store
from salepixel.mails.mail import Kind, Mail, read_mail
from salepixel.mails.proposals import Use
from salepixel.mails.rewrite import Place, undo, written
from salepixel.mails.store import Choice, StoredMail
from salepixel.mails.view import MailView, Tracking, label_of_group, proposals_of, view_of
from salepixel.storage.ids import is_id, new_id

MAX_LINKS = 5000
"""The most links of a mail. Real ones have fewer than 200."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to change in a draft. `choices`: by the links' ids. None: unchanged.

    `merged`: whether equal destinations are one link in the report. `utm`: the UTM parameters of its links.
    """

    choices: Mapping[str, Choice]
    merged: bool | None = None
    name: str | None = None
    utm: Utm | None = None


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy of a campaign: a draft, or a campaign without an e-mail."""

    mail_id: str | None = None
    campaign_id: str | None = None


def add_mail(
    connection: sa.Connection,
    principal: Principal,
    tracking: Tracking,
    emp_id: int,
    name: str,
    mailer: str,
    tag: str | None,
    mail: Mail,
    at: datetime,
    *,
    utm: Utm | None = None,
) -> MailView:
    """Store a newsletter as a draft, with a proposal for each of its links.

    `tag`: None for the tag of the mailer. `mail`: read before the transaction, since a large one takes
    seconds. `utm`: None for that of the account. Raises NotAllowed, UnknownAccount, BadField, or Invalid for
    too many links.
    """
    text = None if utm is None else utm.as_text()
    stored = StoredMail(
        new_id(), emp_id, name, mailer, _tag(mailer, tag), mail.kind, mail.raw, at, at, utm=text
    )
    view = _proposed(connection, principal, tracking, stored, mail)
    store.add_mail(connection, view.stored, {one.place: one.choice for one in view.links})
    record(connection, principal, emp_id, Action.DRAFT_CREATED, view.stored.id)
    return view


def preview_mail(
    connection: sa.Connection,
    principal: Principal,
    tracking: Tracking,
    emp_id: int,
    name: str,
    mailer: str,
    tag: str | None,
    mail: Mail,
    at: datetime,
    *,
    utm: Utm | None = None,
) -> tuple[MailView, dict[str, str]]:
    """What `add_mail` and `make_campaign` would make of a newsletter; nothing is stored.

    Returns the mail, and the tracked address of each link by its id. The addresses lead to their
    destinations, but their clicks count for no campaign. Raises as both do, and BadField for a destination
    that is too long with its UTM parameters.
    """
    text = None if utm is None else utm.as_text()
    stored = StoredMail(
        new_id(), emp_id, name, mailer, _tag(mailer, tag), mail.kind, mail.raw, at, at, utm=text
    )
    view = _proposed(connection, principal, tracking, stored, mail)
    if not view.groups():
        raise Invalid("mail_without_links")
    base, campaign_id = edge_url(tracking.edge, view.account.tracking_host), new_id()
    led = view.destinations()
    addresses, ids = dict[str, str](), dict[Place, str]()
    for place, group in enumerate(view.groups()):
        url = led[group[0].id]
        if len(url) > MAX_URL:
            raise BadField(f"links.{place}.url", TOO_LONG)
        link = Link(emp_id, campaign_id, new_id(), url)
        addresses[link.link] = tracked_url(base, tracking.sealer.seal(link), stored.contact_tag)
        ids |= {one.place: link.link for one in group}
    links = [replace(one, choice=replace(one.choice, link_id=ids.get(one.place))) for one in view.links]
    return replace(view, links=links), addresses


def _tag(mailer: str, tag: str | None) -> str:
    try:
        return contact_tag(mailer, tag)
    except BadTag as error:
        raise BadField(error.field, str(error)) from None


def _proposed(
    connection: sa.Connection, principal: Principal, tracking: Tracking, stored: StoredMail, mail: Mail
) -> MailView:
    """A new mail with a proposal for each of its links."""
    if len(mail.links()) > MAX_LINKS:
        raise Invalid("mail_too_many_links", most=MAX_LINKS)
    account = target_account(connection, principal, stored.emp_id)
    proposals = proposals_of(mail, account, tracking)
    choices = {place: Choice(one.use, one.label) for place, one in proposals.items()}
    return view_of(stored, mail, account, proposals, choices, None)


def see_mail(connection: sa.Connection, principal: Principal, tracking: Tracking, mail_id: str) -> MailView:
    """A mail with its links. Raises NotFound.

    A large mail takes seconds, so the use cases that write take this view, which was read before.
    """
    stored = store.get_mail(connection, mail_id) if is_id(mail_id) else None
    if stored is None or not principal.allows(stored.emp_id):
        raise NotFound("mail")
    account = get_account(connection, stored.emp_id)
    if account is None:
        raise NotFound("mail")
    mail = read_mail(stored.body, stored.kind)
    proposals = proposals_of(mail, account, tracking)
    campaign = None
    if stored.campaign_id is not None:
        campaign = see_campaign(connection, principal, stored.campaign_id)
    return view_of(stored, mail, account, proposals, store.choices_of(connection, mail_id), campaign)


def see_again(connection: sa.Connection, principal: Principal, view: MailView) -> MailView:
    """A mail as it is stored now; nobody else can change it until this transaction ends. Raises NotFound."""
    fresh = store.lock_mail(connection, view.stored.id)
    if fresh is None or not principal.allows(fresh["emp_id"]):
        raise NotFound("mail")
    principal.require_change(fresh["emp_id"])
    stored = replace(view.stored, **fresh)
    campaign = None
    if stored.campaign_id is not None:
        campaign = see_campaign(connection, principal, stored.campaign_id)
    choices = store.choices_of(connection, stored.id)
    links = [replace(one, choice=choices.get(one.place, one.choice)) for one in view.links]
    return replace(view, stored=stored, links=links, campaign=campaign)


def change_mail(
    connection: sa.Connection, principal: Principal, view: MailView, change: Change, at: datetime
) -> MailView:
    """Change a draft.

    Raises NotFound, Conflict if the campaign exists already, or BadField for a link that cannot be tracked.
    """
    view = see_again(connection, principal, view)
    if view.campaign is not None:
        raise Conflict("mail_finished")
    changes, by_id = list[tuple[Place, Choice]](), {one.id: one for one in view.links}
    for link_id, wanted in change.choices.items():
        link = by_id.get(link_id)
        if link is None:
            raise BadField("links", "has no such link", link_id)
        if wanted.use is not Use.LEFT and not link.proposal.destination:
            raise BadField("links", "cannot be tracked", link_id)
        if wanted != link.choice:
            changes.append((link.place, wanted))
    store.change_links(
        connection,
        view.stored.id,
        [(place, {"usage": one.use, "label": one.label}) for place, one in changes],
    )
    utm = None if change.utm is None else change.utm.as_text()
    given = {"merged": change.merged, "name": change.name, "utm": utm}
    values = {"changed_at": at} | {name: value for name, value in given.items() if value is not None}
    stored = store.change_mail(connection, view.stored, values)
    differs = dict(differences(view.stored, stored, ("merged", "name", "utm"), ("name",)))
    if changes:
        differs["links"] = (HIDDEN, HIDDEN)
    record(connection, principal, stored.emp_id, Action.DRAFT_CHANGED, stored.id, "", differs)
    new = dict(changes)
    links = [replace(one, choice=new.get(one.place, one.choice)) for one in view.links]
    return replace(view, stored=stored, links=links)


def make_campaign(
    connection: sa.Connection,
    principal: Principal,
    tracking: Tracking,
    view: MailView,
    at: datetime,
    *,
    sent_at: datetime | None = None,
    holdout_percent: int = 0,
    utm_campaign: str = "",
) -> MailView:
    """Create the campaign of a draft, with its links. Idempotent.

    `sent_at`, `holdout_percent`, `utm_campaign`: of a new campaign. Raises NotFound, Invalid if no link is
    tracked, or BadField as `create_campaign` does.
    """
    view = see_again(connection, principal, view)
    if view.campaign is not None:
        return view
    groups = view.groups()
    if not groups:
        raise Invalid("mail_without_links")
    links = [
        NewLink(group[0].proposal.destination, label_of_group(group), group[0].choice.use is Use.SALES)
        for group in groups
    ]
    stored = view.stored
    wanted = NewCampaign(
        stored.emp_id,
        stored.name,
        stored.mailer,
        links,
        stored.contact_tag,
        sent_at,
        holdout_percent,
        utm_campaign,
        None if stored.utm is None else read_utm(stored.utm),
    )
    made, _ = create_campaign(connection, principal, wanted, tracking.click_parameter, at)
    ids = {one.place: link.id for link, group in zip(made.links, groups, strict=True) for one in group}
    store.change_links(connection, stored.id, [(place, {"link_id": its}) for place, its in ids.items()])
    stored = store.change_mail(connection, stored, {"campaign_id": made.campaign.id, "changed_at": at})
    new = [replace(one, choice=replace(one.choice, link_id=ids.get(one.place))) for one in view.links]
    return replace(view, stored=stored, links=new, campaign=made.campaign)


def tracked_mail(
    connection: sa.Connection, principal: Principal, tracking: Tracking, mail_id: str
) -> tuple[MailView, bytes]:
    """A mail, and its bytes with tracked links. Raises NotFound, or Conflict for a draft."""
    view = see_mail(connection, principal, tracking, mail_id)
    if view.campaign is None:
        raise Conflict("mail_is_draft")
    return view, view.rewritten(tracked_addresses(connection, principal, tracking, view))


def tracked_addresses(
    connection: sa.Connection, principal: Principal, tracking: Tracking, view: MailView
) -> dict[str, str]:
    """The tracked address of each link of a mail's campaign, by the link's id."""
    if view.campaign is None:
        return {}
    found = see_links(connection, principal, view.campaign.id)
    base, campaign = edge_url(tracking.edge, found.tracking_host), found.campaign
    return {
        link.id: tracked_url(
            base,
            tracking.sealer.seal(Link(campaign.emp_id, campaign.id, link.id, link.url)),
            campaign.contact_tag,
        )
        for link in found.links
    }


def undo_mail(connection: sa.Connection, principal: Principal, tracking: Tracking, mail: Mail) -> bytes:
    """A tracked e-mail with its original addresses, even if it was edited or its merge tags were filled in.

    What was rewritten here and not changed since comes back byte by byte, from the stored e-mail. Links of
    campaigns without an e-mail get the destinations in their tokens. Raises Invalid if no link is a tracked
    link of the principal's accounts.
    """
    opened = [(found, tracking.opened(found.address)) for _, found in mail.links()]
    ours = [(found, link) for found, link in opened if link and principal.allows(link.emp_id)]
    if not ours:
        raise Invalid("mail_not_tracked")
    addresses = {link.link: found.address for found, link in ours}
    originals, charsets = dict[str, list[str]](), list[str]()
    kinds = {part.kind for part in mail.parts}  # in HTML, an address is written differently than in text
    for campaign_id in sorted({link.campaign for _, link in ours}):
        mail_id = store.mail_of(connection, campaign_id)
        if mail_id is None:
            continue
        view = see_mail(connection, principal, tracking, mail_id)
        rewritten = view.rewritten(addresses)
        if rewritten == mail.raw:
            return view.mail.raw
        if view.mail.kind is Kind.MESSAGE is not mail.kind:  # perhaps one of its parts
            for was, now in zip(view.mail.parts, read_mail(rewritten, Kind.MESSAGE).parts, strict=True):
                if now.text == mail.parts[0].text:
                    return mail.parts[0].encoded(was.text)
        charsets = view.mail.charsets()
        for one in view.links:
            if one.choice.link_id in addresses and view.mail.parts[one.part].kind in kinds:
                originals.setdefault(addresses[one.choice.link_id], []).append(one.found.raw)
    for found, link in ours:
        if found.address not in originals:
            originals[found.address] = [
                written(place, link.url) for place, _ in ours if place.address == found.address
            ]
    return undo(mail, originals, charsets)


def delete_draft(connection: sa.Connection, principal: Principal, mail_id: str) -> int:
    """Delete a draft; returns its account. Raises NotFound, or Conflict if its campaign exists."""
    stored = _lock(connection, principal, mail_id)
    if stored["campaign_id"] is not None:
        raise Conflict("mail_finished")
    store.delete_mail(connection, mail_id)
    record(connection, principal, stored["emp_id"], Action.DRAFT_DELETED, mail_id)
    return int(stored["emp_id"])


def copy_mail(connection: sa.Connection, principal: Principal, mail_id: str, name: str, at: datetime) -> str:
    """Store a copy of a mail as a draft with this name and the same choices; returns its id.

    Raises NotFound.
    """
    stored, copy = _lock(connection, principal, mail_id), new_id()
    store.copy_mail(connection, mail_id, copy, name, at)
    record(connection, principal, stored["emp_id"], Action.DRAFT_CREATED, copy)
    return copy


def copy_campaign(
    connection: sa.Connection,
    principal: Principal,
    tracking: Tracking,
    campaign_id: str,
    name: str,
    at: datetime,
) -> Copied:
    """Copy a campaign: its e-mail as a draft, or, if it was made without an e-mail, its links.

    The copy has the UTM patterns, but not the `utm_campaign`: orders that name it belong to the campaign that
    was sent with it. Raises NotFound.
    """
    found = see_links(connection, principal, campaign_id)
    mail_id = store.mail_of(connection, campaign_id)
    if mail_id is not None:
        return Copied(mail_id=copy_mail(connection, principal, mail_id, name, at))
    was = found.campaign
    own = [one for one in found.links if not one.dynamic]
    utm = read_utm(was.utm)
    links = [
        NewLink(
            without_utm(one.destination, utm, was.utm_name, one.label, position), one.label, one.sale_pixel
        )
        for position, one in enumerate(own, 1)
    ]
    wanted = NewCampaign(
        was.emp_id, name, was.mailer, links, was.contact_tag, holdout_percent=was.holdout_percent, utm=utm
    )
    made, _ = create_campaign(connection, principal, wanted, tracking.click_parameter, at)
    return Copied(campaign_id=made.campaign.id)


def delete_campaign(connection: sa.Connection, principal: Principal, campaign_id: str) -> Campaign:
    """Delete a campaign without clicks, orders, recipients and coupons, with its e-mail; returns it.

    Its tracked links still lead to their destinations, which their tokens contain. Raises NotFound, or
    Conflict.
    """
    campaign = change_campaign(connection, principal, campaign_id)
    lock_account(connection, campaign.emp_id, exclusive=True)  # so that no click is stored meanwhile
    if campaigns.is_used(connection, campaign.id):
        raise Conflict("campaign_in_use")
    mail_id = store.mail_of(connection, campaign.id)
    if mail_id is not None:
        store.delete_mail(connection, mail_id)
    campaigns.delete_campaign(connection, campaign)
    record_about(connection, principal, Action.CAMPAIGN_DELETED, campaign)
    return campaign


def _lock(connection: sa.Connection, principal: Principal, mail_id: str) -> Mapping[str, Any]:
    found = store.lock_mail(connection, mail_id) if is_id(mail_id) else None
    if found is None or not principal.allows(found["emp_id"]):
        raise NotFound("mail")
    principal.require_change(found["emp_id"])
    return found
