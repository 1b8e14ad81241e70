"""Lift: compares the orders of a campaign's recipients with those of its random holdout."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.policy import Terms
from salepixel.accounts.store import Account, get_account
from salepixel.campaigns.holdout import Arm, Lift, lift
from salepixel.campaigns.recipients import in_control_group
from salepixel.campaigns.store import Campaign
from salepixel.clicks.opt_outs import opted_out
from salepixel.computations.work import Json, Progress, Task, Tools
from salepixel.orders.order import Order, RefundState
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.refunds import refund_history
from salepixel.orders.sold import sold_lines
from salepixel.orders.store import read_snapshot
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import clickers, contacts, decisions, orders, recipients

KIND = "lift"

RECIPIENTS_AT_ONCE = 500
"""The recipients of one step, which takes 30 ms."""

SMALL_RECIPIENTS = 500
"""With at most so many recipients, the groups are compared at once, without the worker."""

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
    buyers: int = 0
    orders: int = 0
    net: dict[str, Decimal] = field(default_factory=dict)

    @property
    def arm(self) -> Arm:
        """The group as the statistics need it."""
        return Arm(self.people, self.buyers)

    def add(self, order: Order, terms: Terms, history: Sequence[RefundState]) -> None:
        """Add an order of a person in this group; `history`: the amounts in its snapshots."""
        lines = sold_lines(order, terms, history)
        kept = sum((line.amount - line.refunded for line in lines), Decimal(0))
        self.orders += 1
        self.net[order.currency] = self.net.get(order.currency, Decimal(0)) + kept

    def as_json(self) -> dict[str, Any]:
        """For the next step of a computation."""
        return asdict(self) | {"net": {currency: str(net) for currency, net in self.net.items()}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Group":
        """The object that `as_json` wrote."""
        net = {currency: Decimal(text) for currency, text in content["net"].items()}
        return cls(**{**content, "net": net})


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


@dataclass
class Groups:
    """The mailed group and the random holdout, and how many people of the holdout clicked anyway."""

    mailed: Group = field(default_factory=Group)
    held_out: Group = field(default_factory=Group)
    contaminated: int = 0

    def as_json(self) -> Json:
        """For the next step of a computation."""
        both = {"mailed": self.mailed.as_json(), "held_out": self.held_out.as_json()}
        return {**both, "contaminated": self.contaminated}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Groups":
        """The object that `as_json` wrote."""
        mailed, held_out = (Group.from_json(content[name]) for name in ("mailed", "held_out"))
        return cls(mailed, held_out, content["contaminated"])


def is_small(connection: sa.Connection, campaign_id: str) -> bool:
    """Whether a campaign's groups are so small that they are compared at once."""
    some = sa.select(recipients.c.contact).where(recipients.c.campaign_id == campaign_id)
    counted = sa.select(sa.func.count()).select_from(some.limit(SMALL_RECIPIENTS + 1).subquery())
    return (connection.scalar(counted) or 0) <= SMALL_RECIPIENTS


def parameters_of(campaign: Campaign, account: Account) -> dict[str, str] | None:
    """What is compared; None if the campaign has no holdout, or was not sent."""
    if not campaign.holdout_percent or campaign.sent_at is None:
        return None
    since, until = campaign.sent_at, campaign.ends_at(account.policy)
    return {"campaign": campaign.id, "since": since.isoformat(), "until": until.isoformat()}


def step(connection: sa.Connection, tools: Tools, task: Task, place: Json) -> Progress:
    """One step: the next recipients, with their orders."""
    account, given = get_account(connection, task.emp_id), task.parameters
    if account is None:
        raise LookupError(f"no account {task.emp_id}")
    found = Groups.from_json(place["groups"]) if place else Groups()
    ours = recipients.c.campaign_id == given["campaign"]
    counted = sa.select(sa.func.count()).select_from(recipients).where(ours)
    total = place.get("total") or connection.scalar(counted) or 0
    people = _next_recipients(connection, account, given["campaign"], place.get("after", ""))
    since, until = (datetime.fromisoformat(given[name]) for name in ("since", "until"))
    _add(connection, found, given["campaign"], people, account, since, until)
    done = place.get("done", 0) + len(people)
    if len(people) < RECIPIENTS_AT_ONCE:
        return Progress(None, done, done, result=found.as_json())
    after = {"groups": found.as_json(), "after": people[-1].contact, "done": done, "total": total}
    return Progress(after, done, max(done, total))


def compare_groups(
    connection: sa.Connection, campaign_id: str, account: Account, since: datetime, until: datetime
) -> Groups:
    """The mailed group and the random holdout, with all their orders in a period.

    Orders of both groups are found by e-mail address alone: only the mailed group could have click tokens.
    Contacts who opted out are in neither group.
    """
    found, after = Groups(), ""
    while people := _next_recipients(connection, account, campaign_id, after):
        _add(connection, found, campaign_id, people, account, since, until)
        after = people[-1].contact
    return found


def _next_recipients(
    connection: sa.Connection, account: Account, campaign_id: str, after: str
) -> Sequence[sa.Row[Any]]:
    """Recipients with their address, and whether they opted out or clicked."""
    theirs = sa.and_(contacts.c.emp_id == account.emp_id, contacts.c.ref == recipients.c.contact)
    # Read from the sums, because retention may have deleted the clicks.
    clicked = sa.exists().where(
        clickers.c.campaign_id == recipients.c.campaign_id,
        clickers.c.contact == recipients.c.contact,
        clickers.c.human + clickers.c.human_ended > 0,
    )
    query = (
        sa.select(
            recipients.c.contact,
            in_control_group(campaign_id).label("held_out"),
            contacts.c.email_hash,
            sa.func.coalesce(opted_out(), sa.false()).label("is_opted_out"),
            clicked.label("has_clicked"),
        )
        .select_from(recipients.outerjoin(contacts, theirs))
        .where(recipients.c.campaign_id == campaign_id, recipients.c.contact > after)
    )
    return connection.execute(query.order_by(recipients.c.contact).limit(RECIPIENTS_AT_ONCE)).all()


def _counted_before(
    connection: sa.Connection, account: Account, campaign_id: str, people: Sequence[sa.Row[Any]]
) -> set[tuple[str, bool]]:
    """The recipients among these, with their group, whose address already counts in their group."""
    ours = {one.contact for one in people}
    addresses = {one.email_hash for one in people if one.email_hash}
    c, r = contacts.c, recipients.c
    same = sa.select(c.ref, c.email_hash).where(
        c.emp_id == account.emp_id, is_one_of(connection, c.email_hash, addresses)
    )
    refs: dict[str, list[str]] = {}
    for row in connection.execute(same):
        refs.setdefault(row.email_hash, []).append(row.ref)
    several = {ref for its in refs.values() if len(its) > 1 for ref in its}
    if not several:
        return set()
    # Two queries: SQLite would look for the address among all recipients of the campaign.
    named = sa.select(r.contact, in_control_group(campaign_id).label("held_out")).where(
        r.campaign_id == campaign_id, is_one_of(connection, r.contact, several)
    )
    held_out = {row.contact: bool(row.held_out) for row in connection.execute(named)}
    found = set()
    for its in refs.values():
        for group in (False, True):
            # Which recipient counts does not matter, but it must be the same one in each step.
            in_group = [ref for ref in its if held_out.get(ref) is group]
            found |= {(ref, group) for ref in in_group if ref in ours and ref != min(in_group)}
    return found


def _add(
    connection: sa.Connection,
    found: Groups,
    campaign_id: str,
    people: Sequence[sa.Row[Any]],
    account: Account,
    since: datetime,
    until: datetime,
) -> None:
    by_address: dict[str, list[Group]] = {}
    counted_before = _counted_before(connection, account, campaign_id, people)
    for one in people:
        group = found.held_out if one.held_out else found.mailed
        found.contaminated += bool(one.held_out and one.has_clicked)
        if one.is_opted_out:
            group.opted_out += 1
        elif one.email_hash is None:
            group.without_address += 1
        elif (one.contact, bool(one.held_out)) not in counted_before:
            group.people += 1
            by_address.setdefault(one.email_hash, []).append(group)
    buyers = set()
    for row in connection.execute(_orders_of(connection, account, by_address, since, until)):
        order = read_snapshot(row.snapshot)
        if not order.cancelled:
            # For a paid order without refunds, the newest snapshot is enough.
            is_whole = order.paid and not order.refunded
            history = [] if is_whole else refund_history(connection, row.shop_id, order)
            buyers.add(row.email_hash)
            for group in by_address[row.email_hash]:
                group.add(order, account.terms, history)
    for address in buyers:
        for group in by_address[address]:
            group.buyers += 1


def _orders_of(
    connection: sa.Connection, account: Account, addresses: Collection[str], since: datetime, until: datetime
) -> sa.Select[Any]:
    decided = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)
    return (
        sa.select(orders.c.shop_id, orders.c.email_hash, orders.c.snapshot)
        .select_from(orders.join(decisions, decided))
        .where(
            orders.c.emp_id == account.emp_id,
            is_one_of(connection, orders.c.email_hash, addresses),
            orders.c.placed_at >= since,
            orders.c.placed_at < until,
            decisions.c.outcome != Outcome.PENDING,
            decisions.c.reason.not_in(_NO_SALE),
        )
    )


def not_measured(campaign: Campaign) -> Measured:
    """Why there is nothing to compare."""
    return Measured("not_sent" if campaign.holdout_percent else "no_holdout")


def read_measured(parameters: Mapping[str, str], now: datetime, result: Mapping[str, Any]) -> Measured:
    """The lift, as far as it can be measured at `now`. `result`: of the last step."""
    groups = Groups.from_json(result)
    since, until = (datetime.fromisoformat(parameters[name]) for name in ("since", "until"))
    both = groups.mailed, groups.held_out
    found = lift(*(group.arm for group in both))
    return Measured(_state(found, now, until, *both), since, until, *both, found, groups.contaminated)


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
