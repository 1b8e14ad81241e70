"""Policies: versions of an account's attribution settings, previews of changes, and closed months."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.store import POLICY, Account, change_account, keep_policy, lock_account
from salepixel.attribution.decisions import get_decisions
from salepixel.attribution.gather import read_named
from salepixel.attribution.judge import NOTHING_SWITCHED, is_closed, judge_orders
from salepixel.attribution.sale_store import sales_of_orders
from salepixel.attribution.sales import Sale
from salepixel.clicks.tokens import ClickSealer
from salepixel.money.amounts import from_minor, to_minor
from salepixel.money.rates import Rates
from salepixel.orders.queue import attempts_of, count_due
from salepixel.orders.requeue import DueReason, requeue_orders_of_open_months
from salepixel.orders.store import OrderPlace, orders_from
from salepixel.shops.store import list_shops
from salepixel.storage.schema import policies


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A current or earlier policy."""

    version: int
    window_days: int
    model: str
    alias_match: bool
    campaign_windows: Mapping[str, int]
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """The effect of a changed policy on one order; amounts by campaign in minor units, without zeros.

    `differs`: which of `campaign`, `contact`, `click` and `amount` change.
    """

    shop_id: str
    order_id: str
    number: str
    placed_at: datetime
    currency: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    reason: str
    differs: tuple[str, ...] = ()


_Credit = dict[tuple[str, str, bytes], int]
"""The credited amounts of an order, by campaign, contact and click."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of a changed policy on a page of orders. `older`: the place of the next, older page."""

    examined: int
    moves: list[Move]
    older: OrderPlace | None


@dataclass(frozen=True, slots=True)
class Sum:
    """The amount of a campaign in the affected orders, in one currency, before and after."""

    campaign: str
    currency: str
    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        """The change; negative if the campaign loses credit."""
        return self.after - self.before


def list_policies(connection: sa.Connection, emp_id: int) -> list[PolicyVersion]:
    """All versions of an account's policy, newest first."""
    columns = [policies.c[name] for name in ("version", *POLICY, "applied_at")]
    query = sa.select(*columns).where(policies.c.emp_id == emp_id).order_by(policies.c.version.desc())
    return [
        PolicyVersion(r.version, r.window_days, r.model, r.alias_match, json.loads(r.campaign_windows), r[-1])
        for r in connection.execute(query)
    ]


def with_policy(account: Account, changes: Mapping[str, Any]) -> Account:
    """The account with a changed policy; the version increases if anything differs."""
    changed = replace(account, **changes)
    if all(getattr(changed, name) == getattr(account, name) for name in POLICY):
        return account
    return replace(changed, policy_version=account.policy_version + 1)


def apply_policy(
    connection: sa.Connection, emp_id: int, changes: Mapping[str, Any], at: datetime, seen: int | None = None
) -> bool:
    """Apply a changed policy to an account; orders of open months are decided again.

    Two changes at the same time are applied one after the other. A change may name the version that it is
    based on. If another version is current by then, nothing changes and the result is False.
    """
    account = lock_account(connection, emp_id, exclusive=True)
    if account is None or seen not in (None, account.policy_version):
        return False
    changed = with_policy(account, changes)
    if changed.policy_version == account.policy_version:
        return True
    names = ("policy_version", *POLICY)
    change_account(connection, account.emp_id, {name: getattr(changed, name) for name in names})
    keep_policy(connection, changed, at)
    requeue_orders_of_open_months(connection, emp_id, account.closed_before, DueReason.ATTRIBUTION_SETTINGS)
    return True


def close_months(
    connection: sa.Connection, emp_id: int, before: datetime, *, without_failed: bool = False
) -> int:
    """Close all months before a time if all their orders are decided; returns the number of undecided orders.

    A closed month is never reopened. Deciding an order locks the account, so no order is decided meanwhile.
    `without_failed`: ignore orders whose decision failed. They stay on the queue. Such an order without sales
    never gets any.
    """
    account = lock_account(connection, emp_id, exclusive=True)
    waiting = count_due(connection, emp_id, before, without_failed=without_failed)
    if account and not waiting and (account.closed_before is None or account.closed_before < before):
        change_account(connection, emp_id, {"closed_before": before})
    return waiting


def preview_policy(
    connection: sa.Connection,
    sealer: ClickSealer,
    account: Account,
    changed: Account,
    rates: Rates,
    limit: int,
    after: OrderPlace | None,
    switched: Mapping[str, bool] = NOTHING_SWITCHED,
) -> Preview:
    """The effect of `changed` on the next `limit` orders of open months, newest first.

    Nothing is written. An undecided order is compared with its result by the present policy; an order whose
    decision failed is left out. `switched`: links that become sales links (true) or stop to be one, by id.
    """
    shops = {shop.id: shop for shop in list_shops(connection, account.emp_id)}
    page = orders_from(connection, account.emp_id, account.closed_before, limit + 1, after)
    attempts = attempts_of(connection, [stored.key for stored in page[:limit]])
    kept = get_decisions(connection, [stored.key for stored in page[:limit]])
    batch = [
        stored
        for stored in page[:limit]
        # Some were decided in a month that is closed now, and their date has changed since.
        if not is_closed(account, stored, kept.get(stored.key)) and not attempts.get(stored.key)
    ]
    named = read_named(connection, sealer, account, shops, batch)
    judged = judge_orders(connection, changed, shops, batch, rates, named, switched) if batch else {}
    undecided = [stored for stored in batch if stored.key in attempts]
    at_present = judge_orders(connection, account, shops, undecided, rates, named) if undecided else {}
    is_sold = sales_of_orders(connection, [stored.key for stored in batch])
    moves = []
    for stored in batch:
        now = judged[stored.key]
        sold = at_present[stored.key].rows if stored.key in at_present else is_sold[stored.key]
        credit, new_credit = _credit(sold), _credit(now.rows)
        if credit != new_credit:
            amounts = _by_campaign(credit), _by_campaign(new_credit)
            bought = stored.order
            its = stored.shop_id, bought.id, bought.number, bought.placed_at, bought.currency
            moves.append(Move(*its, *amounts, now.decision.reason, _differs(credit, new_credit)))
    return Preview(len(page[:limit]), moves, page[limit - 1].place if len(page) > limit else None)


def _credit(rows: Sequence[Sale]) -> _Credit:
    credit: _Credit = {}
    for sale in rows:
        key = sale.campaign, sale.contact, sale.click_id
        credit[key] = credit.get(key, 0) + to_minor(sale.amount, sale.currency)
    return credit


def _differs(before: _Credit, now: _Credit) -> tuple[str, ...]:
    who = enumerate(("campaign", "contact", "click"))
    found = [name for i, name in who if {key[i] for key in before} != {key[i] for key in now}]
    is_other = any(before[key] != now[key] for key in before.keys() & now.keys())
    if is_other or _by_campaign(before) != _by_campaign(now):
        found.append("amount")
    return tuple(found)


def _by_campaign(credit: _Credit) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for (campaign, _, _), amount in credit.items():
        amounts[campaign] = amounts.get(campaign, 0) + amount
    return {campaign: amount for campaign, amount in sorted(amounts.items()) if amount}


def sums_of(moves: list[Move]) -> list[Sum]:
    """The amounts of each campaign in the affected orders, before and after, by campaign and currency."""
    sums: dict[tuple[str, str], list[int]] = {}
    for move in moves:
        for side, amounts in enumerate((move.before, move.after)):
            for campaign, amount in amounts.items():
                sums.setdefault((campaign, move.currency), [0, 0])[side] += amount
    return [
        Sum(campaign, currency, from_minor(before, currency), from_minor(after, currency))
        for (campaign, currency), (before, after) in sorted(sums.items())
    ]


def totals_of(sums: list[Sum]) -> list[Sum]:
    """The amounts of all campaigns together, by currency."""
    totals: dict[str, Sum] = {}
    for one in sums:
        total = totals.get(one.currency, Sum("", one.currency, Decimal(0), Decimal(0)))
        totals[one.currency] = Sum("", one.currency, total.before + one.before, total.after + one.after)
    return list(totals.values())
