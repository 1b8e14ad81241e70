"""Lift: compares the orders of a campaign's recipients with those of its random holdout."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from salepixel.accounts.policy import Terms
from salepixel.accounts.store import Account, get_account
from salepixel.campaigns.holdout import Arm, Lift, lift
from salepixel.campaigns.store import Campaign
from salepixel.clicks.opt_outs import opted_out
from salepixel.orders.order import Order, RefundState
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.refunds import refund_history
from salepixel.orders.sold import sold_lines
from salepixel.orders.store import read_snapshot
from salepixel.storage.schema import clickers, contacts, decisions, orders, recipients

_NO_SALE = (Reason.CANCELLED, Reason.PIXEL_ONLY, Reason.REPLACEMENT)


@dataclass
class Group:
    """One group of a campaign's recipients. `net`: revenue of all their orders, by currency, by the account's
    terms.

    People are counted by e-mail address, because their orders are found by it. `without_address` and
    `opted_out` count the others; nothing else about these is counted.
    """

    people: int = 0
    without_address: int = 0
    opted_out: int = 0
    buyers: set[str] = field(default_factory=set)
    orders: int = 0
    net: dict[str, Decimal] = field(default_factory=dict)

    @property
    def arm(self) -> Arm:
        """The group as the statistics need it."""
        return Arm(self.people, len(self.buyers))

    def add(self, email_hash: str, order: Order, terms: Terms, history: Sequence[RefundState]) -> None:
        """Add an order of a person in this group; `history`: the amounts in its snapshots."""
        lines = sold_lines(order, terms, history)
        kept = sum((line.amount - line.refunded for line in lines), Decimal(0))
        self.buyers.add(email_hash)
        self.orders += 1
        self.net[order.currency] = self.net.get(order.currency, Decimal(0)) + kept


@dataclass(frozen=True, slots=True)
class Measured:
    """The measured lift of a campaign; `state`: whether it is complete, or why not."""

    state: str
    since: datetime | None = None
    until: datetime | None = None
    mailed: Group | None = None
    held_out: Group | None = None
    found: Lift | None = None
    contaminated: int = 0


def compare_groups(
    connection: sa.Connection, campaign_id: str, account: Account, since: datetime, until: datetime
) -> tuple[Group, Group]:
    """The mailed group and the random holdout, with all their orders in a period.

    Orders of both groups are found by e-mail address alone: only the mailed group could have click tokens.
    Contacts who opted out are in neither group.
    """
    groups = {False: Group(), True: Group()}
    theirs = sa.and_(contacts.c.emp_id == account.emp_id, contacts.c.ref == recipients.c.contact)
    consent = sa.func.coalesce(~opted_out(), sa.true())
    followed = sa.and_(recipients.c.campaign_id == campaign_id, consent)
    counted = sa.select(
        recipients.c.held_out,
        sa.func.count(sa.distinct(contacts.c.email_hash)).filter(consent),
        sa.func.count().filter(consent, contacts.c.email_hash.is_(None)),
        sa.func.count().filter(~consent),
    ).select_from(recipients.outerjoin(contacts, theirs))
    ours = counted.where(recipients.c.campaign_id == campaign_id)
    for held_out, *counts in connection.execute(ours.group_by(recipients.c.held_out)):
        groups[bool(held_out)] = Group(*counts)
    bought = sa.and_(
        orders.c.emp_id == account.emp_id,
        orders.c.email_hash == contacts.c.email_hash,
        orders.c.placed_at >= since,
        orders.c.placed_at < until,
    )
    decided = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)
    # Distinct: several contacts may have an order's address.
    query = (
        sa.select(
            recipients.c.held_out, orders.c.shop_id, orders.c.id, orders.c.email_hash, orders.c.snapshot
        )
        .distinct()
        .select_from(recipients.join(contacts, theirs).join(orders, bought).join(decisions, decided))
        .where(followed, decisions.c.outcome != Outcome.PENDING, decisions.c.reason.not_in(_NO_SALE))
    )
    for row in connection.execute(query):
        order = read_snapshot(row.snapshot)
        if not order.cancelled:
            # For a paid order without refunds, the newest snapshot is enough.
            is_whole = order.paid and not order.refunded
            history = [] if is_whole else refund_history(connection, row.shop_id, order)
            groups[bool(row.held_out)].add(row.email_hash, order, account.terms, history)
    return groups[False], groups[True]


def count_contaminated(connection: sa.Connection, campaign_id: str) -> int:
    """The number of people in the holdout who clicked: somebody forwarded the e-mail to them."""
    # Of the sums, because the clicks themselves may have ended.
    clicked = sa.and_(
        clickers.c.campaign_id == recipients.c.campaign_id,
        clickers.c.contact == recipients.c.contact,
        clickers.c.human + clickers.c.human_ended > 0,
    )
    query = sa.select(sa.func.count()).select_from(recipients.join(clickers, clicked))
    ours = sa.and_(recipients.c.campaign_id == campaign_id, recipients.c.held_out)
    return connection.scalar(query.where(ours)) or 0


def measure(connection: sa.Connection, campaign: Campaign, now: datetime) -> Measured:
    """Measure the lift of a campaign, as far as possible at `now`."""
    account = get_account(connection, campaign.emp_id)
    if not campaign.holdout_percent or campaign.sent_at is None or account is None:
        return Measured("not_sent" if campaign.holdout_percent else "no_holdout")
    since, until = campaign.sent_at, campaign.ends_at(account.policy)
    groups = compare_groups(connection, campaign.id, account, since, until)
    contaminated = count_contaminated(connection, campaign.id)
    found = lift(groups[0].arm, groups[1].arm)
    return Measured(_state(found, now, until, *groups), since, until, *groups, found, contaminated)


def _state(found: Lift | None, now: datetime, until: datetime, mailed: Group, held_out: Group) -> str:
    if found is None:
        return "no_addresses" if mailed.without_address + held_out.without_address else "nobody"
    if now < until + timedelta(days=1):  # one day for late payments and reports
        return "running"
    if not mailed.buyers and not held_out.buyers:
        return "nobody_bought"
    if not found.is_clear:
        return "not_enough_data"
    return "more" if found.difference > 0 else "less"
