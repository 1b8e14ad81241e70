"""Compares the stored decisions and sales of orders with those computed again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.store import Account
from salepixel.attribution.decisions import Judged, Observed, StoredDecision, get_decisions
from salepixel.attribution.explanation import explain_decision
from salepixel.attribution.gather import read_named
from salepixel.attribution.judge import closed_sales, closed_worth, is_closed, judge_orders
from salepixel.attribution.sale_store import refund_rows, sale_row, sales_of_orders, sold_rows
from salepixel.attribution.sales import Sale
from salepixel.attribution.worth import Worth
from salepixel.clicks.hit_store import StoredHit, order_from_hits
from salepixel.clicks.tokens import ClickSealer
from salepixel.money.rates import Rates
from salepixel.orders.keys import OrderKey
from salepixel.orders.queue import attempts_of
from salepixel.orders.store import StoredOrder
from salepixel.shops.shop import Shop
from salepixel.storage import schema
from salepixel.sums.sales import Sold


@dataclass(frozen=True, slots=True)
class Compared:
    """The differences of an order. `is_closed`: only later refunds may be new."""

    is_closed: bool
    differences: list[str]


def compare_orders(
    connection: sa.Connection,
    sealer: ClickSealer,
    account: Account,
    shops: Mapping[str, Shop],
    batch: Sequence[StoredOrder],
    rates: Rates,
) -> dict[OrderKey, Compared]:
    """How the stored decisions and sales of orders differ from those computed from all stored data.

    `shops`: by id. Orders that wait for a decision are left out.
    """
    waiting = attempts_of(connection, [stored.key for stored in batch])
    batch = [stored for stored in batch if stored.key not in waiting]
    if not batch:
        return {}
    keys = [stored.key for stored in batch]
    kept = get_decisions(connection, keys)
    sold, rows = sales_of_orders(connection, keys), sold_rows(connection, keys)
    is_open = [stored for stored in batch if not is_closed(account, stored, kept.get(stored.key))]
    named = read_named(connection, sealer, account, shops, batch)
    judged = judge_orders(connection, account, shops, is_open, rates, named) if is_open else {}
    found: dict[OrderKey, Compared] = {}
    for stored in batch:
        key = stored.key
        if its := judged.get(key):
            wrong = _wrong_hits(account, shops[stored.shop_id], stored, named[key].hits)
            wrong += _wrong_decision(account, stored, kept.get(key), its)
            must = its.rows
        else:
            history = named[key].history
            must = closed_sales(account, stored, sold[key], history)
            wrong = _wrong_worth(kept[key], closed_worth(account, stored, kept[key], must, history))
        wrong += _wrong_sales(stored, sold[key], must, rows[key], with_columns=key in judged)
        found[key] = Compared(is_closed=key not in judged, differences=wrong)
    return found


def _wrong_hits(
    account: Account, shop: Shop, stored: StoredOrder, its_hits: Sequence[StoredHit]
) -> list[str]:
    if shop.platform != "pixel":
        return []
    made = its_hits and order_from_hits(account, stored.order.id, its_hits)
    is_same = made and replace(made, erased_at=stored.order.erased_at) == stored.order
    return [] if is_same else ["differs from its pixel hits"]


def _wrong_decision(
    account: Account, stored: StoredOrder, kept: StoredDecision | None, judged: Judged
) -> list[str]:
    must = explain_decision(judged.decision)
    pairs = {name: (kept and getattr(kept.explanation, name), getattr(must, name)) for name in must._fields}
    if account.lacks_bot_clicks(stored.order.placed_at):
        del pairs["clicks_limit"]  # the older clicks were bot clicks, which retention has deleted
    pairs["buyer"] = kept.buyer if kept else "", judged.buyer
    for name in Observed._fields:
        pairs[name] = kept and getattr(kept.observed, name), getattr(judged.observed, name)
    wrong = _wrong_worth(kept, judged.worth)
    return wrong + [
        f"{name} is {is_kept!r} and must be {value!r}"
        for name, (is_kept, value) in pairs.items()
        if is_kept != value
    ]


def _wrong_worth(kept: StoredDecision | None, must: Worth) -> list[str]:
    return [] if kept is None or kept.worth == must else [f"worth is {kept.worth} and must be {must}"]


def _wrong_sales(
    stored: StoredOrder, sold: Sequence[Sale], must: Sequence[Sale], kept: Sold, *, with_columns: bool
) -> list[str]:
    """`with_columns`: also compare the columns of sales that a `Sale` does not have."""
    if sorted(sold, key=_place) != sorted(must, key=_place):
        return [f"sales are {_as_text(sold)} and must be {_as_text(must)}"]
    refunds = refund_rows(*stored.key, must)
    sales = [sale_row(stored, sale) for sale in must] if with_columns else kept.sales
    return [
        *_other_columns(schema.sale_refunds, kept.refunds, refunds),
        *_other_columns(schema.sales, kept.sales, sales),
    ]


def _other_columns(
    table: sa.Table, kept: Sequence[Mapping[Any, Any]], must: Sequence[Mapping[Any, Any]]
) -> list[str]:
    """The differences in columns that a report does not show directly, such as converted amounts."""
    name = table.name.removeprefix("sale_")
    key = itemgetter(*(column.name for column in table.primary_key))
    if len(kept) != len(must):
        return [f"{name} are {len(kept)} rows and must be {len(must)}"]
    # Sorted here, because each database sorts texts by its own rules.
    pairs = zip(sorted(kept, key=key), sorted(must, key=key), strict=True)
    others = {column for row, other in pairs for column in other if row[column] != other[column]}
    return [f"{name} are stored with another {', '.join(sorted(others))}"] if others else []


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
