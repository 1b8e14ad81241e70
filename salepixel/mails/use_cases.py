"""Use cases of a campaign's e-mail, from the upload to the e-mail with tracked links.

Each raises Declined.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa

from salepixel.accounts.declined import BadField, Conflict, Invalid, NotFound
from salepixel.accounts.principal import Principal
from salepixel.accounts.store import Account, get_account
from salepixel.accounts.use_cases import target_account
from salepixel.campaigns.links import Link, LinkSealer, edge_url, tracked_url
from salepixel.campaigns.store import Campaign
from salepixel.campaigns.use_cases import NewCampaign, NewLink, create_campaign, see_links
from salepixel.mailers.contact_tag import BadTag, contact_tag
from salepixel.mails import store
from salepixel.mails.found import FoundLink
from salepixel.mails.mail import Mail, read_mail
from salepixel.mails.proposals import Proposal, Use, Why, propose
from salepixel.mails.rewrite import Place, place_of, rewrite
from salepixel.mails.store import Choice, StoredMail
from salepixel.storage.ids import is_id, new_id

MAX_LINKS = 5000
"""The most links of a mail. Real ones have fewer than 200."""

GMAIL_BYTES = 102 * 1024
"""Gmail hides the rest of longer HTML (mailchimp.com/help/gmail-is-clipping-my-email)."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """The settings for tracked links. `edge`: the edge's own address.

    `click_parameter`: the name for the click token.
    """

    sealer: LinkSealer
    edge: str
    click_parameter: str


@dataclass(frozen=True, slots=True)
class MailLink:
    """A link of a mail, with the proposed and the chosen use. `part`: from 0.

    `position`: its place in the part, from 0 (top) to 100 (bottom).
    """

    part: int
    found: FoundLink
    position: int
    proposal: Proposal
    choice: Choice

    @property
    def id(self) -> str:
        """The name of the link in forms and in the API."""
        return f"{self.part}-{self.found.start}"


@dataclass(frozen=True, slots=True)
class MailView:
    """A mail with its links, in their sequence in the mail. `campaign`: None for a draft."""

    stored: StoredMail
    mail: Mail
    account: Account
    links: list[MailLink]
    campaign: Campaign | None

    def link(self, link_id: str) -> MailLink | None:
        """The link with this id, or None."""
        return next((one for one in self.links if one.id == link_id), None)


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
) -> MailView:
    """Store a newsletter as a draft, with a proposal for each of its links.

    `tag`: None for the tag of the mailer. `mail`: read before the transaction, since a large one takes
    seconds. Raises NotAllowed, UnknownAccount, BadField, or Invalid for too many links.
    """
    try:
        tag = contact_tag(mailer, tag)
    except BadTag as error:
        raise BadField(error.field, str(error)) from None
    if len(mail.links()) > MAX_LINKS:
        raise Invalid("mail_too_many_links", most=MAX_LINKS)
    account = target_account(connection, principal, emp_id)
    stored = StoredMail(new_id(), emp_id, name, mailer, tag, mail.kind, mail.raw, at, at)
    proposals = _proposals(mail, account, tracking)
    choices = {place: Choice(one.use, one.label) for place, one in proposals.items()}
    store.add_mail(connection, stored, choices)
    return _view(stored, mail, account, proposals, choices, None)


def see_mail(
    connection: sa.Connection,
    principal: Principal,
    tracking: Tracking,
    mail_id: str,
    *,
    lock: bool = False,
) -> MailView:
    """A mail with its links. Raises NotFound."""
    stored = store.get_mail(connection, mail_id, lock=lock) if is_id(mail_id) else None
    if stored is None or not principal.allows(stored.emp_id):
        raise NotFound("mail")
    account = get_account(connection, stored.emp_id)
    if account is None:
        raise NotFound("mail")
    mail = read_mail(stored.body, stored.kind)
    proposals = _proposals(mail, account, tracking)
    campaign = None
    if stored.campaign_id is not None:
        campaign = see_links(connection, principal, stored.campaign_id).campaign
    return _view(stored, mail, account, proposals, store.choices_of(connection, mail_id), campaign)


def change_mail(
    connection: sa.Connection,
    principal: Principal,
    tracking: Tracking,
    mail_id: str,
    choices: Mapping[str, Choice],
    merged: bool | None,
    at: datetime,
) -> MailView:
    """Change the use of links, by their ids, and whether equal destinations are one link in the report.

    Raises NotFound, Conflict if the campaign exists already, or BadField for a link that cannot be tracked.
    """
    view = see_mail(connection, principal, tracking, mail_id, lock=True)
    if view.campaign is not None:
        raise Conflict("mail_finished")
    changes, by_id = list[tuple[Place, Choice]](), {one.id: one for one in view.links}
    for link_id, wanted in choices.items():
        link = by_id.get(link_id)
        if link is None:
            raise BadField("links", "has no such link", link_id)
        if wanted.use is not Use.LEFT and not link.proposal.destination:
            raise BadField("links", "cannot be tracked", link_id)
        if wanted != link.choice:
            changes.append(((link.part, link.found.start), wanted))
    store.change_links(
        connection, mail_id, [(place, {"usage": one.use, "label": one.label}) for place, one in changes]
    )
    stored = replace(view.stored, changed_at=at, merged=view.stored.merged if merged is None else merged)
    store.change_mail(connection, mail_id, {"changed_at": at, "merged": stored.merged})
    new = dict(changes)
    links = [replace(one, choice=new.get((one.part, one.found.start), one.choice)) for one in view.links]
    return replace(view, stored=stored, links=links)


def make_campaign(
    connection: sa.Connection, principal: Principal, tracking: Tracking, mail_id: str, at: datetime
) -> MailView:
    """Create the campaign of a draft, with its links. Idempotent.

    Raises NotFound, or Invalid if no link is tracked.
    """
    view = see_mail(connection, principal, tracking, mail_id, lock=True)
    if view.campaign is not None:
        return view
    kept = {one.id: one for one in view.links if one.choice.use is not Use.LEFT}
    if not kept:
        raise Invalid("mail_without_links")
    groups = dict[tuple[object, ...], list[MailLink]]()
    for one in kept.values():
        same = () if view.stored.merged else (one.id,)
        groups.setdefault((one.proposal.destination, one.choice.use, *same), []).append(one)
    links = [
        NewLink(group[0].proposal.destination, group[0].choice.label, group[0].choice.use is Use.SALES)
        for group in groups.values()
    ]
    stored = view.stored
    wanted = NewCampaign(stored.emp_id, stored.name, stored.mailer, links, stored.contact_tag)
    made, _ = create_campaign(connection, principal, wanted, tracking.click_parameter, at)
    ids = {
        (one.part, one.found.start): link.id
        for link, group in zip(made.links, groups.values(), strict=True)
        for one in group
    }
    store.change_links(connection, mail_id, [(place, {"link_id": its}) for place, its in ids.items()])
    store.change_mail(connection, mail_id, {"campaign_id": made.campaign.id, "changed_at": at})
    return see_mail(connection, principal, tracking, mail_id)


def tracked_mail(
    connection: sa.Connection, principal: Principal, tracking: Tracking, mail_id: str
) -> tuple[MailView, bytes]:
    """A mail, and its bytes with tracked links. Raises NotFound, or Conflict for a draft."""
    view = see_mail(connection, principal, tracking, mail_id)
    if view.campaign is None:
        raise Conflict("mail_is_draft")
    addresses = tracked_addresses(connection, principal, tracking, view)
    by_place = {
        (one.part, one.found.start): addresses[one.choice.link_id]
        for one in view.links
        if one.choice.link_id in addresses
    }
    return view, rewrite(view.mail, by_place)


def tracked_addresses(
    connection: sa.Connection, principal: Principal, tracking: Tracking, view: MailView
) -> dict[str | None, str]:
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


def delete_draft(
    connection: sa.Connection, principal: Principal, tracking: Tracking, mail_id: str
) -> MailView:
    """Delete a draft; returns it. Raises NotFound, or Conflict if its campaign exists."""
    view = see_mail(connection, principal, tracking, mail_id, lock=True)
    if view.campaign is not None:
        raise Conflict("mail_finished")
    store.delete_mail(connection, mail_id)
    return view


def _proposals(mail: Mail, account: Account, tracking: Tracking) -> dict[Place, Proposal]:
    starts = [f"{base}/c/" for base in (tracking.edge, edge_url(tracking.edge, account.tracking_host))]

    def proposed(own: Collection[str]) -> dict[Place, Proposal]:
        return {
            place_of(number, link): propose(link, own, starts, tracking.click_parameter)
            for number, link in mail.links()
        }

    if account.site:
        return proposed({account.site.removeprefix("www.")})
    first = proposed(())
    # A newsletter mostly links to its shop.
    hosts = Counter(
        urlsplit(one.destination).hostname or "" for one in first.values() if one.why is Why.OTHER_SITE
    )
    return proposed({hosts.most_common(1)[0][0].removeprefix("www.")}) if hosts else first


def _view(
    stored: StoredMail,
    mail: Mail,
    account: Account,
    proposals: Mapping[Place, Proposal],
    choices: Mapping[Place, Choice],
    campaign: Campaign | None,
) -> MailView:
    links = []
    for number, found in mail.links():
        place = place_of(number, found)
        one = proposals[place]
        position = 100 * found.start // max(1, len(mail.parts[number].text))
        links.append(MailLink(number, found, position, one, choices.get(place, Choice(Use.LEFT, one.label))))
    return MailView(stored, mail, account, links, campaign)
