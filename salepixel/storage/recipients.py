"""Who was to get a campaign's mail, who was left out by lot, and what all of them bought."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from salepixel.attribution import Outcome, Reason
from salepixel.clicks import Verdict
from salepixel.holdout import Arm
from salepixel.storage.schema import clicks, contacts, decisions, orders, recipients
from salepixel.storage.upsert import insert

_NO_SALE = (Reason.CANCELLED, Reason.PIXEL_IS_NO_PROOF)


@dataclass
class Group:
    """One group of a campaign's recipients; `net` of all their orders by currency."""

    people: int = 0
    buyers: set[str] = field(default_factory=set)
    orders: int = 0
    net: dict[str, Decimal] = field(default_factory=dict)

    @property
    def arm(self) -> Arm:
        """The group as it is compared."""
        return Arm(self.people, len(self.buyers))


def assign_recipients(connection: sa.Connection, campaign_id: str, lots: Mapping[str, bool]) -> None:
    """Keep who is left out (True) and who is not; who was assigned before stays as they were."""
    rows = [
        {"campaign_id": campaign_id, "contact": contact, "held_out": out} for contact, out in lots.items()
    ]
    if rows:
        connection.execute(insert(connection, recipients).on_conflict_do_nothing(), rows)


def compare_groups(
    connection: sa.Connection, campaign_id: str, emp_id: int, since: datetime, until: datetime
) -> tuple[Group, Group]:
    """Those who were to be mailed and those who were left out, with all their paid orders of a time.

    An order is found by its address alone, of both groups in the same way: a click token could only be
    found of who got the mail.
    """
    groups = {False: Group(), True: Group()}
    ours = recipients.c.campaign_id == campaign_id
    counted = sa.select(recipients.c.held_out, sa.func.count()).where(ours).group_by(recipients.c.held_out)
    for held_out, people in connection.execute(counted):
        groups[bool(held_out)].people = people
    theirs = sa.and_(contacts.c.emp_id == emp_id, contacts.c.ref == recipients.c.contact)
    bought = sa.and_(
        orders.c.emp_id == emp_id,
        orders.c.email_hash == contacts.c.email_hash,
        orders.c.placed_at >= since,
        orders.c.placed_at < until,
    )
    decided = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)
    query = (
        sa.select(recipients.c.held_out, recipients.c.contact, orders.c.snapshot)
        .select_from(recipients.join(contacts, theirs).join(orders, bought).join(decisions, decided))
        .where(ours, decisions.c.outcome != Outcome.PENDING, decisions.c.reason.not_in(_NO_SALE))
    )
    for held_out, contact, snapshot in connection.execute(query):
        group, order = groups[bool(held_out)], json.loads(snapshot)
        net = Decimal(0) if order["cancelled"] else Decimal(order["total"]) - Decimal(order["refunded"])
        group.buyers.add(contact)
        group.orders += 1
        group.net[order["currency"]] = group.net.get(order["currency"], Decimal(0)) + net
    return groups[False], groups[True]


def count_contaminated(connection: sa.Connection, campaign_id: str) -> int:
    """How many who were left out clicked all the same: somebody forwarded the mail to them."""
    clicked = sa.and_(
        clicks.c.campaign_id == recipients.c.campaign_id,
        clicks.c.contact == recipients.c.contact,
        clicks.c.verdict != Verdict.MACHINE,
    )
    query = sa.select(sa.func.count(sa.distinct(recipients.c.contact))).select_from(
        recipients.join(clicks, clicked)
    )
    ours = sa.and_(recipients.c.campaign_id == campaign_id, recipients.c.held_out)
    return connection.scalar(query.where(ours)) or 0
