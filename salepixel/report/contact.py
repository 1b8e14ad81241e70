"""What is known of a contact: opt-out, clicks, orders and revenue, campaign by campaign."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from salepixel.campaigns.contacts import find_contacts, opted_out_by_reference
from salepixel.clicks.tokens import Click, token_contact
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import (
    buyers,
    campaigns,
    candidates,
    clickers,
    clicks,
    decisions,
    links,
    orders,
    recipients,
)
from salepixel.sums.buyers import net_by_contact, orders_by_contact
from salepixel.sums.clickers import clicks_of

NEWEST = 20
"""The clicks and orders that are shown."""

MOST_REFERENCES = 3
"""References of one customer of a shop. More are of a mailing list that was imported several times."""


@dataclass(frozen=True, slots=True)
class CampaignOfContact:
    """What a contact did in a campaign; `net` by currency."""

    campaign_id: str
    name: str
    human_clicks: int
    bot_clicks: int
    orders: int
    net: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class ClickOfContact:
    """A click of a contact; `at` is UTC, `label` that of its link, `campaign` the name."""

    at: datetime
    campaign_id: str
    campaign: str
    label: str
    verdict: str


@dataclass(frozen=True, slots=True)
class OrderOfContact:
    """An order with a click of a contact that counts; `placed_at` is UTC."""

    shop_id: str
    order_id: str
    number: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class ContactView:
    """A contact. `is_stored`: uploaded or reported; `has_address`: with an e-mail address.

    `others`: the references with the same address; `opted_out_by`: those of all that opted out.
    """

    ref: str
    is_stored: bool
    has_address: bool
    opted_out: bool
    others: list[str]
    opted_out_by: list[str]
    campaigns: list[CampaignOfContact]
    clicks: list[ClickOfContact]
    orders: list[OrderOfContact]

    @property
    def is_known(self) -> bool:
        """Whether anything is stored with the reference."""
        return bool(self.is_stored or self.campaigns or self.clicks or self.orders)

    @property
    def net(self) -> dict[str, Decimal]:
        """The net revenue of all campaigns, by currency."""
        found: dict[str, Decimal] = {}
        for one in self.campaigns:
            for currency, amount in one.net.items():
                found[currency] = found.get(currency, Decimal(0)) + amount
        return dict(sorted(found.items()))


def view_contact(connection: sa.Connection, emp_id: int, ref: str) -> ContactView:
    """What is stored with a reference; all empty for an unknown one."""
    found = find_contacts(connection, emp_id, [ref]).get(ref)
    same = found.email_hash if found else None
    refs = sorted(find_contacts(connection, emp_id, email_hashes=[same])) if same else [ref]
    names = sorted({ref, token_contact(ref)})  # a click has no room for a long reference
    return ContactView(
        ref,
        found is not None,
        same is not None,
        found is not None and not found.consent,
        [one for one in refs if one != ref],
        sorted(opted_out_by_reference(connection, emp_id, refs)),
        _campaigns(connection, emp_id, names),
        _clicks(connection, emp_id, names),
        _orders(connection, emp_id, names),
    )


def references_of_customer(connection: sa.Connection, emp_id: int, shop_id: str, customer: str) -> list[str]:
    """The contacts that a customer of a shop is, by the addresses and buyers of the newest orders.

    Not by the click that earned an order: somebody else may have clicked in the same browser.
    """
    decided = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)
    query = (
        sa.select(orders.c.email_hash, decisions.c.buyer)
        .select_from(orders.outerjoin(decisions, decided))
        .where(orders.c.shop_id == shop_id, orders.c.customer == customer)
        .order_by(orders.c.placed_at.desc())
        .limit(NEWEST)
    )
    rows = connection.execute(query).all() if customer else []
    hashes = {row.email_hash for row in rows} - {None}
    named = {row.buyer for row in rows} - {None, ""}
    return sorted(named | set(find_contacts(connection, emp_id, email_hashes=hashes)))[:MOST_REFERENCES]


def _campaigns(connection: sa.Connection, emp_id: int, names: Sequence[str]) -> list[CampaignOfContact]:
    """The campaigns of an account that a contact received, clicked or bought in, newest first."""
    found = [
        sa.exists().where(table.c.campaign_id == campaigns.c.id, table.c.contact.in_(names))
        for table in (clickers, buyers, recipients)
    ]
    query = sa.select(campaigns.c.id, campaigns.c.name).where(campaigns.c.emp_id == emp_id, sa.or_(*found))
    rows = connection.execute(query.order_by(campaigns.c.created_at.desc(), campaigns.c.id)).all()
    return [_campaign(connection, row.id, row.name, names) for row in rows]


def _campaign(
    connection: sa.Connection, campaign_id: str, name: str, names: Sequence[str]
) -> CampaignOfContact:
    clicked = clicks_of(connection, campaign_id, names).values()
    bought = orders_by_contact(connection, campaign_id, names).values()
    net: dict[str, Decimal] = {}
    for amounts in net_by_contact(connection, campaign_id, names).values():
        for currency, amount in amounts.items():
            net[currency] = net.get(currency, Decimal(0)) + amount
    human, bot = sum(human for human, _ in clicked), sum(bot for _, bot in clicked)
    return CampaignOfContact(campaign_id, name, human, bot, sum(bought), net)


def _clicks(connection: sa.Connection, emp_id: int, names: Sequence[str]) -> list[ClickOfContact]:
    c = clicks.c
    query = (
        sa.select(c.id, c.campaign_id, c.link_id, c.contact, c.verdict, campaigns.c.name, links.c.label)
        .select_from(
            clicks.outerjoin(campaigns, campaigns.c.id == c.campaign_id).outerjoin(
                links, links.c.id == c.link_id
            )
        )
        .where(c.emp_id == emp_id, is_one_of(connection, c.contact, names))
    )
    found = []
    for row in connection.execute(query.order_by(c.id.desc()).limit(NEWEST)):
        click = Click(row.id, emp_id, row.campaign_id, row.link_id, row.contact)
        found.append(
            ClickOfContact(click.clicked_at, row.campaign_id, row.name or "", row.label or "", row.verdict)
        )
    return found


def _orders(connection: sa.Connection, emp_id: int, names: Sequence[str]) -> list[OrderOfContact]:
    c = candidates.c
    decided = sa.and_(decisions.c.shop_id == c.shop_id, decisions.c.order_id == c.order_id)
    order = sa.and_(orders.c.shop_id == c.shop_id, orders.c.id == c.order_id)
    query = (
        sa.select(c.shop_id, c.order_id, orders.c.number, decisions.c.placed_at)
        .select_from(candidates.join(decisions, decided).join(orders, order))
        .where(c.emp_id == emp_id, c.contact.in_(names), c.contact != "", c.share > 0)
        .distinct()
    )
    newest = query.order_by(decisions.c.placed_at.desc(), c.shop_id, c.order_id).limit(NEWEST)
    return [OrderOfContact(*row) for row in connection.execute(newest)]
