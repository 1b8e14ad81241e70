"""Compares the stored decision and sales of an order with those computed again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.store import Account
from salepixel.attribution.decisions import Observed, get_decision
from salepixel.attribution.explanation import Explanation, explain_decision
from salepixel.attribution.judge import closed_sales, judge_order
from salepixel.attribution.sale_store import refund_rows, sale_row, sales_of_order
from salepixel.attribution.sales import Sale
from salepixel.clicks import hit_store as hits
from salepixel.clicks.tokens import ClickSealer
from salepixel.money.rates import Rates
from salepixel.orders.refunds import refund_history
from salepixel.orders.store import StoredOrder
from salepixel.shops.shop import Shop
from salepixel.storage import schema


def compare_order(
    connection: sa.Connection,
    sealer: ClickSealer,
    account: Account,
    shop: Shop,
    stored: StoredOrder,
    rates: Rates,
) -> Iterator[str]:
    """How an order's stored decision and sales differ from those computed from all stored data."""
    if shop.platform == "pixel":
        order_id = stored.order.id
        its_hits = hits.hits_making(connection, account.emp_id, [order_id])[order_id]
        made = its_hits and hits.order_from_hits(account, order_id, its_hits)
        if not made or replace(made, erased_at=stored.order.erased_at) != stored.order:
            yield "differs from its pixel hits"
    judged = judge_order(connection, sealer, account, shop, stored, rates)
    kept = get_decision(connection, stored.shop_id, stored.order.id)
    must = explain_decision(judged.decision)
    for name in Explanation._fields:
        is_kept, value = kept and getattr(kept.explanation, name), getattr(must, name)
        if name == "clicks_limit" and account.lacks_bot_clicks(stored.order.placed_at):
            continue  # the older clicks were bot clicks, which retention has deleted
        if is_kept != value:
            yield f"{name} is {is_kept!r} and must be {value!r}"
    buyer = kept.buyer if kept else ""
    if buyer != judged.buyer:
        yield f"buyer is {buyer!r} and must be {judged.buyer!r}"
    for name in Observed._fields:
        is_kept, value = kept and getattr(kept.observed, name), getattr(judged.observed, name)
        if is_kept != value:
            yield f"{name} is {is_kept!r} and must be {value!r}"
    wrong = list(_wrong_sales(connection, stored, judged.rows))
    yield from wrong
    if not wrong:
        rows = [sale_row(stored, sale) for sale in judged.rows]
        yield from _other_columns(connection, stored, schema.sales, rows)


def compare_closed_order(connection: sa.Connection, account: Account, stored: StoredOrder) -> Iterator[str]:
    """The differences in the sales of an order that `is_closed`: only later refunds may be new."""
    history = refund_history(connection, stored.shop_id, stored.order)
    yield from _wrong_sales(connection, stored, closed_sales(connection, account, stored, history))


def _wrong_sales(connection: sa.Connection, stored: StoredOrder, rows: Sequence[Sale]) -> Iterator[str]:
    is_sold = sales_of_order(connection, stored.shop_id, stored.order.id)
    if sorted(is_sold, key=_place) != sorted(rows, key=_place):
        yield f"sales are {_as_text(is_sold)} and must be {_as_text(rows)}"
        return
    its_refunds = refund_rows(stored.shop_id, stored.order.id, rows)
    yield from _other_columns(connection, stored, schema.sale_refunds, its_refunds)


def _other_columns(
    connection: sa.Connection, stored: StoredOrder, table: sa.Table, must: list[dict[str, Any]]
) -> Iterator[str]:
    """The differences in columns that a report does not show directly, such as converted amounts."""
    name = table.name.removeprefix("sale_")
    this = sa.and_(table.c.shop_id == stored.shop_id, table.c.order_id == stored.order.id)
    key = itemgetter(*(column.name for column in table.primary_key))
    # Sorted here, because each database sorts texts by its own rules.
    kept = sorted(connection.execute(sa.select(table).where(this)).mappings(), key=key)
    if len(kept) != len(must):
        yield f"{name} are {len(kept)} rows and must be {len(must)}"
        return
    pairs = zip(kept, sorted(must, key=key), strict=True)
    others = {column for row, other in pairs for column in other if row[column] != other[column]}
    if others:
        yield f"{name} are stored with another {', '.join(sorted(others))}"


def _place(sale: Sale) -> tuple[str, bytes]:
    return sale.line, sale.click_id


def _as_text(rows: Sequence[Sale]) -> str:
    return (
        ", ".join(
            f"{sale.amount} - {sale.refunded} {sale.currency} for {sale.campaign} by {sale.evidence}"
            + "".join(f", {refund.amount} refunded on {refund.at:%Y-%m-%d}" for refund in sale.refunds)
            for sale in rows
        )
        or "none"
    )
