"""Reconciling: gather the evidence for one order, decide, write its sales; twice is once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

import sqlalchemy as sa

from salepixel.attribution import CLOCK_SKEW, Decision, Evidence, Rung, decide
from salepixel.clicks import BadClickToken, Click, ClickSealer
from salepixel.report import Sale, sale_rows
from salepixel.storage import accounts, campaigns, clicks, contacts, hits, orders, outbox, shops
from salepixel.storage.accounts import Account
from salepixel.storage.orders import StoredOrder


def reconcile_order(
    connection: sa.Connection, sealer: ClickSealer, shop_id: str, order_id: str, now: datetime
) -> Decision | None:
    """Decide an order again from all that is known; None when there is no such order."""
    stored = orders.get_order(connection, shop_id, order_id, lock=True)
    shop = shops.get_shop(connection, shop_id)
    if stored is None or shop is None:
        return None
    account = accounts.get_account(connection, stored.emp_id)
    if account is None:
        return None
    from_pixel = shop.platform == "pixel"
    since = shops.connected_since(connection, account.emp_id)
    if stored.order.paid and not from_pixel:
        _clear_its_click(connection, sealer, stored)
    evidence, invalid_token = gather_evidence(connection, sealer, account, stored, from_pixel=from_pixel)
    decision = decide(
        account.emp_id,
        stored.order,
        evidence,
        account.policy,
        invalid_token=invalid_token,
        proven=not from_pixel or since is None or stored.order.placed_at < since,
    )
    rows = sale_rows(stored.order, decision, verified=not from_pixel)
    orders.store_decision(connection, stored, decision, rows)
    _announce(connection, account, stored, rows, now)
    return decision


def gather_evidence(
    connection: sa.Connection, sealer: ClickSealer, account: Account, stored: StoredOrder, *, from_pixel: bool
) -> tuple[list[Evidence], bool]:
    """All evidence for an order, and whether its click token could not be opened."""
    order, evidence = stored.order, []
    token_click = _open(sealer, order.click_token)
    if token_click:
        evidence += _by_token(connection, Rung.TOKEN, [token_click])
    its_hits = (
        hits.hits_making(connection, account.emp_id, order.id)
        if from_pixel
        else hits.hits_naming(connection, account.emp_id, [order.id, order.number])
    )
    at_pixel = {click.id: click for hit in its_hits if (click := _open(sealer, hit.click_token))}
    evidence += _by_token(connection, Rung.COOKIE, list(at_pixel.values()))
    if order.email_hash:
        refs = contacts.refs_with_email(connection, account.emp_id, order.email_hash)
        # Twice the window, so that the decision can say "outside the window" and not just "no click".
        since = order.placed_at - 2 * account.policy.window
        until = order.placed_at + CLOCK_SKEW
        for found in clicks.clicks_of_contacts(connection, account.emp_id, refs, since, until):
            evidence.append(Evidence(Rung.EMAIL, found.click, found.verdict, found.sale_pixel))
    return evidence, bool(order.click_token) and token_click is None


def _clear_its_click(connection: sa.Connection, sealer: ClickSealer, stored: StoredOrder) -> None:
    click = _open(sealer, stored.order.click_token)
    # Another account's click is none of its business.
    if click and click.emp_id == stored.emp_id:
        clicks.clear_click(connection, click.id, stored.shop_id, stored.order.id)


def _by_token(connection: sa.Connection, rung: Rung, opened: Sequence[Click]) -> list[Evidence]:
    known = clicks.get_clicks(connection, [click.id for click in opened])
    evidence = []
    for click in opened:
        found = known.get(click.id)
        if found:
            evidence.append(Evidence(rung, found.click, found.verdict, found.sale_pixel))
        else:
            evidence.append(Evidence(rung, click, sale_pixel=campaigns.link_sells(connection, click.link)))
    return evidence


def _open(sealer: ClickSealer, token: str | None) -> Click | None:
    try:
        return sealer.open(token) if token else None
    except BadClickToken:
        return None


def _announce(
    connection: sa.Connection, account: Account, stored: StoredOrder, rows: Sequence[Sale], now: datetime
) -> None:
    if not account.forward_url or not rows:
        return
    order = stored.order
    if account.forward_per == "order":
        amount = sum((sale.amount for sale in rows), start=rows[0].amount * 0)
        whole = {
            "item": ", ".join(sale.item for sale in rows),
            "sku": "",
            "quantity": str(sum(sale.quantity for sale in rows)),
            "amount": str(amount),
        }
        parts = {"": whole}
    else:
        parts = {
            sale.line: {
                "item": sale.item,
                "sku": sale.sku or "",
                "quantity": str(sale.quantity),
                "amount": str(sale.amount),
            }
            for sale in rows
        }
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


def fill_template(template: str, words: Mapping[str, str]) -> str:
    """Put url-quoted words where `{name}` stands; other braces stay as they are."""
    for name, value in words.items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template
