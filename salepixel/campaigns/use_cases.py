"""The use cases of campaigns and their recipients. Each use case raises Declined.

A changed destination takes effect when the directory is published. The worker's sweep decides orders again.
Both happen within a minute, or at once if the caller triggers them.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.audit import Action, differences, record, record_about, record_change
from salepixel.accounts.declined import BadField, Conflict, NotFound
from salepixel.accounts.erased import Kind, Trace, erased_among, erased_contacts, remember_erased
from salepixel.accounts.pixel_secret import open_pixel_secret
from salepixel.accounts.principal import Principal
from salepixel.accounts.store import get_account, lock_account
from salepixel.accounts.use_cases import change_account, see_account, target_account
from salepixel.campaigns import recipients, store
from salepixel.campaigns.contacts import (
    Contact,
    find_contacts,
    get_contacts,
    opted_out_by_reference,
    store_contacts,
    traces_of_contact,
)
from salepixel.campaigns.coupons import Coupon, store_coupons
from salepixel.campaigns.fragment import Bought, hosted_pixels, may_earn, our_pixels
from salepixel.campaigns.holdout import draw_lot, is_held_out
from salepixel.campaigns.links import MAX_URL, Notice, edge_url, read_destination, tag_in_destination
from salepixel.campaigns.pages import add_dynamic_link, dynamic_link
from salepixel.campaigns.store import Campaign, CampaignLink
from salepixel.campaigns.utm import Utm, named_utm, read_utm, utm_of_all, with_utm
from salepixel.clicks.tokens import BadClickToken, ClickSealer, token_contact
from salepixel.keys import Keys
from salepixel.mailers.contact_tag import BadTag, contact_tag
from salepixel.reading.emails import is_email
from salepixel.reading.references import normal_reference
from salepixel.storage.ids import is_id, new_id

MAX_HOLDOUT = 50
"""The largest share of a control group in percent: most recipients should get the e-mail."""

MAX_SENT = 1_000_000_000

TOO_LONG = f"is longer than {MAX_URL} characters with its UTM parameters"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A destination of a new campaign."""

    url: str
    label: str = ""
    sale_pixel: bool = False


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A new campaign. `contact_tag`: None for the tag of the mailer; `utm`: None for that of the account.

    The other fields: see `Campaign`.
    """

    emp_id: int
    name: str
    mailer: str
    links: Sequence[NewLink]
    contact_tag: str | None = None
    sent_at: datetime | None = None
    holdout_percent: int = 0
    utm_campaign: str = ""
    utm: Utm | None = None


@dataclass(frozen=True, slots=True)
class LinkedCampaign:
    """A campaign with links in their sequence, and the account's tracking host, or empty."""

    campaign: Campaign
    links: list[CampaignLink]
    tracking_host: str


@dataclass(frozen=True, slots=True)
class Split:
    """Contacts to mail and contacts to hold out. `not_measured`: opted out or erased, in neither group."""

    mail: list[str]
    hold_out: list[str]
    not_measured: list[str]


@dataclass(frozen=True, slots=True)
class ContactsStored:
    """How many contacts were stored, and the references of those that were not: they were erased."""

    stored: int
    erased: Set[str]


@dataclass(frozen=True, slots=True)
class CouponsStored:
    """Codes that were not stored: `taken` by another campaign or contact, `erased` with their contact."""

    taken: list[str]
    erased: Set[str]


def see_campaign(connection: sa.Connection, principal: Principal, campaign_id: str) -> Campaign:
    """A campaign that the principal may see. Raises NotFound."""
    campaign = store.get_campaign(connection, campaign_id) if is_id(campaign_id) else None
    if campaign is None or not principal.allows(campaign.emp_id):
        raise NotFound("campaign")
    return campaign


def change_campaign(connection: sa.Connection, principal: Principal, campaign_id: str) -> Campaign:
    """A campaign that the principal may change. Raises NotFound or NotAllowed."""
    campaign = see_campaign(connection, principal, campaign_id)
    principal.require_change(campaign.emp_id)
    return campaign


def lock_campaign(
    connection: sa.Connection, principal: Principal, campaign_id: str, *, exclusive: bool = False
) -> Campaign:
    """A campaign with the lock of its account: nobody deletes it, or changes its control group, meanwhile.

    `exclusive`: see lock_account. Raises NotFound or NotAllowed.
    """
    campaign = change_campaign(connection, principal, campaign_id)
    lock_account(connection, campaign.emp_id, exclusive=exclusive)
    return see_campaign(connection, principal, campaign_id)  # as it is after waiting for the lock


def see_links(connection: sa.Connection, principal: Principal, campaign_id: str) -> LinkedCampaign:
    """A campaign with its links. Raises NotFound."""
    return _with_links(connection, see_campaign(connection, principal, campaign_id))


def see_link(
    connection: sa.Connection, principal: Principal, campaign_id: str, link_id: str
) -> tuple[Campaign, CampaignLink]:
    """A link with its campaign; its dynamic link has the campaign's id. Raises NotFound."""
    campaign = see_campaign(connection, principal, campaign_id)
    for link in store.links_of(connection, campaign.id):
        if link.id == link_id:
            return campaign, link
    if link_id == campaign_id:
        return campaign, dynamic_link(campaign_id)
    raise NotFound("link")


def create_campaign(
    connection: sa.Connection, principal: Principal, wanted: NewCampaign, click_parameter: str, at: datetime
) -> tuple[LinkedCampaign, list[tuple[int, Notice]]]:
    """Create a campaign; returns it, and the corrections of each destination, by its position from 0.

    Destinations get the UTM parameters. If `utm_campaign` is among them and the campaign has none of its own,
    orders can name the campaign by it. Raises BadField, NotAllowed or UnknownAccount.
    """
    account = target_account(connection, principal, wanted.emp_id)
    utm = read_utm(account.utm) if wanted.utm is None else wanted.utm
    try:
        tag = contact_tag(wanted.mailer, wanted.contact_tag)
    except BadTag as error:
        raise BadField(error.field, str(error)) from None
    links, notices = [], []
    for place, link in enumerate(wanted.links):
        if tag in link.url:
            raise BadField(f"links.{place}.url", str(tag_in_destination(tag)))
        url, changed = read_destination(link.url, click_parameter)
        url = _with_utm(url, utm, wanted.name, link.label, place, f"links.{place}.url")
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
        wanted.utm_campaign or utm_of_all(utm, wanted.name).get("utm_campaign", ""),
        wanted.holdout_percent,
        utm=utm.as_text(),
    )
    store.add_campaign(connection, campaign, links)
    record_about(connection, principal, Action.CAMPAIGN_CREATED, campaign)
    return LinkedCampaign(campaign, links, account.tracking_host), notices


def _with_utm(url: str, utm: Utm, name: str, label: str, place: int, field: str) -> str:
    led = with_utm(url, utm, name, label, place + 1)
    if len(led) > MAX_URL:
        raise BadField(field, TOO_LONG)
    return led


def set_sent_at(
    connection: sa.Connection, principal: Principal, campaign_id: str, sent_at: datetime | None
) -> LinkedCampaign:
    """Set the sending time of a campaign; clicks near it are judged again. Raises NotFound."""
    before = change_campaign(connection, principal, campaign_id)
    after = store.set_sent_at(connection, before, sent_at)
    record_change(connection, principal, Action.CAMPAIGN_CHANGED, before, after, ("sent_at",))
    return _with_links(connection, after)


def rename_campaign(connection: sa.Connection, principal: Principal, campaign_id: str, name: str) -> Campaign:
    """Change the name of a campaign, but not in its UTM parameters. Raises NotFound."""
    campaign = change_campaign(connection, principal, campaign_id)
    values = {"name": name, "utm": named_utm(campaign.utm, campaign.utm_name)}
    after = store.change_campaign(connection, campaign, values)
    record_change(connection, principal, Action.CAMPAIGN_CHANGED, campaign, after, ("name",))
    return after


def archive_campaign(
    connection: sa.Connection, principal: Principal, campaign_id: str, at: datetime | None
) -> Campaign:
    """Take a campaign out of the lists, or back into them if `at` is None. Its figures and links stay.

    Idempotent: a campaign keeps the time when it was first archived. Raises NotFound.
    """
    campaign = change_campaign(connection, principal, campaign_id)
    kept = campaign.archived_at if at is not None and campaign.archived_at is not None else at
    if kept != campaign.archived_at:
        action = Action.CAMPAIGN_RESTORED if kept is None else Action.CAMPAIGN_ARCHIVED
        record_about(connection, principal, action, campaign)
    return store.change_campaign(connection, campaign, {"archived_at": kept})


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

    Returns the changed link with its campaign, and the corrections of the new destination, which gets the UTM
    parameters of the campaign.
    Raises NotFound; BadDestination for a URL that `read_destination` refuses; BadField for what cannot change
    in a dynamic link.
    """
    change_campaign(connection, principal, campaign_id)
    values, notices = dict(changes), list[Notice]()
    if "url" in values:
        values["new_url"], notices = read_destination(values.pop("url"), click_parameter)
    campaign, before = see_link(connection, principal, campaign_id, link_id)
    if before.dynamic:
        if "url" in changes:
            raise BadField(
                "url", "cannot change: a dynamic link leads to the address that the e-mail gives it"
            )
        if "active" in changes and link_id != campaign_id:
            raise BadField("active", "cannot change for one page, only for the dynamic link of the campaign")
        lock_campaign(connection, principal, campaign_id, exclusive=True)
        add_dynamic_link(connection, campaign.emp_id, campaign_id)
    if "new_url" in values:
        ids = [link.id for link in store.links_of(connection, campaign_id)]
        named, place = values.get("label", before.label), ids.index(link_id)
        utm = read_utm(campaign.utm)
        values["new_url"] = _with_utm(values["new_url"], utm, campaign.utm_name, named, place, "url")
    after = store.change_link(connection, before, replace(before, **values), at)
    if after.sale_pixel != before.sale_pixel:
        store.switch_link(connection, campaign, link_id, after.sale_pixel)
    differs = differences(before, after, ("label", "new_url", "active", "sale_pixel"))
    name = after.label or after.destination
    record(connection, principal, campaign.emp_id, Action.LINK_CHANGED, link_id, name, differs)
    return replace(_with_links(connection, campaign), links=[after]), notices


def add_contacts(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    reported: Mapping[str, Mapping[str, Any]],
    at: datetime,
) -> ContactsStored:
    """Add or change contacts: reference -> `email` and `consent`, as far as reported.

    Addresses are stored only as keyed hashes. Erased people are not stored, under whichever reference. Raises
    NotAllowed or UnknownAccount.
    """
    target_account(connection, principal, emp_id)
    record(connection, principal, emp_id, Action.CONTACTS_CHANGED)
    return _store_contacts(connection, keys, emp_id, reported, at)


def _store_contacts(
    connection: sa.Connection,
    keys: Keys,
    emp_id: int,
    reported: Mapping[str, Mapping[str, Any]],
    at: datetime,
) -> ContactsStored:
    lock_account(connection, emp_id, exclusive=True)  # before the opt-outs are read
    opted_out = opted_out_by_reference(connection, emp_id, reported.keys())
    batch = []
    for ref, values in reported.items():
        hashes = keys.hash_address(emp_id, values["email"]) if "email" in values else (None, None)
        batch.append(Contact(ref, hashes[0], values.get("consent", ref not in opted_out), hashes[1]))
    erased = _erased(connection, keys, emp_id, batch, at)
    stored = store_contacts(connection, emp_id, [one for one in batch if one.ref not in erased], at)
    return ContactsStored(stored, erased)


def find_references(
    connection: sa.Connection, principal: Principal, keys: Keys, emp_id: int, who: str
) -> list[str]:
    """The references of stored contacts that a text names: as a reference, or as an e-mail address.

    Addresses are compared as their hashes. Raises NotFound.
    """
    see_account(connection, principal, emp_id)
    principal.require_contacts(emp_id)
    hashes = [keys.hash_email(emp_id, who)] if is_email(who) else []
    refs = [ref for ref in [normal_reference(who)] if ref]
    return sorted(find_contacts(connection, emp_id, refs, hashes))


def switch_tracking(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    ref: str,
    at: datetime,
    *,
    opted_out: bool,
) -> ContactsStored:
    """Opt a contact out of tracking, or in again with all references of the same address.

    A contact who is opted out (or in) already is left as it is. Raises NotFound, or BadField for a text that
    cannot be a reference.
    """
    change_account(connection, principal, emp_id)
    name = normal_reference(ref)
    if not name:
        raise BadField("contact", "must be a contact's reference")
    lock_account(connection, emp_id, exclusive=True)  # before the opt-outs are read
    refs = {name}
    if not opted_out:
        known = find_contacts(connection, emp_id, [name]).get(name)
        if known and known.email_hash:
            refs |= find_contacts(connection, emp_id, email_hashes=[known.email_hash]).keys()
    already = opted_out_by_reference(connection, emp_id, refs)
    refs = refs - already if opted_out else already
    if not refs:
        return ContactsStored(0, frozenset())
    found = _store_contacts(connection, keys, emp_id, {one: {"consent": not opted_out} for one in refs}, at)
    if found.stored:
        record(connection, principal, emp_id, Action.OPTED_OUT if opted_out else Action.OPTED_IN)
    return found


def _erased(
    connection: sa.Connection, keys: Keys, emp_id: int, batch: Sequence[Contact], at: datetime
) -> Set[str]:
    """The references of erased contacts; references found only by an erased address join the list, too."""
    traces = {contact.ref: traces_of_contact(contact) for contact in batch}
    found = erased_among(connection, keys, emp_id, {one for its in traces.values() for one in its})
    erased = {ref for ref, its in traces.items() if not found.keys().isdisjoint(its)}
    new = [Trace(Kind.CONTACT, name) for ref in erased for name in {ref, token_contact(ref)}]
    remember_erased(connection, keys, emp_id, new, at)
    return erased


def add_coupons(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    campaign_id: str,
    coupons: Sequence[tuple[str, str]],
    at: datetime,
) -> CouponsStored:
    """Store the coupon codes of a campaign, each with its only contact, or empty for everybody.

    A code that already belongs to another campaign or contact stays there. Raises NotFound.
    """
    # Before the list of the erased is read.
    campaign = lock_campaign(connection, principal, campaign_id, exclusive=True)
    refs = {contact for _, contact in coupons if contact}
    erased = erased_contacts(connection, keys, campaign.emp_id, refs).keys()
    batch = [Coupon(code, campaign_id, contact) for code, contact in coupons if contact not in erased]
    record_about(connection, principal, Action.COUPONS_ADDED, campaign)
    return CouponsStored(store_coupons(connection, campaign.emp_id, batch, at), erased)


def add_recipients(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    refs: Sequence[str],
    keys: Keys,
    at: datetime | None,
    sent_at: Mapping[str, datetime] | None = None,
) -> Split:
    """Add recipients to a campaign; returns who gets the e-mail and who does not, the same every time.

    `sent_at`: when contacts got the e-mail of a flow, as far as known. `at`: now; None for an import that
    began in time. Raises NotFound, or Conflict if the campaign has a control group and its attribution window
    has ended.
    """
    campaign = lock_campaign(connection, principal, campaign_id)
    known = get_contacts(connection, campaign.emp_id, refs)
    erased = erased_contacts(connection, keys, campaign.emp_id, refs)
    opted_out = [ref for ref in refs if ref in erased or (ref in known and not known[ref].consent)]
    before = recipients.assigned_recipients(connection, campaign_id, refs)
    new = set(refs).difference(opted_out, before)
    if new and at is not None:
        check_open(connection, principal, campaign_id, at)
    # By address, because contacts with the same address have the same orders.
    who = {ref: (known[ref].email_hash if ref in known else None) or ref for ref in new}
    lots = {ref: draw_lot(keys.holdout_secret, campaign_id, who[ref]) for ref in new}
    recipients.assign_recipients(connection, campaign_id, lots)
    recipients.set_sent_at(connection, campaign_id, sent_at or {})
    record_about(connection, principal, Action.RECIPIENTS_ADDED, campaign)
    out = {ref for ref, lot in (lots | before).items() if is_held_out(lot, campaign.holdout_percent)}
    return Split(
        mail=[ref for ref in refs if ref not in out],
        hold_out=[ref for ref in refs if ref in out],
        not_measured=opted_out,
    )


def check_open(connection: sa.Connection, principal: Principal, campaign_id: str, at: datetime) -> None:
    """Check that recipients can be added to a campaign. Raises NotFound, or Conflict as `add_recipients`."""
    campaign = see_campaign(connection, principal, campaign_id)
    account = get_account(connection, campaign.emp_id)
    is_over = account and campaign.sent_at is not None and at >= campaign.ends_at(account.policy)
    if campaign.holdout_percent and is_over:
        raise Conflict("campaign_over")


def switch_holdout(
    connection: sa.Connection, principal: Principal, campaign_id: str, percent: int, at: datetime
) -> Campaign:
    """Set the share of the control group, 0 to MAX_HOLDOUT percent; 0: no control group.

    Recipients that are listed already get their group at once. Raises NotFound, BadField, or Conflict if the
    e-mail was sent: then it may have reached people of the new control group.
    """
    campaign = lock_campaign(connection, principal, campaign_id, exclusive=True)
    if not 0 <= percent <= MAX_HOLDOUT:
        raise BadField("holdout_percent", f"must be 0 to {MAX_HOLDOUT}")
    if percent != campaign.holdout_percent:
        if store.is_sent(connection, campaign, at):
            raise Conflict("holdout_after_sending")
        recipients.set_share(connection, campaign_id, percent)
    after = see_campaign(connection, principal, campaign_id)
    record_change(connection, principal, Action.CAMPAIGN_CHANGED, campaign, after, ("holdout_percent",))
    return after


def set_sent_count(
    connection: sa.Connection, principal: Principal, campaign_id: str, count: int | None
) -> Campaign:
    """Set how many e-mails were sent, up to MAX_SENT; None: as many as its list says.

    Raises NotFound or BadField.
    """
    campaign = change_campaign(connection, principal, campaign_id)
    if count is not None and not 0 < count <= MAX_SENT:
        raise BadField("sent_count", f"must be 1 to {MAX_SENT}")
    after = store.set_sent_count(connection, campaign, count)
    record_change(connection, principal, Action.CAMPAIGN_CHANGED, campaign, after, ("sent_count",))
    return after


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
    """The pixels for an order's thank-you page; none if its visitor's click cannot get the credit.

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
