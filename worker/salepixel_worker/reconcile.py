"""Reconciling: gather the evidence for one order, decide, write its sales; twice is once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.accounts.store import Account
from salepixel.attribution.decide import Decision
from salepixel.attribution.decisions import store_decision
from salepixel.attribution.gather import open_token
from salepixel.attribution.judge import is_for_good, judge_order, sales_for_good
from salepixel.attribution.sale_store import replace_sale_refunds
from salepixel.attribution.sales import Sale
from salepixel.clicks import hit_store as hits
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import ClickSealer
from salepixel.destinations import outbox
from salepixel.money.quantities import round_quantity
from salepixel.money.rates import SHIPPED, Rates
from salepixel.orders import drafts
from salepixel.orders import store as orders
from salepixel.orders.queue import mark_decided
from salepixel.orders.requeue import requeue_pixel_twins
from salepixel.orders.store import StoredOrder
from salepixel.shops import store as shops


def reconcile_order(
    connection: sa.Connection,
    sealer: ClickSealer,
    shop_id: str,
    order_id: str,
    now: datetime,
    rates: Rates = SHIPPED,
) -> Decision | None:
    """Decide an order again from all that is known.

    None when there is no such order, or when it was decided for good, because its month is closed: then
    only what was refunded of it since is written, in months that are open.
    """
    shop = shops.get_shop(connection, shop_id)
    # First the account, then its order, as who changes a policy does: neither waits for the other for ever.
    # Alone: what one order says of its buyer, or of its click, bears on others.
    account = accounts.hold_account(connection, shop.emp_id, to_change=True) if shop else None
    stored = orders.get_order(connection, shop_id, order_id, lock=True)
    if stored is None or shop is None or account is None:
        return None
    if stored.order.paid and shop.platform != "pixel":
        _clear_its_click(connection, sealer, stored)
    if is_for_good(connection, account, stored):
        replace_sale_refunds(connection, shop_id, order_id, sales_for_good(connection, account, stored))
        mark_decided(connection, shop_id, order_id)
        return None
    if shop.platform == "pixel":
        stored = _made_again(connection, account, stored)
    else:
        completed = drafts.as_completed(connection, shop_id, stored.order)
        stored = orders.keep_place(connection, stored, completed)
        requeue_pixel_twins(connection, account.emp_id, stored.order.id, stored.order.number)
    judged = judge_order(connection, sealer, account, shop, stored, rates)
    store_decision(connection, stored, judged.decision, judged.rows, judged.buyer)
    _announce(connection, account, stored, judged.rows, now)
    return judged.decision


def _made_again(connection: sa.Connection, account: Account, stored: StoredOrder) -> StoredOrder:
    """A pixel's order as the account reads its hits now: its currency, say, may have changed."""
    its_hits = hits.hits_making(connection, account.emp_id, stored.order.id)
    order = hits.order_from_hits(account, stored.order.id, its_hits) if its_hits else stored.order
    if order == stored.order:
        return stored
    orders.store_order(connection, stored.shop_id, account.emp_id, order, "", always=True)
    return replace(stored, order=order)


def _clear_its_click(connection: sa.Connection, sealer: ClickSealer, stored: StoredOrder) -> None:
    click = open_token(sealer, stored.order.click_token)
    # Another account's click is none of its business.
    if click and click.emp_id == stored.emp_id:
        clicks.clear_click(connection, click.id, stored.shop_id, stored.order.id)


def _announce(
    connection: sa.Connection, account: Account, stored: StoredOrder, rows: Sequence[Sale], now: datetime
) -> None:
    if not account.forward_url:
        return
    order = stored.order
    common = {
        "empId": account.hosted_emp_id or str(account.emp_id),
        "order": order.number,
        "currency": order.currency,
        "contact": rows[0].contact if rows else "",
        "campaign": rows[0].campaign if rows else "",
    }
    urls = {
        part: fill_template(account.forward_url, words | common)
        for part, words in _parts(account, rows).items()
    }
    outbox.announce_order(connection, account.emp_id, stored.shop_id, order.id, urls, now)


def _parts(account: Account, rows: Sequence[Sale]) -> dict[str, dict[str, str]]:
    """What is told of each line; of the whole order under "" where the receiver counts orders."""
    if account.forward_per == "order" and rows:
        items = {sale.line: sale.item for sale in rows}
        whole = {
            "item": ", ".join(items.values()),
            "sku": "",
            "quantity": _quantity(rows),
            "amount": str(sum((sale.amount for sale in rows), start=rows[0].amount * 0)),
        }
        return {"": whole}
    return {line: _line_words(rows, line) for line in {sale.line: None for sale in rows}}


def _line_words(rows: Sequence[Sale], line: str) -> dict[str, str]:
    """A line as its receiver is to know it: whole, however many clicks share it."""
    its = [sale for sale in rows if sale.line == line]
    return {
        "item": its[0].item,
        "sku": its[0].sku or "",
        "quantity": _quantity(its),
        "amount": str(sum((sale.amount for sale in its), start=its[0].amount * 0)),
    }


def _quantity(rows: Sequence[Sale]) -> str:
    return str(round_quantity(sum((sale.quantity for sale in rows), Decimal(0))))


def fill_template(template: str, words: Mapping[str, str]) -> str:
    """Put url-quoted words where `{name}` stands; other braces stay as they are."""
    for name, value in words.items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template
