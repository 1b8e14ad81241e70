"""The forwards of an order's sales: one request for each line, or one for the whole order."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

import sqlalchemy as sa

from salepixel.accounts.store import Account
from salepixel.attribution.reconcile import Reconciled, reconcile_orders
from salepixel.attribution.sales import Sale
from salepixel.clicks.tokens import ClickSealer
from salepixel.destinations.outbox import announce_order, rewrite_order
from salepixel.money.quantities import round_quantity
from salepixel.money.rates import SHIPPED, Rates
from salepixel.orders.keys import OrderKey
from salepixel.orders.order import Order
from salepixel.orders.store import StoredOrder


def reconcile_and_announce(
    connection: sa.Connection,
    sealer: ClickSealer,
    keys: Sequence[OrderKey],
    now: datetime,
    rates: Rates = SHIPPED,
    *,
    only_due: bool = False,
) -> list[Reconciled]:
    """Decide orders again and put their forwards into the outbox, in one transaction.

    `now`: aware UTC, when forwarding may begin. `only_due` and the result: see `reconcile_orders`.
    """
    done = reconcile_orders(connection, sealer, keys, rates, only_due=only_due)
    for one in done:
        announce_sales(connection, one, now)
    return done


def announce_sales(connection: sa.Connection, done: Reconciled, now: datetime) -> None:
    """Put the forwards of an order's sales into the outbox, if its account forwards sales."""
    account, stored = done.account, done.stored
    if account.forward_url:
        urls = _urls(account, stored.order, done.sales)
        announce_order(connection, account.emp_id, stored.shop_id, stored.order.id, urls, now)


def forget_contact(
    connection: sa.Connection, account: Account, stored: StoredOrder, sales: Sequence[Sale]
) -> int:
    """Rewrite an order's outbox after its sales lost their contact. Returns how many entries changed.

    Sent entries lose their URL. Entries that wait or were given up get a new URL, or are deleted if the
    account no longer forwards sales.
    """
    urls = _urls(account, stored.order, sales) if account.forward_url else {}
    return rewrite_order(connection, account.emp_id, stored.shop_id, stored.order.id, urls)


def _urls(account: Account, order: Order, rows: Sequence[Sale]) -> dict[str, str]:
    """The URLs of the requests for an order's sales, by the part of the order that they are about."""
    common = {
        "empId": account.hosted_emp_id or str(account.emp_id),
        "order": order.number,
        "currency": order.currency,
        "contact": rows[0].contact if rows else "",
        "campaign": rows[0].campaign if rows else "",
    }
    return {
        part: fill_template(account.forward_url, words | common)
        for part, words in _parts(account, rows).items()
    }


def _parts(account: Account, rows: Sequence[Sale]) -> dict[str, dict[str, str]]:
    """The words of each line; if the receiver counts orders, those of the whole order under ""."""
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
    """The words of a line: one line for the receiver, even if several clicks share its amount."""
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
    """Replace each `{name}` by its URL-quoted word; other braces stay."""
    for name, value in words.items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template
