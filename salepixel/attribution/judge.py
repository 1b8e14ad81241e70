"""Judges orders from all stored data without writing: for reconciling, previews and `rebuild --verify`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import sqlalchemy as sa

from salepixel.accounts.policy import Policy, Terms
from salepixel.accounts.store import Account
from salepixel.attribution.decide import Decision, decide
from salepixel.attribution.decisions import Judged, Observed, StoredDecision
from salepixel.attribution.gather import MAX_CLICKS, Gathered, Named, gather_evidence
from salepixel.attribution.other_orders import reported_by_shops
from salepixel.attribution.sales import Sale, as_of_now, sale_rows, with_refunds
from salepixel.attribution.worth import BuyerIs, Worth, worth_of
from salepixel.money.rates import Rates
from salepixel.orders.buyers import with_earlier_purchase
from salepixel.orders.charges import read_ledger
from salepixel.orders.keys import OrderKey
from salepixel.orders.order import RefundState
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.sold import lines_of, sold_lines
from salepixel.orders.store import StoredOrder
from salepixel.shops import store as shops
from salepixel.shops.shop import Shop
from salepixel.sums.purchases import is_purchase

NOTHING_SWITCHED: Mapping[str, bool] = MappingProxyType({})


def judge_orders(
    connection: sa.Connection,
    account: Account,
    shops_by_id: Mapping[str, Shop],
    batch: Sequence[StoredOrder],
    rates: Rates,
    named: Mapping[OrderKey, Named],
    switched: Mapping[str, bool] = NOTHING_SWITCHED,
) -> dict[OrderKey, Judged]:
    """Decide orders of an account by the account's attribution settings and terms, as given.

    `named`: from gather.read_named. The orders must not depend on each other's decisions. Not for an order
    that `is_closed`. `switched`: links that are judged as sales links, or as other links, whatever is stored.
    """
    gathered = gather_evidence(connection, account, batch, named)
    if switched:
        gathered = {key: _with_links(found, switched) for key, found in gathered.items()}
    is_pixel = {stored.key: shops_by_id[stored.shop_id].platform == "pixel" for stored in batch}
    known = with_earlier_purchase(
        connection, [stored.key for stored in batch if stored.order.email_hash is not None]
    )
    believed = _without_shop(connection, account, [stored for stored in batch if is_pixel[stored.key]])
    policy, terms = account.policy, account.terms
    return {
        key: _judge(
            account,
            policy,
            terms,
            stored,
            gathered[key],
            named[key],
            rates,
            verified=not is_pixel[key],
            proven=not is_pixel[key] or key in believed,
            buys_again=key in known,
        )
        for key, stored in zip(gathered, batch, strict=True)
    }


def _with_links(found: Gathered, switched: Mapping[str, bool]) -> Gathered:
    return replace(
        found,
        evidence=tuple(
            one._replace(sale_pixel=switched[one.click.link])
            if one.click and one.click.link in switched
            else one
            for one in found.evidence
        ),
    )


def _judge(
    account: Account,
    policy: Policy,
    terms: Terms,
    stored: StoredOrder,
    gathered: Gathered,
    named: Named,
    rates: Rates,
    *,
    verified: bool,
    proven: bool,
    buys_again: bool,
) -> Judged:
    order, ledger = stored.order, read_ledger(stored.order, named.history)
    if ledger.paid != order.paid:
        order = replace(order, paid=ledger.paid)
    decision = decide(
        account.emp_id,
        order,
        gathered.evidence,
        policy,
        invalid_token=gathered.invalid_token,
        proven=proven,
    )
    if decision.reason is Reason.NO_CLICK and account.lacks_clicks(order.placed_at):
        decision = decision._replace(reason=Reason.CLICKS_ENDED)
    if gathered.is_cut:
        decision = decision._replace(clicks_limit=MAX_CLICKS)
    rows = sale_rows(
        order,
        decision,
        verified=verified,
        terms=terms,
        rate=rates.rate(order.currency, account.currency, order.placed_at.date()),
        ledger=ledger,
    )
    if rows and account.has_closed(order.placed_at):
        decision, rows = _too_late(decision), []
    observed = _observe(stored, rows, gathered, seen=verified and bool(named.hits))
    lines = () if rows else lines_of(order, terms, ledger)
    worth = worth_of(order.currency, rows, lines, _buyer_is(stored, decision, buys_again=buys_again))
    return Judged(decision, rows, gathered.buyer, observed, worth)


def _buyer_is(stored: StoredOrder, decision: Decision, *, buys_again: bool) -> BuyerIs:
    if stored.order.email_hash is None or not is_purchase(decision.outcome, decision.reason):
        return BuyerIs.UNKNOWN
    return BuyerIs.RETURNING if buys_again else BuyerIs.FIRST


def _observe(stored: StoredOrder, rows: Iterable[Sale], gathered: Gathered, *, seen: bool) -> Observed:
    last_click = gathered.clicks.get(max((sale.click_id for sale in rows), default=b""))
    browser = last_click.browser if last_click else ""
    return Observed(stored.order.payment, browser, seen, stored.healed)


def _without_shop(
    connection: sa.Connection, account: Account, pixel_orders: Sequence[StoredOrder]
) -> set[OrderKey]:
    """The pixel's orders that no shop reported, from a time without a connected shop."""
    if not pixel_orders:
        return set()
    since = shops.connected_since(connection, account.emp_id)
    before = [stored for stored in pixel_orders if since is None or stored.order.placed_at < since]
    reported = reported_by_shops(connection, account.emp_id, {stored.order.number for stored in before})
    return {stored.key for stored in before if stored.order.number not in reported}


def is_closed(account: Account, stored: StoredOrder, decision: StoredDecision | None) -> bool:
    """Whether an order's decision is not computed again: it is final, or retention has deleted its clicks."""
    lacks_clicks = decision is not None and account.lacks_clicks(decision.placed_at)
    return lacks_clicks or is_final(account, stored, decision)


def is_final(account: Account, stored: StoredOrder, decision: StoredDecision | None) -> bool:
    """Whether an order's decision no longer changes. A decision that waits for the payment is not final.

    It is final if its month is closed, if a person named in the order was erased, or if retention has deleted
    its clicks.
    """
    if decision is None or decision.explanation.outcome is Outcome.PENDING:
        return False
    has_ended = account.has_closed(decision.placed_at) or account.lacks_clicks(decision.placed_at)
    return has_ended or stored.order.erased_at is not None


def closed_sales(
    account: Account, stored: StoredOrder, sold: Sequence[Sale], history: Sequence[RefundState]
) -> Sequence[Sale]:
    """The stored sales (`sold`) of an order that `is_closed`, with its later refunds.

    `history`: from `orders.refunds.refund_histories`.
    """
    if not sold:
        return sold
    lines = sold_lines(stored.order, account.terms, history)
    if account.closed_before is not None and account.has_closed(sold[0].purchased_at):
        return with_refunds(sold, lines, account.closed_before)
    return as_of_now(sold, stored.order, lines, history)


def closed_worth(
    account: Account,
    stored: StoredOrder,
    decision: StoredDecision,
    sold: Sequence[Sale],
    history: Sequence[RefundState],
) -> Worth:
    """The worth of an order that `is_closed`; in an open month with its later refunds.

    `sold`: from `closed_sales`. `history`: as there.
    """
    kept = decision.worth
    if account.has_closed(decision.placed_at):
        return kept
    lines = () if sold else sold_lines(stored.order, account.terms, history)
    return worth_of(stored.order.currency, sold, lines, kept.buyer_is)


def _too_late(decision: Decision) -> Decision:
    """The decision for an order that arrived after its month was closed: not attributed."""
    return decision._replace(
        outcome=Outcome.UNATTRIBUTED,
        reason=Reason.MONTH_CLOSED,
        credited=None,
        forwarded=False,
        candidates=tuple(one._replace(share=one.share * 0) for one in decision.candidates),
    )
