"""Reconciling: gather the evidence for one order, decide, write its sales; twice is once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

import sqlalchemy as sa

from salepixel.attribution import Decision, Outcome, Reason
from salepixel.clicks import ClickSealer
from salepixel.rates import SHIPPED, Rates
from salepixel.report import Sale
from salepixel.storage import accounts, clicks, orders, outbox, shops
from salepixel.storage.accounts import Account
from salepixel.storage.evidence import open_token
from salepixel.storage.judging import judge_order
from salepixel.storage.orders import StoredOrder


def reconcile_order(
    connection: sa.Connection,
    sealer: ClickSealer,
    shop_id: str,
    order_id: str,
    now: datetime,
    rates: Rates = SHIPPED,
) -> Decision | None:
    """Decide an order again from all that is known.

    None when there is no such order, or when it was decided for good: its month is closed.
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
    is_closed = account.closed_before is not None and stored.order.placed_at < account.closed_before
    if is_closed and orders.is_decided(connection, shop_id, order_id):
        orders.keep_decision(connection, shop_id, order_id)
        return None
    judged = judge_order(connection, sealer, account, shop, stored, rates)
    decision, rows = judged.decision, judged.rows
    if is_closed and rows:
        decision, rows = too_late(decision), []
    orders.store_decision(connection, stored, decision, rows, judged.buyer)
    _announce(connection, account, stored, rows, now)
    return decision


def too_late(decision: Decision) -> Decision:
    """The decision of an order that comes after its month was closed: it earns nobody anything."""
    return replace(
        decision,
        outcome=Outcome.UNATTRIBUTED,
        reason=Reason.MONTH_CLOSED,
        credited=None,
        forwarded=False,
        candidates=tuple(replace(one, share=one.share * 0) for one in decision.candidates),
    )


def _clear_its_click(connection: sa.Connection, sealer: ClickSealer, stored: StoredOrder) -> None:
    click = open_token(sealer, stored.order.click_token)
    # Another account's click is none of its business.
    if click and click.emp_id == stored.emp_id:
        clicks.clear_click(connection, click.id, stored.shop_id, stored.order.id)


def _announce(
    connection: sa.Connection, account: Account, stored: StoredOrder, rows: Sequence[Sale], now: datetime
) -> None:
    if not account.forward_url or not rows:
        return
    order = stored.order
    if account.forward_per == "order":
        amount = sum((sale.amount for sale in rows), start=rows[0].amount * 0)
        items = {sale.line: sale.item for sale in rows}
        whole = {
            "item": ", ".join(items.values()),
            "sku": "",
            "quantity": str(sum(sale.quantity for sale in rows)),
            "amount": str(amount),
        }
        parts = {"": whole}
    else:
        parts = {line: _line_words(rows, line) for line in {sale.line: None for sale in rows}}
    for part, words in parts.items():
        common = {
            "empId": account.hosted_emp_id or str(account.emp_id),
            "order": order.number,
            "currency": order.currency,
            "contact": rows[0].contact,
            "campaign": rows[0].campaign,
        }
        outbox.add_outgoing(
            connection,
            emp_id=account.emp_id,
            shop_id=stored.shop_id,
            order_id=order.id,
            part=part,
            url=fill_template(account.forward_url, words | common),
            at=now,
        )


def _line_words(rows: Sequence[Sale], line: str) -> dict[str, str]:
    """A line as its receiver is to know it: whole, however many clicks share it."""
    its = [sale for sale in rows if sale.line == line]
    return {
        "item": its[0].item,
        "sku": its[0].sku or "",
        "quantity": str(sum(sale.quantity for sale in its)),
        "amount": str(sum((sale.amount for sale in its), start=its[0].amount * 0)),
    }


def fill_template(template: str, words: Mapping[str, str]) -> str:
    """Put url-quoted words where `{name}` stands; other braces stay as they are."""
    for name, value in words.items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template
