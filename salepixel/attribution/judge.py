"""Judges one order from everything that is stored, without writing: to reconcile, to preview, to verify."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import sqlalchemy as sa

from salepixel.accounts.store import Account
from salepixel.attribution.decide import Decision, decide
from salepixel.attribution.decisions import Observed, decided_as_of, is_reported_by_shop
from salepixel.attribution.gather import Gathered, Named, gather_evidence, read_named
from salepixel.attribution.sale_store import sales_of_order
from salepixel.attribution.sales import Sale, sale_rows, with_refunds
from salepixel.clicks.tokens import ClickSealer
from salepixel.money.rates import Rates
from salepixel.orders.charges import read_ledger
from salepixel.orders.order import RefundState
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.sold import sold_lines
from salepixel.orders.store import StoredOrder
from salepixel.shops import store as shops
from salepixel.shops.shop import Shop


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision and sales of an order. `buyer`: the contact that the order's own evidence names."""

    decision: Decision
    rows: list[Sale]
    buyer: str
    observed: Observed


def judge_order(
    connection: sa.Connection,
    sealer: ClickSealer,
    account: Account,
    shop: Shop,
    stored: StoredOrder,
    rates: Rates,
    named: Named | None = None,
) -> Judged:
    """Decide an order of this account by the account's attribution settings and terms, as given.

    Not for an order that `is_closed`. `named`: what is stored under its name, if already read.
    """
    from_pixel = shop.platform == "pixel"
    named = named or read_named(connection, sealer, account, stored, from_pixel=from_pixel)
    gathered = gather_evidence(connection, account, stored, named)
    proven = not from_pixel or _is_only_proof(connection, account, stored)
    history = named.history
    order = replace(stored.order, paid=read_ledger(stored.order, history).paid)
    decision = decide(
        account.emp_id,
        order,
        gathered.evidence,
        account.policy,
        invalid_token=gathered.invalid_token,
        proven=proven,
    )
    rows = sale_rows(
        order,
        decision,
        verified=not from_pixel,
        terms=account.terms,
        history=history,
        rate=rates.rate(order.currency, account.currency, order.placed_at.date()),
    )
    if rows and account.has_closed(order.placed_at):
        decision, rows = _too_late(decision), []
    return Judged(
        decision,
        rows,
        gathered.buyer,
        _observe(stored, rows, gathered, seen=not from_pixel and bool(named.hits)),
    )


def _observe(stored: StoredOrder, rows: Iterable[Sale], gathered: Gathered, *, seen: bool) -> Observed:
    last_click = gathered.clicks.get(max((sale.click_id for sale in rows), default=b""))
    browser = last_click.browser if last_click else ""
    return Observed(stored.order.payment, browser, seen, stored.healed)


def _is_only_proof(connection: sa.Connection, account: Account, stored: StoredOrder) -> bool:
    """Whether the pixel is the source of an order: no shop was connected then, and none has reported it."""
    since = shops.connected_since(connection, account.emp_id)
    is_before = since is None or stored.order.placed_at < since
    return is_before and not is_reported_by_shop(connection, account.emp_id, stored.order.number)


def is_closed(connection: sa.Connection, account: Account, stored: StoredOrder) -> bool:
    """Whether the month in which an order was decided is closed, so that its decision does not change."""
    if account.closed_before is None:
        return False
    placed_at = decided_as_of(connection, stored.shop_id, stored.order.id)
    return placed_at is not None and account.has_closed(placed_at)


def closed_sales(
    connection: sa.Connection, account: Account, stored: StoredOrder, history: Iterable[RefundState]
) -> list[Sale]:
    """The stored sales of an order that `is_closed`, with its later refunds.

    `history`: from `orders.refunds.refund_history`.
    """
    sold = sales_of_order(connection, stored.shop_id, stored.order.id)
    if not sold or account.closed_before is None:
        return sold
    return with_refunds(sold, sold_lines(stored.order, account.terms, history), account.closed_before)


def _too_late(decision: Decision) -> Decision:
    """The decision about an order that arrived after its month was closed: not attributed."""
    return replace(
        decision,
        outcome=Outcome.UNATTRIBUTED,
        reason=Reason.MONTH_CLOSED,
        credited=None,
        forwarded=False,
        candidates=tuple(replace(one, share=one.share * 0) for one in decision.candidates),
    )
