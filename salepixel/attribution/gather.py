"""Gathers the evidence for orders, with one query per kind for all of them; decide.py judges it."""

from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from salepixel.accounts.policy import CLOCK_SKEW
from salepixel.accounts.store import Account
from salepixel.attribution.evidence import Evidence, Rung, named_buyer
from salepixel.attribution.other_orders import buyers_known_before
from salepixel.campaigns import contacts
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.contacts import Contact
from salepixel.campaigns.coupons import Coupon, find_coupons
from salepixel.clicks import hit_store as hits
from salepixel.clicks.hit_store import StoredHit
from salepixel.clicks.lookup import FoundClick, Span, find_clicks, newest_clicks
from salepixel.clicks.tokens import BadClickToken, Click, ClickSealer, is_digest, token_contact
from salepixel.orders.batches import Claim
from salepixel.orders.keys import OrderKey
from salepixel.orders.order import Order, RefundState
from salepixel.orders.refunds import refund_histories
from salepixel.orders.store import StoredOrder
from salepixel.shops.shop import Shop

MAX_CLICKS = 200
"""The limits of one order: the newest clicks of its likely buyers, and the newest hits that name it.
With 10,000 clicks an order took 388 ms, and its candidates 3.3 MB."""


@dataclass(frozen=True, slots=True)
class Named:
    """The clicks, hits and refunds that belong to an order by its id or number, whatever its buyer and time.

    `token_click`: the click of its token. `hits`: the pixel hits that name the order, or that it was made
    from. `pixel_clicks`: the clicks of their cookies. `clicks`: the stored clicks among these, by id.
    `no_sales_links`: links of clicks that are not stored, if they are not sales links. `clicks` and
    `no_sales_links` may also contain those of other orders. `history`: the refunds in its snapshots.
    """

    token_click: Click | None
    hits: Sequence[StoredHit]
    pixel_clicks: Sequence[Click]
    clicks: dict[bytes, FoundClick]
    no_sales_links: Collection[str]
    history: Sequence[RefundState]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All evidence for an order. `buyer`: the contact that the order's own evidence names, or empty.

    `clicks`: the stored clicks in the evidence, by id. `is_cut`: there are more than MAX_CLICKS clicks, and
    the older ones were left out.
    """

    evidence: tuple[Evidence, ...]
    invalid_token: bool
    buyer: str
    clicks: Mapping[bytes, FoundClick]
    is_cut: bool = False


def read_named(
    connection: sa.Connection,
    sealer: ClickSealer,
    account: Account,
    shops: Mapping[str, Shop],
    batch: Sequence[StoredOrder],
    claim: Claim | None = None,
) -> dict[OrderKey, Named]:
    """Read the clicks, hits and refunds that belong to orders of an account by name; `shops`: by id.

    `claim`: locks the contacts of the clicks that each order carries, before these clicks are read. Orders
    that it does not return are left out.
    """
    its_hits = _read_hits(connection, account, shops, batch)
    tokens = {stored.key: open_token(sealer, stored.order.click_token) for stored in batch}
    at_pixel = {key: _clicks_at(sealer, theirs[-MAX_CLICKS:]) for key, theirs in its_hits.items()}
    by_order = {key: [*at_pixel[key].values(), *([token] if token else [])] for key, token in tokens.items()}
    keys = list(tokens)
    if claim is not None:
        # A paid order makes its click human, and clicks of one contact are evidence for each other's orders.
        # An order that another worker is deciding is not stored as naming the contact yet.
        keys = claim(
            connection,
            {
                key: {("clicker", one.emp_id, one.contact or one.id) for one in theirs}
                for key, theirs in by_order.items()
            },
        )
    carried = {click.id: click for key in keys for click in by_order[key]}
    known = find_clicks(connection, sorted(carried))
    unknown = {click.link for click in carried.values() if click.id not in known}
    no_sales_links = campaigns.links_without_sales(connection, unknown)
    currencies = {stored.key: stored.order.currency for stored in batch}
    histories = refund_histories(connection, {key: currencies[key] for key in keys})
    return {
        key: Named(
            tokens[key], its_hits[key], tuple(at_pixel[key].values()), known, no_sales_links, histories[key]
        )
        for key in keys
    }


def _read_hits(
    connection: sa.Connection, account: Account, shops: Mapping[str, Shop], batch: Sequence[StoredOrder]
) -> dict[OrderKey, Sequence[StoredHit]]:
    """The hits of the pixel's own orders, and the hits that name other orders."""
    made = [stored for stored in batch if shops[stored.shop_id].platform == "pixel"]
    reported = [stored for stored in batch if shops[stored.shop_id].platform != "pixel"]
    found: dict[OrderKey, Sequence[StoredHit]] = {}
    if made:
        making = hits.hits_making(connection, account.emp_id, {stored.order.id for stored in made})
        found |= {stored.key: making[stored.order.id] for stored in made}
    if reported:
        names = {stored.key: (stored.order.id, stored.order.number) for stored in reported}
        naming = hits.hits_naming(connection, account.emp_id, set(names.values()))
        found |= {key: naming[name] for key, name in names.items()}
    return found


def _clicks_at(sealer: ClickSealer, some: Sequence[StoredHit]) -> dict[bytes, Click]:
    return {click.id: click for hit in some if (click := open_token(sealer, hit.click_token))}


def open_token(sealer: ClickSealer, token: str | None) -> Click | None:
    """The click of a token, None if it is not ours."""
    try:
        return sealer.open(token) if token else None
    except BadClickToken:
        return None


@dataclass(frozen=True, slots=True)
class _People:
    """The contacts that may have bought an order.

    `earlier`: contacts that earlier orders of the same customer name. `known`: stored data of these contacts,
    of the contacts that the order names, of the contacts with its e-mail address, and of contacts of other
    orders. `with_email`, `with_alias`: the contacts with its address, or with its mailbox if that counts.
    """

    order: Order
    earlier: Collection[str]
    with_coupon: Collection[str]
    known: Mapping[str, Contact]
    with_email: Sequence[str]
    with_alias: Sequence[str]

    def refs(self) -> dict[str, Rung]:
        """The likely buyers, apart from the order's own evidence: by customer, then by address."""
        by_alias, by_email = (
            dict.fromkeys(self.with_alias, Rung.ALIAS),
            dict.fromkeys(self.with_email, Rung.EMAIL),
        )
        return by_alias | by_email | dict.fromkeys(self.earlier, Rung.CUSTOMER)

    def agrees(self, ref: str) -> bool:
        """True if a contact has not opted out, or is unknown."""
        return ref not in self.known or self.known[ref].consent


@dataclass(frozen=True, slots=True)
class _Own:
    """The order's own evidence: the clicks that it carries, and its coupon code."""

    by_token: list[Evidence]
    by_coupon: list[Evidence]

    @property
    def all(self) -> list[Evidence]:
        return [*self.by_token, *self.by_coupon]


def gather_evidence(
    connection: sa.Connection,
    account: Account,
    batch: Sequence[StoredOrder],
    named: Mapping[OrderKey, Named],
) -> dict[OrderKey, Gathered]:
    """All evidence for each of these orders of an account, in the sequence in which decisions list it."""
    codes = {stored.order.voucher for stored in batch if stored.order.voucher}
    coupons = find_coupons(connection, account.emp_id, codes)
    own = {stored.key: _own(named[stored.key], coupons.get(stored.order.voucher)) for stored in batch}
    people = _read_people(connection, account, batch, own)
    own = {
        key: _Own(
            _with_contacts(account, people[key], its.by_token),
            _with_contacts(account, people[key], its.by_coupon),
        )
        for key, its in own.items()
    }
    refs = {key: theirs.refs() for key, theirs in people.items()}
    buyers = {key: named_buyer(account.emp_id, its.all) for key, its in own.items()}
    # Twice the window, so that the decision can say "outside the window" and not just "no click".
    longest = account.policy.evidence_window
    spans = [
        _span(longest, stored.order, {*refs[key], *people[key].with_coupon, buyers[key]} - {""})
        for key, stored in zip(own, batch, strict=True)
    ]
    clicked = newest_clicks(connection, account.emp_id, spans, MAX_CLICKS + 1)
    asked = [(stored.order.utm_campaign, stored.order.placed_at) for stored in batch]
    by_utm = campaigns.with_utm_campaign(connection, account.emp_id, asked)
    gathered = {}
    for stored, theirs, campaign in zip(batch, clicked, by_utm, strict=True):
        key, order, newest = stored.key, stored.order, theirs[-MAX_CLICKS:]
        by_name = [*own[key].by_token, *_with_clicks(own[key].by_coupon, newest)]
        carried = {one.click.id for one in by_name if one.click}
        found = by_name + _by_contact(people[key], refs[key], buyers[key], carried, newest)
        if campaign is not None:
            found.append(Evidence(Rung.CAMPAIGN, None, named_campaign=campaign))
        is_invalid = bool(order.click_token) and named[key].token_click is None
        is_cut = max(len(theirs), len(named[key].hits)) > MAX_CLICKS
        clicks = ChainMap({one.click.id: one for one in newest}, named[key].clicks)
        gathered[key] = Gathered(tuple(found), is_invalid, buyers[key], clicks, is_cut)
    return gathered


def _own(named: Named, coupon: Coupon | None) -> _Own:
    by_token = _by_token(named, Rung.TOKEN, [named.token_click] if named.token_click else [])
    by_token += _by_token(named, Rung.COOKIE, named.pixel_clicks)
    return _Own(by_token, _by_coupon(coupon))


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


def _by_coupon(coupon: Coupon | None) -> list[Evidence]:
    """The evidence of a coupon code: a campaign with a contact, or only a campaign."""
    if coupon is None:
        return []
    rung = Rung.COUPON if coupon.contact else Rung.CAMPAIGN
    return [Evidence(rung, None, named_campaign=coupon.campaign, named_contact=coupon.contact)]


def _with_clicks(by_coupon: Sequence[Evidence], theirs: Sequence[FoundClick]) -> list[Evidence]:
    """The evidence of a code, preceded by the contact's clicks in the campaign of the code."""
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
    batch: Sequence[StoredOrder],
    own: Mapping[OrderKey, _Own],
) -> dict[OrderKey, _People]:
    by_mailbox = account.policy.alias_match
    earlier = buyers_known_before(connection, batch)
    refs = {one.contact for its in own.values() for one in its.all if _is_of(account, one)}
    emails = {found for stored in batch if (found := stored.order.email_hash)}
    aliases = {found for stored in batch if by_mailbox and (found := stored.order.alias_hash)}
    known = contacts.find_contacts(connection, account.emp_id, refs.union(*earlier.values()), emails, aliases)
    with_email: dict[str | None, list[str]] = {}
    with_alias: dict[str | None, list[str]] = {}
    for ref, contact in known.items():
        with_email.setdefault(contact.email_hash or None, []).append(ref)
        with_alias.setdefault(contact.alias_hash or None, []).append(ref)
    with_email.pop(None, None)
    with_alias.pop(None, None)
    return {
        stored.key: _People(
            stored.order,
            earlier[stored.key],
            {one.contact for one in own[stored.key].by_coupon if one.rung is Rung.COUPON},
            known,
            with_email.get(stored.order.email_hash, []),
            with_alias.get(stored.order.alias_hash, []) if by_mailbox else [],
        )
        for stored in batch
    }


def _is_of(account: Account, one: Evidence) -> bool:
    """Whether evidence names a contact of this account. Other accounts may use the same references."""
    return bool(one.contact) and (one.click is None or one.click.emp_id == account.emp_id)


def _with_contacts(account: Account, people: _People, found: Iterable[Evidence]) -> list[Evidence]:
    """The evidence, with the consent of its contacts, and whether another contact probably bought."""
    buyers = {token_contact(ref) for ref in {*people.with_email, *people.earlier, *people.with_coupon}}
    evidence = []
    for one in found:
        if _is_of(account, one):
            contact = people.known.get(one.contact)
            # A personal coupon identifies the contact, whatever the order's address.
            by_browser = one.rung is not Rung.COUPON
            other = by_browser and contact is not None and _is_other_address(contact, people.order)
            shared = by_browser and bool(buyers) and token_contact(one.contact) not in buyers
            agreed = one.consent and people.agrees(one.contact)
            one = one._replace(consent=agreed, other_address=other, other_buyer=shared)
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
    theirs: Iterable[FoundClick],
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


def _span(before: timedelta, order: Order, refs: Collection[str]) -> Span:
    return Span(refs, order.placed_at - before, order.placed_at + CLOCK_SKEW)
