"""Reconciling: gather the evidence for orders, decide, write their sales; idempotent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from salepixel.accounts.erased import erased_contacts, has_erased
from salepixel.accounts.store import Account
from salepixel.attribution.decide import Decision
from salepixel.attribution.decisions import StoredDecision, get_decisions, store_decisions, store_worth
from salepixel.attribution.gather import Named, read_named
from salepixel.attribution.judge import closed_sales, closed_worth, is_final, judge_orders
from salepixel.attribution.sale_store import replace_sale_refunds, replace_sales, sales_of_orders
from salepixel.attribution.sales import Sale
from salepixel.clicks import hit_store as hits
from salepixel.clicks import store as clicks
from salepixel.clicks.lookup import find_clicks
from salepixel.clicks.tokens import ClickSealer, Verdict
from salepixel.money.rates import SHIPPED, Rates
from salepixel.orders import store as orders
from salepixel.orders.batches import Claim, claim_orders, take_free_names, wait_for_names
from salepixel.orders.drafts import as_completed, drafts_among
from salepixel.orders.erased import hide_erased
from salepixel.orders.keys import OrderKey
from salepixel.orders.queue import mark_decided
from salepixel.orders.requeue import requeue_pixel_duplicates
from salepixel.orders.store import StoredOrder
from salepixel.shops.shop import Shop
from salepixel.shops.store import lock_accounts_of_shops


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
    """Decide one order again, as `reconcile_orders` does; None if it is not decided."""
    return next(iter(reconcile_orders(connection, sealer, [(shop_id, order_id)], rates)), None)


def reconcile_orders(
    connection: sa.Connection,
    sealer: ClickSealer,
    keys: Sequence[OrderKey],
    rates: Rates = SHIPPED,
    *,
    only_due: bool = False,
) -> list[Reconciled]:
    """Decide orders again from all stored data; returns the decided orders.

    Orders that do not exist are left out. If a decision is final (`is_final`), only later refunds are
    written, in open months. If one decision changes the evidence for another order, that order stays due.
    `only_due`: leave out orders that are no longer due, or that another worker is deciding.
    """
    # Lock order: account, its lanes, customers and numbers of orders, orders, contacts of clicks, clicks.
    sellers = lock_accounts_of_shops(connection, {shop_id for shop_id, _ in keys})
    claim = take_free_names if only_due else wait_for_names
    keys = claim_orders(connection, keys, claim)
    by_account: dict[int, list[StoredOrder]] = {}
    for stored in orders.get_orders(connection, keys, lock=True, only_due=only_due).values():
        if stored.shop_id in sellers:
            by_account.setdefault(sellers[stored.shop_id].account.emp_id, []).append(stored)
    done = []
    for _, batch in sorted(by_account.items()):  # as every worker does
        seller = sellers[batch[0].shop_id]
        shops = {shop_id: one.shop for shop_id, one in sellers.items()}
        decided = _reconcile(connection, sealer, seller.account, shops, batch, rates, claim)
        if seller.has_pixel_orders:
            _requeue_pixel_duplicates(connection, seller.account, shops, decided)
        done += decided
    return done


def _reconcile(
    connection: sa.Connection,
    sealer: ClickSealer,
    account: Account,
    shops: Mapping[str, Shop],
    batch: Sequence[StoredOrder],
    rates: Rates,
    claim: Claim,
) -> list[Reconciled]:
    named = read_named(connection, sealer, account, shops, batch, claim)
    batch = [stored for stored in batch if stored.key in named]
    batch = _without_erased(connection, sealer, account, batch, named)
    named = _clear_their_clicks(connection, shops, batch, named)
    before = get_decisions(connection, [stored.key for stored in batch])
    final = [stored for stored in batch if is_final(account, stored, before.get(stored.key))]
    if final:
        _write_refunds(connection, account, final, named, before)
        batch = [one for one in batch if not is_final(account, one, before.get(one.key))]
    if not batch:
        return []
    batch = _as_known_now(connection, account, shops, batch, named)
    judged = judge_orders(connection, account, shops, batch, rates, named)
    store_decisions(connection, [(stored, judged[stored.key]) for stored in batch], before)
    return [
        Reconciled(account, stored, judged[stored.key].decision, judged[stored.key].rows) for stored in batch
    ]


def _without_erased(
    connection: sa.Connection,
    sealer: ClickSealer,
    account: Account,
    batch: Sequence[StoredOrder],
    named: dict[OrderKey, Named],
) -> Sequence[StoredOrder]:
    """The orders without erased people. Some arrived during an erasure, or with an erased person's token.

    Changes `named` accordingly.
    """
    keys, emp_id = sealer.keys, account.emp_id
    if not has_erased(connection, emp_id):
        return batch
    clicks_of = {stored.key: named[stored.key].token_click for stored in batch if not stored.order.erased_at}
    refs = {click.contact for click in clicks_of.values() if click and click.emp_id == emp_id}
    gone = erased_contacts(connection, keys, emp_id, refs)
    kept = []
    for stored in batch:
        if stored.key in clicks_of:
            (order,) = hide_erased(connection, keys, stored.shop_id, emp_id, [stored.order])
            click = clicks_of[stored.key]
            if click and click.emp_id == emp_id and click.contact in gone:
                order = replace(order, click_token=None, erased_at=order.erased_at or gone[click.contact])
            if order is not stored.order:
                stored = orders.keep_without_person(connection, stored, order)
                named[stored.key] = replace(named[stored.key], token_click=None)
        kept.append(stored)
    return kept


def _write_refunds(
    connection: sa.Connection,
    account: Account,
    final: Sequence[StoredOrder],
    named: Mapping[OrderKey, Named],
    before: Mapping[OrderKey, StoredDecision],
) -> None:
    kept = sales_of_orders(connection, [stored.key for stored in final])
    worth = []
    for stored in final:
        sold = closed_sales(account, stored, kept[stored.key], named[stored.key].history)
        if not sold or account.has_closed(sold[0].purchased_at):
            replace_sale_refunds(connection, stored, sold)
        else:
            replace_sales(connection, [(stored, sold)])
        history = named[stored.key].history
        worth.append((stored, closed_worth(account, stored, before[stored.key], sold, history)))
    store_worth(connection, worth, before)
    mark_decided(connection, [stored.key for stored in final])


def _as_known_now(
    connection: sa.Connection,
    account: Account,
    shops: Mapping[str, Shop],
    batch: Sequence[StoredOrder],
    named: Mapping[OrderKey, Named],
) -> list[StoredOrder]:
    """The orders with the time at which their drafts were completed.

    Pixel orders are read again from their hits.
    """
    drafts = drafts_among(connection, [stored.key for stored in batch if stored.order.draft is None])
    now = []
    for stored in batch:
        its = named[stored.key]
        if shops[stored.shop_id].platform == "pixel":
            stored = _made_again(connection, account, stored, its)
        else:
            completed = as_completed(stored.order, its.history, was_draft=stored.key in drafts)
            stored = orders.keep_place(connection, stored, completed)
        now.append(stored)
    return now


def _made_again(
    connection: sa.Connection, account: Account, stored: StoredOrder, named: Named
) -> StoredOrder:
    """A pixel order, read again from its hits, because the account's currency may have changed."""
    made = hits.order_from_hits(account, stored.order.id, named.hits) if named.hits else stored.order
    made = replace(made, erased_at=stored.order.erased_at)
    if made == stored.order:
        return stored
    orders.store_order(connection, stored.shop_id, account.emp_id, made, "", always=True)
    return replace(stored, order=made)


def _clear_their_clicks(
    connection: sa.Connection,
    shops: Mapping[str, Shop],
    batch: Sequence[StoredOrder],
    named: dict[OrderKey, Named],
) -> dict[OrderKey, Named]:
    """Give the clicks of tokens on paid orders the verdict human; returns `named` with these verdicts."""
    bought, cleared = set[bytes](), set[bytes]()
    for stored in batch:
        click = named[stored.key].token_click
        is_paid = stored.order.paid and shops[stored.shop_id].platform != "pixel"
        # An order must not change the verdict of another account's click.
        if not is_paid or click is None or click.emp_id != stored.emp_id or click.id in bought:
            continue
        bought.add(click.id)
        known = named[stored.key].clicks.get(click.id)
        if known is not None and known.verdict is not Verdict.HUMAN:
            cleared.add(click.id)
    clicks.keep_purchases(connection, bought - cleared)
    if not cleared:
        return named
    clicks.clear_clicks(connection, cleared)
    now = find_clicks(connection, list(cleared))
    return {key: replace(its, clicks={**its.clicks, **now}) for key, its in named.items()}


def _requeue_pixel_duplicates(
    connection: sa.Connection, account: Account, shops: Mapping[str, Shop], decided: Sequence[Reconciled]
) -> None:
    """Mark the pixel's copies of these orders due."""
    reported = [one.stored.order for one in decided if shops[one.stored.shop_id].platform != "pixel"]
    if reported:
        names = {name for order in reported for name in (order.id, order.number)}
        requeue_pixel_duplicates(connection, account.emp_id, names)
