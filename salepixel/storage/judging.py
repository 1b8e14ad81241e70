"""Judging one order from all that is stored, without writing: to reconcile, to preview, to verify."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from salepixel.attribution import Decision, decide
from salepixel.clicks import ClickSealer
from salepixel.rates import Rates
from salepixel.report import Sale, sale_rows
from salepixel.storage import shops
from salepixel.storage.accounts import Account
from salepixel.storage.evidence import gather_evidence
from salepixel.storage.orders import StoredOrder
from salepixel.storage.refunds import refund_history
from salepixel.storage.shops import Shop


@dataclass(frozen=True, slots=True)
class Judged:
    """What an order's decision and sales must be; `buyer` is the contact whom its own evidence names."""

    decision: Decision
    rows: list[Sale]
    buyer: str


def judge_order(
    connection: sa.Connection,
    sealer: ClickSealer,
    account: Account,
    shop: Shop,
    stored: StoredOrder,
    rates: Rates,
) -> Judged:
    """Decide an order of a shop of this account by the account's policy and terms as they are given."""
    from_pixel = shop.platform == "pixel"
    gathered = gather_evidence(connection, sealer, account, stored, from_pixel=from_pixel)
    since = shops.connected_since(connection, account.emp_id) if from_pixel else None
    history = refund_history(connection, shop.id, stored.order)
    order = replace(stored.order, paid=stored.order.was_paid(history))
    decision = decide(
        account.emp_id,
        order,
        gathered.evidence,
        account.policy,
        invalid_token=gathered.invalid_token,
        proven=since is None or order.placed_at < since,
    )
    rows = sale_rows(
        order,
        decision,
        verified=not from_pixel,
        terms=account.terms,
        history=history,
        rate=rates.rate(order.currency, account.currency, order.placed_at.date()),
    )
    return Judged(decision, rows, gathered.buyer)
