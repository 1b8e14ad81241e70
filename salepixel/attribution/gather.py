"""Gathers the evidence for one order from all that is stored; decide.py judges it."""

from collections.abc import Collection, Iterable, Sequence
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
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import BadClickToken, Click, ClickSealer, is_digest, token_contact
from salepixel.orders.order import Order
from salepixel.orders.store import StoredOrder


@dataclass(frozen=True, slots=True)
class Gathered:
    """All evidence for an order; `buyer` is the contact whom the order's own evidence names, or empty."""

    evidence: tuple[Evidence, ...]
    invalid_token: bool
    buyer: str


def gather_evidence(
    connection: sa.Connection, sealer: ClickSealer, account: Account, stored: StoredOrder, *, from_pixel: bool
) -> Gathered:
    """All evidence for an order; `from_pixel` when it is made of pixel hits alone."""
    order = stored.order
    token_click = open_token(sealer, order.click_token)
    found = _by_token(connection, Rung.TOKEN, [token_click] if token_click else [])
    found += _by_token(
        connection, Rung.COOKIE, _clicks_at_pixel(connection, sealer, account, order, from_pixel)
    )
    found += _by_coupon(connection, account, order)
    found = _with_contacts(connection, account, stored, found)
    buyer = named_buyer(account.emp_id, found)
    found += _by_contact(connection, account, stored, buyer, {e.click.id for e in found if e.click})
    found += _by_utm(connection, account, order)
    return Gathered(tuple(found), bool(order.click_token) and token_click is None, buyer)


def open_token(sealer: ClickSealer, token: str | None) -> Click | None:
    """The click of a token, None for what is none of ours."""
    try:
        return sealer.open(token) if token else None
    except BadClickToken:
        return None


def _clicks_at_pixel(
    connection: sa.Connection, sealer: ClickSealer, account: Account, order: Order, from_pixel: bool
) -> list[Click]:
    its_hits = (
        hits.hits_making(connection, account.emp_id, order.id)
        if from_pixel
        else hits.hits_naming(connection, account.emp_id, order.id, order.number)
    )
    return list({c.id: c for hit in its_hits if (c := open_token(sealer, hit.click_token))}.values())


def _by_token(connection: sa.Connection, rung: Rung, opened: Sequence[Click]) -> list[Evidence]:
    known = clicks.get_clicks(connection, [click.id for click in opened])
    evidence = []
    for click in opened:
        found = known.get(click.id)
        if found is None:
            evidence.append(Evidence(rung, click, sale_pixel=campaigns.link_sells(connection, click.link)))
        else:
            # The stored click is nobody's when its contact refused; the token still says whose it was, unless
            # it has the digest of a long reference, by which nobody is found.
            refused = not found.click.contact and is_digest(click.contact)
            whole = found.click if found.click.contact else found.click._replace(contact=click.contact)
            evidence.append(Evidence(rung, whole, found.verdict, found.sale_pixel, consent=not refused))
    return evidence


def _by_coupon(connection: sa.Connection, account: Account, order: Order) -> list[Evidence]:
    coupon = find_coupon(connection, account.emp_id, order.voucher) if order.voucher else None
    if coupon is None:
        return []
    rung = Rung.COUPON if coupon.contact else Rung.CAMPAIGN
    named = Evidence(rung, None, named_campaign=coupon.campaign, named_contact=coupon.contact)
    if not coupon.contact:
        return [named]
    theirs = _clicks_of(connection, account, order, [coupon.contact])
    in_campaign = [one for one in theirs if one.click.campaign == coupon.campaign]
    return [Evidence(rung, one.click, one.verdict, one.sale_pixel) for one in in_campaign] + [named]


def _with_contacts(
    connection: sa.Connection, account: Account, stored: StoredOrder, found: Iterable[Evidence]
) -> list[Evidence]:
    """The same evidence with what its contacts consented to, and whether somebody else seems to buy."""
    found, order = list(found), stored.order
    buyers = {contact.ref for contact in contacts.with_email(connection, account.emp_id, order.email_hash)}
    buyers.update(buyers_known_before(connection, stored))
    buyers.update(one.contact for one in found if one.rung is Rung.COUPON)
    ours = [one for one in found if one.contact and (one.click is None or one.click.emp_id == account.emp_id)]
    known = contacts.get_contacts(connection, account.emp_id, {one.contact for one in ours})
    tokens_of_buyers = {token_contact(ref) for ref in buyers}
    evidence = []
    for one in found:
        if one in ours:
            contact = known.get(one.contact)
            # Who has a coupon of his own need not have the order's address.
            by_browser = one.rung is not Rung.COUPON
            other = by_browser and contact is not None and _is_other_address(contact, order)
            shared = by_browser and bool(buyers) and token_contact(one.contact) not in tokens_of_buyers
            agreed = one.consent and (contact is None or contact.consent)
            one = replace(one, consent=agreed, other_address=other, other_buyer=shared)
        evidence.append(one)
    return evidence


def _is_other_address(contact: Contact, order: Order) -> bool:
    if not contact.email_hash or not order.email_hash or contact.email_hash == order.email_hash:
        return False
    return contact.alias_hash is None or contact.alias_hash != order.alias_hash


def _by_contact(
    connection: sa.Connection, account: Account, stored: StoredOrder, buyer: str, named: Collection[bytes]
) -> list[Evidence]:
    """Clicks of whom the order is known to be: by the shop's customer, by address, by its own evidence."""
    order, refs = stored.order, dict[str, Rung]()
    for ref in buyers_known_before(connection, stored):
        refs[ref] = Rung.CUSTOMER
    for contact in contacts.with_email(connection, account.emp_id, order.email_hash):
        refs.setdefault(contact.ref, Rung.EMAIL)
    if account.policy.alias_match:
        for contact in contacts.with_alias(connection, account.emp_id, order.alias_hash):
            refs.setdefault(contact.ref, Rung.ALIAS)
    by_address = {ref for ref, rung in refs.items() if rung is not Rung.CUSTOMER}
    everybody = contacts.get_contacts(connection, account.emp_id, {*refs, buyer} - {""})
    consent = {ref: contact.consent for ref, contact in everybody.items()}
    evidence = []
    for one in _clicks_of(connection, account, order, [*refs, *({buyer} - {"", *refs})]):
        rung = refs.get(one.click.contact)
        if one.click.contact == buyer and one.click.id not in named:
            rung = Rung.CUSTOMER  # the order itself says who bought, and this is what they clicked too
        if rung:
            agreed = consent.get(one.click.contact, True)
            evidence.append(Evidence(rung, one.click, one.verdict, one.sale_pixel, consent=agreed))
    refused = sorted(ref for ref in by_address if not consent.get(ref, True))
    return evidence + [Evidence(refs[ref], None, named_contact=ref, consent=False) for ref in refused]


def _by_utm(connection: sa.Connection, account: Account, order: Order) -> list[Evidence]:
    named = campaigns.with_utm_campaign(connection, account.emp_id, order.utm_campaign, order.placed_at)
    return [Evidence(Rung.CAMPAIGN, None, named_campaign=campaign) for campaign in named]


def _clicks_of(
    connection: sa.Connection, account: Account, order: Order, refs: Sequence[str]
) -> list[clicks.StoredClick]:
    # Twice the window, so that the decision can say "outside the window" and not just "no click".
    since = order.placed_at - 2 * account.policy.longest_window
    until = order.placed_at + CLOCK_SKEW
    return clicks.clicks_of_contacts(connection, account.emp_id, refs, since, until)
