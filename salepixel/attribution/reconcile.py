"""Reconciling: gather the evidence for one order, decide, write its sales; idempotent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from salepixel.accounts.store import Account
from salepixel.attribution.decide import Decision
from salepixel.attribution.decisions import store_decision
from salepixel.attribution.gather import Named, read_named
from salepixel.attribution.judge import closed_sales, is_closed, judge_order
from salepixel.attribution.sale_store import replace_sale_refunds
from salepixel.attribution.sales import Sale
from salepixel.clicks import hit_store as hits
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import ClickSealer, Verdict
from salepixel.money.rates import SHIPPED, Rates
from salepixel.orders import store as orders
from salepixel.orders.drafts import as_completed
from salepixel.orders.queue import mark_decided
from salepixel.orders.requeue import requeue_pixel_twins
from salepixel.orders.store import StoredOrder
from salepixel.shops.store import lock_account_of_shop


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A decided order with its sales."""

    account: Account
    stored: StoredOrder
    decision: Decision
    sales: Sequence[Sale]


def reconcile_order(
    connection: sa.Connection, sealer: ClickSealer, shop_id: str, order_id: str, rates: Rates = SHIPPED
) -> Reconciled | None:
    """Decide an order again from everything that is stored.

    None if there is no such order, or if its month is closed, so that its decision is final: then only later
    refunds are written, in months that are open.
    """
    # Lock order: account, then order, then clicks, as for a change of the account's settings. The lock is
    # exclusive, because the buyer or the click of one order may change the decisions of other orders.
    seller = lock_account_of_shop(connection, shop_id)
    stored = orders.get_order(connection, shop_id, order_id, lock=True)
    if stored is None or seller is None:
        return None
    shop, account = seller.shop, seller.account
    from_pixel = shop.platform == "pixel"
    named = read_named(connection, sealer, account, stored, from_pixel=from_pixel)
    if stored.order.paid and not from_pixel:
        named = _clear_its_click(connection, stored, named)
    if is_closed(connection, account, stored):
        sold = closed_sales(connection, account, stored, named.history)
        replace_sale_refunds(connection, stored, sold)
        mark_decided(connection, shop_id, order_id)
        return None
    if from_pixel:
        stored = _made_again(connection, account, stored, named)
    else:
        completed = as_completed(connection, shop_id, stored.order, named.history)
        stored = orders.keep_place(connection, stored, completed)
        if seller.has_pixel_orders:
            requeue_pixel_twins(connection, account.emp_id, stored.order.id, stored.order.number)
    judged = judge_order(connection, sealer, account, shop, stored, rates, named)
    store_decision(connection, stored, judged.decision, judged.rows, judged.buyer, judged.observed)
    return Reconciled(account, stored, judged.decision, judged.rows)


def _made_again(
    connection: sa.Connection, account: Account, stored: StoredOrder, named: Named
) -> StoredOrder:
    """A pixel order, read again from its hits, because the account's currency may have changed."""
    made = hits.order_from_hits(account, stored.order.id, named.hits) if named.hits else stored.order
    if made == stored.order:
        return stored
    orders.store_order(connection, stored.shop_id, account.emp_id, made, "", always=True)
    return replace(stored, order=made)


def _clear_its_click(connection: sa.Connection, stored: StoredOrder, named: Named) -> Named:
    """Make the token's click human, because a paid order carries it; gives `named` with that verdict."""
    click = named.token_click
    # An order must not change the verdict of another account's click.
    if click is None or click.emp_id != stored.emp_id:
        return named
    known = named.clicks.get(click.id)
    if known is None or known.verdict is Verdict.HUMAN:
        clicks.keep_purchase(connection, click.id, stored.shop_id, stored.order.id)
        return named
    clicks.clear_click(connection, click.id, stored.shop_id, stored.order.id)
    return replace(named, clicks={**named.clicks, **clicks.get_clicks(connection, [click.id])})
