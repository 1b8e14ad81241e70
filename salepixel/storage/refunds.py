"""When what was refunded: of orders as their snapshots told it, and of the sales that follow."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from salepixel.money import from_minor, round_minor, to_minor
from salepixel.orders import Order, RefundState
from salepixel.report import Sale
from salepixel.sold import Refund
from salepixel.storage.queue import DUE
from salepixel.storage.schema import orders, refunds, sale_refunds
from salepixel.storage.upsert import insert_into, took_effect

SaleKey = tuple[str, str, str, bytes]
"""Shop, order, line, click."""


def keep_refund_state(connection: sa.Connection, shop_id: str, order: Order) -> bool:
    """Keep what a snapshot tells of refunds, also of one that is not the newest; False when it is known."""
    values = {
        "shop_id": shop_id,
        "order_id": order.id,
        "updated_at": order.updated_at,
        "issued_at": order.issued_at,
        "refunded": to_minor(order.refunded, order.currency),
        "cancelled": order.cancelled,
        "currency": order.currency,
        "charged": None if order.charged is None else to_minor(order.charged, order.currency),
        "covers": None if order.covers is None else to_minor(order.covers, order.currency),
    }
    return took_effect(connection, _insert_state(connection.dialect.name), values)


def date_again(connection: sa.Connection, shop_id: str, order_id: str) -> None:
    """Make an order due whose money a late snapshot may change.

    Of what was refunded the day may be an earlier one; what does not look paid may have been.
    """
    connection.execute(_make_due(), {"shop": shop_id, "order": order_id})


@cache
def _make_due() -> Any:
    its = refunds.c.shop_id == sa.bindparam("shop"), refunds.c.order_id == sa.bindparam("order")
    given_back = sa.exists().where(*its, sa.or_(refunds.c.refunded > 0, refunds.c.cancelled))
    this = orders.c.shop_id == sa.bindparam("shop"), orders.c.id == sa.bindparam("order")
    return sa.update(orders).where(*this, sa.or_(given_back, orders.c.open)).values(DUE)


@cache
def _insert_state(dialect: str) -> Any:
    # Who sends the same order every day adds no rows; the earliest is the same in any sequence, and so is the
    # most of what was charged.
    statement = insert_into(dialect, refunds)
    new, kept = statement.excluded, refunds.c
    more = {name: _more(new[name], kept[name]) for name in ("charged", "covers")}
    tells_more = [sa.or_(new[name] > kept[name], _is_first(new[name], kept[name])) for name in more]
    return statement.on_conflict_do_update(
        index_elements=["shop_id", "order_id", "updated_at", "refunded", "cancelled", "currency"],
        set_={
            "issued_at": sa.case((new.issued_at < kept.issued_at, new.issued_at), else_=kept.issued_at),
            **more,
        },
        where=sa.or_(new.issued_at < kept.issued_at, *tells_more),
    )


def _more(new: Any, kept: Any) -> Any:
    return sa.case((sa.or_(new > kept, kept.is_(None)), new), else_=kept)


def _is_first(new: Any, kept: Any) -> Any:
    return sa.and_(kept.is_(None), new.is_not(None))


def refund_history(connection: sa.Connection, shop_id: str, order: Order) -> list[RefundState]:
    """What the known snapshots of an order told of refunds, as far as it can be told in its currency."""
    rows = connection.execute(_states_of(), {"shop": shop_id, "order": order.id})
    return [state for row in rows if (state := _state(row, order.currency))]


def _state(row: sa.Row[Any], currency: str) -> RefundState | None:
    refunded, charged, covers = row.refunded, row.charged, row.covers
    if row.currency not in ("", currency):
        # The shop has corrected it since. Nothing, and all of it, are the same in every currency.
        if refunded and not row.cancelled:
            return None
        refunded, charged, covers = 0, None, None
    return RefundState(
        row.updated_at,
        row.issued_at,
        from_minor(refunded, currency),
        row.cancelled,
        None if charged is None else from_minor(charged, currency),
        None if covers is None else from_minor(covers, currency),
    )


@cache
def _states_of() -> Any:
    its = refunds.c.shop_id == sa.bindparam("shop"), refunds.c.order_id == sa.bindparam("order")
    return sa.select(refunds).where(*its)


def replace_sale_refunds(
    connection: sa.Connection, shop_id: str, order_id: str, rows: Sequence[Sale]
) -> None:
    """Replace what was refunded of an order's sales by what these say."""
    connection.execute(_delete_of(), {"shop": shop_id, "order": order_id})
    dated = refund_rows(shop_id, order_id, rows)
    if dated:
        connection.execute(sa.insert(sale_refunds), dated)


@cache
def _delete_of() -> Any:
    its = sale_refunds.c.shop_id == sa.bindparam("shop"), sale_refunds.c.order_id == sa.bindparam("order")
    return sa.delete(sale_refunds).where(*its)


def refunds_of(
    connection: sa.Connection, pairs: Sequence[tuple[str, str]]
) -> dict[SaleKey, tuple[Refund, ...]]:
    """What was refunded of the sales of orders (shop, order), oldest first."""
    query = sa.select(sale_refunds).where(
        sale_refunds.c.shop_id.in_({shop_id for shop_id, _ in pairs}),
        sale_refunds.c.order_id.in_({order_id for _, order_id in pairs}),
    )
    found: dict[SaleKey, tuple[Refund, ...]] = {}
    for row in connection.execute(query.order_by(sale_refunds.c.refunded_at)):
        key = (row.shop_id, row.order_id, row.line_id, row.click_id)
        found[key] = (*found.get(key, ()), Refund(row.refunded_at, from_minor(row.amount, row.currency)))
    return found


def rate_columns(sale: Sale) -> dict[str, Any]:
    """The columns of a sale that hold its worth in the account's currency."""
    rate, converted, refunded = sale.rate, sale.converted, sale.converted_refunded
    if rate is None or converted is None or refunded is None:
        return dict.fromkeys(("converted", "converted_refunded", "converted_currency", "rate", "rate_date"))
    return {
        "converted": round_minor(converted, rate.into),
        "converted_refunded": round_minor(refunded, rate.into),
        "converted_currency": rate.into,
        "rate": f"{rate.value:f}",
        "rate_date": rate.on.isoformat(),
    }


def _refund_rows(shop_id: str, order_id: str, sale: Sale) -> list[dict[str, Any]]:
    return [
        {
            "shop_id": shop_id,
            "order_id": order_id,
            "line_id": sale.line,
            "click_id": sale.click_id,
            "refunded_at": refund.at,
            "campaign_id": sale.campaign,
            "amount": to_minor(refund.amount, sale.currency),
            "currency": sale.currency,
            "converted": converted,
        }
        for refund, converted in zip(sale.refunds, _converted(sale), strict=True)
    ]


def _converted(sale: Sale) -> list[int | None]:
    # The growth of the converted sum, so that the parts add up to it to the cent.
    if sale.rate is None:
        return [None] * len(sale.refunds)
    so_far, sums = sale.amount * 0, [0]
    for refund in sale.refunds:
        so_far += refund.amount
        sums.append(round_minor(sale.rate.convert(so_far), sale.rate.into))
    return [later - earlier for earlier, later in pairwise(sums)]


def refund_rows(shop_id: str, order_id: str, rows: Sequence[Sale]) -> list[dict[str, Any]]:
    """What is kept of the refunds of an order's sales."""
    return [values for sale in rows for values in _refund_rows(shop_id, order_id, sale)]
