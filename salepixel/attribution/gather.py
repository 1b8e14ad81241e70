"""Gathers the evidence for one order: each thing is read once, then decide.py judges it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from salepixel.accounts.policy import CLOCK_SKEW
from salepixel.accounts.store import Account
from salepixel.attribution.decisions import buyers_known_before
from salepixel.attribution.evidence import Evidence, Rung, named_buyer
from salepixel.campaigns import contacts
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.contacts import Contact
from salepixel.campaigns.coupons import find_coupon
from salepixel.clicks import hit_store as hits
from salepixel.clicks.hit_store import StoredHit
from salepixel.clicks.store import StoredClick, clicks_of_contacts, get_clicks
from salepixel.clicks.tokens import BadClickToken, Click, ClickSealer, is_digest, token_contact
from salepixel.orders.order import Order, RefundState
from salepixel.orders.refunds import refund_history
from salepixel.orders.store import StoredOrder


@dataclass(frozen=True, slots=True)
class Named:
    """What is stored under the name of an order, whatever its buyer and time.

    `token_click`: the click of its token. `hits`: the pixel hits that name the order, or that it is made of.
    `pixel_clicks`: the clicks of their cookies. `clicks`: the stored ones of all these clicks, by id.
    `no_sales_links`: the links of the clicks that are not stored, if they are not sales links. `history`:
    the refunds in its snapshots.
    """

    token_click: Click | None
    hits: Sequence[StoredHit]
    pixel_clicks: Sequence[Click]
    clicks: Mapping[bytes, StoredClick]
    no_sales_links: Collection[str]
    history: Sequence[RefundState]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All evidence for an order. `buyer`: the contact that the order's own evidence names, or empty.

    `clicks`: those in the evidence that are stored, by id.
    """

    evidence: tuple[Evidence, ...]
    invalid_token: bool
    buyer: str
    clicks: Mapping[bytes, StoredClick]


def read_named(
    connection: sa.Connection, sealer: ClickSealer, account: Account, stored: StoredOrder, *, from_pixel: bool
) -> Named:
    """Read what is stored under the name of an order. `from_pixel`: it is made of pixel hits only."""
    order = stored.order
    token_click = open_token(sealer, order.click_token)
    its_hits = (
        hits.hits_making(connection, account.emp_id, order.id)
        if from_pixel
        else hits.hits_naming(connection, account.emp_id, order.id, order.number)
    )
    at_pixel = {c.id: c for hit in its_hits if (c := open_token(sealer, hit.click_token))}
    carried = at_pixel | ({token_click.id: token_click} if token_click else {})
    known = get_clicks(connection, sorted(carried))
    unknown = {click.link for click in carried.values() if click.id not in known}
    no_sales_links = campaigns.links_without_sales(connection, unknown)
    history = refund_history(connection, stored.shop_id, order)
    return Named(token_click, its_hits, tuple(at_pixel.values()), known, no_sales_links, history)


def open_token(sealer: ClickSealer, token: str | None) -> Click | None:
    """The click of a token, None if it is not ours."""
    try:
        return sealer.open(token) if token else None
    except BadClickToken:
        return None


@dataclass(frozen=True, slots=True)
class _People:
    """The contacts who may have bought an order.

    `earlier`: contacts that earlier orders of the same customer name. `known`: stored data of these contacts,
    of the contacts that the order names, and of the contacts with its e-mail address.
    """

    order: Order
    earlier: Collection[str]
    with_coupon: Collection[str]
    known: Mapping[str, Contact]
    alias_match: bool

    def refs(self) -> dict[str, Rung]:
        """The likely buyers, apart from the order's own evidence: by customer, then by address."""
        found = dict.fromkeys(self.earlier, Rung.CUSTOMER)
        for ref in self.with_email():
            found.setdefault(ref, Rung.EMAIL)
        if self.alias_match and self.order.alias_hash:
            for ref, contact in self.known.items():
                if contact.alias_hash == self.order.alias_hash:
                    found.setdefault(ref, Rung.ALIAS)
        return found

    def with_email(self) -> list[str]:
        """The contacts with the order's e-mail address."""
        address = self.order.email_hash
        return [ref for ref, contact in self.known.items() if address and contact.email_hash == address]

    def agrees(self, ref: str) -> bool:
        """True if a contact has not opted out, or is unknown."""
        return ref not in self.known or self.known[ref].consent


def gather_evidence(
    connection: sa.Connection, account: Account, stored: StoredOrder, named: Named
) -> Gathered:
    """All evidence for an order, in the sequence in which its decision lists it."""
    order, token_click = stored.order, named.token_click
    by_token = _by_token(named, Rung.TOKEN, [token_click] if token_click else [])
    by_token += _by_token(named, Rung.COOKIE, named.pixel_clicks)
    by_coupon = _by_coupon(connection, account, order)
    people = _read_people(connection, account, stored, by_token, by_coupon)
    by_token = _with_contacts(account, people, by_token)
    by_coupon = _with_contacts(account, people, by_coupon)
    buyer = named_buyer(account.emp_id, [*by_token, *by_coupon])
    refs = people.refs()
    theirs = _clicks_of(connection, account, order, {*refs, *people.with_coupon, buyer} - {""})
    by_coupon = _with_clicks(by_coupon, theirs)
    by_name = [*by_token, *by_coupon]
    carried = {one.click.id for one in by_name if one.click}
    found = by_name + _by_contact(people, refs, buyer, carried, theirs) + _by_utm(connection, account, order)
    clicks = {**named.clicks, **{one.click.id: one for one in theirs}}
    return Gathered(tuple(found), bool(order.click_token) and token_click is None, buyer, clicks)


def _by_token(named: Named, rung: Rung, opened: Sequence[Click]) -> list[Evidence]:
    evidence = []
    for click in opened:
        found = named.clicks.get(click.id)
        if found is None:
            evidence.append(Evidence(rung, click, sale_pixel=click.link not in named.no_sales_links))
        else:
            # If the contact opted out, the stored click has no contact. The token still has the contact,
            # unless the reference was too long: then it has a digest, which finds no contact.
            is_opted_out = not found.click.contact and is_digest(click.contact)
            whole = found.click if found.click.contact else found.click._replace(contact=click.contact)
            evidence.append(Evidence(rung, whole, found.verdict, found.sale_pixel, consent=not is_opted_out))
    return evidence


def _by_coupon(connection: sa.Connection, account: Account, order: Order) -> list[Evidence]:
    """The evidence of the order's coupon code: a campaign with a contact, or only a campaign."""
    coupon = find_coupon(connection, account.emp_id, order.voucher) if order.voucher else None
    if coupon is None:
        return []
    rung = Rung.COUPON if coupon.contact else Rung.CAMPAIGN
    return [Evidence(rung, None, named_campaign=coupon.campaign, named_contact=coupon.contact)]


def _with_clicks(by_coupon: Sequence[Evidence], theirs: Sequence[StoredClick]) -> list[Evidence]:
    """The same evidence, preceded by the contact's clicks in the campaign of the code."""
    evidence = []
    for one in by_coupon:
        for of in theirs if one.rung is Rung.COUPON else ():
            if (of.click.contact, of.click.campaign) == (one.named_contact, one.named_campaign):
                evidence.append(Evidence(one.rung, of.click, of.verdict, of.sale_pixel, consent=one.consent))
        evidence.append(one)
    return evidence


def _read_people(
    connection: sa.Connection,
    account: Account,
    stored: StoredOrder,
    by_token: Sequence[Evidence],
    by_coupon: Sequence[Evidence],
) -> _People:
    order = stored.order
    earlier = buyers_known_before(connection, stored)
    ours = {one.contact for one in (*by_token, *by_coupon) if _is_of(account, one)}
    alias = order.alias_hash if account.policy.alias_match else None
    known = contacts.find_contacts(connection, account.emp_id, {*earlier, *ours}, order.email_hash, alias)
    with_coupon = {one.contact for one in by_coupon if one.rung is Rung.COUPON}
    return _People(order, earlier, with_coupon, known, account.policy.alias_match)


def _is_of(account: Account, one: Evidence) -> bool:
    """Whether evidence names a contact of this account. Other accounts may use the same references."""
    return bool(one.contact) and (one.click is None or one.click.emp_id == account.emp_id)


def _with_contacts(account: Account, people: _People, found: Iterable[Evidence]) -> list[Evidence]:
    """The same evidence with the consent of its contacts, and whether another contact probably bought."""
    buyers = {token_contact(ref) for ref in {*people.with_email(), *people.earlier, *people.with_coupon}}
    evidence = []
    for one in found:
        if _is_of(account, one):
            contact = people.known.get(one.contact)
            # A personal coupon identifies the contact, whatever the order's address.
            by_browser = one.rung is not Rung.COUPON
            other = by_browser and contact is not None and _is_other_address(contact, people.order)
            shared = by_browser and bool(buyers) and token_contact(one.contact) not in buyers
            agreed = one.consent and people.agrees(one.contact)
            one = replace(one, consent=agreed, other_address=other, other_buyer=shared)
        evidence.append(one)
    return evidence


def _is_other_address(contact: Contact, order: Order) -> bool:
    if not contact.email_hash or not order.email_hash or contact.email_hash == order.email_hash:
        return False
    return contact.alias_hash is None or contact.alias_hash != order.alias_hash


def _by_contact(
    people: _People,
    refs: Mapping[str, Rung],
    buyer: str,
    carried: Collection[bytes],
    theirs: Iterable[StoredClick],
) -> list[Evidence]:
    """Clicks of the likely buyers: by the customer, by the address, by the order's own evidence."""
    evidence = []
    for one in theirs:
        rung = refs.get(one.click.contact)
        if one.click.contact == buyer and one.click.id not in carried:
            rung = Rung.CUSTOMER  # the order itself names the buyer, so the buyer's other clicks count, too
        if rung:
            agreed = people.agrees(one.click.contact)
            evidence.append(Evidence(rung, one.click, one.verdict, one.sale_pixel, consent=agreed))
    opted_out = sorted(
        ref for ref, rung in refs.items() if rung is not Rung.CUSTOMER and not people.agrees(ref)
    )
    return evidence + [Evidence(refs[ref], None, named_contact=ref, consent=False) for ref in opted_out]


def _by_utm(connection: sa.Connection, account: Account, order: Order) -> list[Evidence]:
    named = campaigns.with_utm_campaign(connection, account.emp_id, order.utm_campaign, order.placed_at)
    return [Evidence(Rung.CAMPAIGN, None, named_campaign=campaign) for campaign in named]


def _clicks_of(
    connection: sa.Connection, account: Account, order: Order, refs: Collection[str]
) -> list[StoredClick]:
    # Twice the window, so that the decision can say "outside the window" and not just "no click".
    since = order.placed_at - 2 * account.policy.longest_window
    until = order.placed_at + CLOCK_SKEW
    return clicks_of_contacts(connection, account.emp_id, sorted(refs), since, until)
