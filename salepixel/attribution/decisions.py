"""Decisions as they are stored, and what follows for other orders."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.attribution.decide import Candidate, Decision
from salepixel.attribution.evidence import Rung
from salepixel.attribution.sale_store import replace_sale_refunds, sale_row
from salepixel.attribution.sales import Sale
from salepixel.orders.outcome import Outcome
from salepixel.orders.queue import mark_decided
from salepixel.orders.requeue import requeue_later_orders_of_customer
from salepixel.orders.store import StoredOrder
from salepixel.reading.order_numbers import order_key
from salepixel.storage.schema import (
    UtcTime,
    decision_contacts,
    decisions,
    order_clicks,
    orders,
    sales,
    shops,
)
from salepixel.storage.upsert import insert_into

_ITS_DECISION = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)


UNTOLD: dict[str, Any] = {"credited": None, "model": "last", "agreeing": [], "conflicting": []}
"""The details of a decision that was made before they were told."""


def is_told_by_shop(connection: sa.Connection, emp_id: int, ref: str) -> bool:
    """Whether a shop of an account, and not its pixel, told an order with this id or number.

    As soon as that one is decided: then the pixel's twin is due, and until then nothing is counted twice.
    """
    tell = sa.select(shops.c.id).where(shops.c.emp_id == emp_id, shops.c.platform != "pixel")
    # Two questions, each with an index of its own: a shop may have millions of orders.
    for its_name in (orders.c.id == ref, orders.c.number_key == order_key(ref)):
        told = sa.select(orders.c.id).select_from(orders.join(decisions, _ITS_DECISION))
        named = told.where(orders.c.shop_id.in_(tell), its_name)
        if connection.execute(named.limit(1)).first():
            return True
    return False


def buyers_known_before(connection: sa.Connection, stored: StoredOrder) -> list[str]:
    """The contacts whom earlier orders of the same customer of the shop name by their own evidence."""
    order = stored.order
    if not order.customer:
        return []
    earlier = sa.and_(
        orders.c.shop_id == stored.shop_id,
        orders.c.customer == order.customer,
        sa.tuple_(orders.c.placed_at, orders.c.id)
        < sa.tuple_(sa.literal(order.placed_at, UtcTime), sa.literal(order.id)),
    )
    query = sa.select(decisions.c.buyer).distinct().select_from(orders.join(decisions, _ITS_DECISION))
    return sorted(connection.scalars(query.where(earlier, decisions.c.buyer != "")))


def store_decision(
    connection: sa.Connection, stored: StoredOrder, decision: Decision, rows: Sequence[Sale], buyer: str = ""
) -> None:
    """Replace an order's decision and sales by these; the order is no longer due.

    `buyer`: the contact whom the order's own evidence names. When that is somebody else than before, later
    orders of the same customer are decided again.
    """
    order = stored.order
    before = kept_buyer(connection, stored.shop_id, order.id)
    values = {
        "shop_id": stored.shop_id,
        "order_id": order.id,
        "emp_id": stored.emp_id,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "policy": decision.policy,
        "candidates": json.dumps(candidates_as_json(decision)),
        "placed_at": order.placed_at,
        "details": json.dumps(details_as_json(decision)),
        "buyer": buyer,
    }
    connection.execute(_upsert_decision(connection.dialect.name), values)
    _keep_contacts(connection, stored, decision)
    _keep_named_clicks(connection, stored, decision)
    connection.execute(
        sa.delete(sales).where(sales.c.shop_id == stored.shop_id, sales.c.order_id == order.id)
    )
    if rows:
        connection.execute(sa.insert(sales), [sale_row(stored, sale) for sale in rows])
    replace_sale_refunds(connection, stored.shop_id, order.id, rows)
    mark_decided(connection, stored.shop_id, order.id)
    if order.customer and buyer != before:
        requeue_later_orders_of_customer(
            connection, stored.shop_id, order.customer, order.placed_at, order.id
        )


def _keep_contacts(connection: sa.Connection, stored: StoredOrder, decision: Decision) -> None:
    order = {"shop_id": stored.shop_id, "order_id": stored.order.id}
    connection.execute(_forget_contacts(), {"shop": stored.shop_id, "order": stored.order.id})
    named = {one.evidence.contact for one in decision.candidates if one.evidence.consent} - {""}
    if named:
        rows = [{**order, "contact": contact, "emp_id": stored.emp_id} for contact in sorted(named)]
        connection.execute(sa.insert(decision_contacts), rows)


@cache
def _forget_contacts() -> Any:
    its = decision_contacts.c.shop_id == sa.bindparam("shop")
    return sa.delete(decision_contacts).where(its, decision_contacts.c.order_id == sa.bindparam("order"))


def _keep_named_clicks(connection: sa.Connection, stored: StoredOrder, decision: Decision) -> None:
    """Note the clicks that the order names itself: what the decision tells of one may change."""
    named = {
        one.evidence.click.id
        for one in decision.candidates
        if one.evidence.click and one.evidence.rung in (Rung.TOKEN, Rung.COOKIE)
    }
    rows = [{"click_id": key, "shop_id": stored.shop_id, "order_id": stored.order.id} for key in named]
    if rows:
        connection.execute(_insert_named(connection.dialect.name), rows)


@cache
def _insert_named(dialect: str) -> Any:
    return insert_into(dialect, order_clicks).on_conflict_do_nothing()


def kept_buyer(connection: sa.Connection, shop_id: str, order_id: str) -> str:
    """The contact whom an order's own evidence named when it was decided, empty for nobody."""
    this = sa.and_(decisions.c.shop_id == shop_id, decisions.c.order_id == order_id)
    return connection.scalar(sa.select(decisions.c.buyer).where(this)) or ""


@cache
def _upsert_decision(dialect: str) -> Any:
    statement = insert_into(dialect, decisions)
    changed = ("outcome", "reason", "policy", "candidates", "placed_at", "details", "buyer")
    return statement.on_conflict_do_update(
        index_elements=["shop_id", "order_id"], set_={name: statement.excluded[name] for name in changed}
    )


def candidates_as_json(decision: Decision) -> list[dict[str, Any]]:
    """The candidates of a decision as people and programs may read them."""
    return [_candidate_as_json(candidate) for candidate in decision.candidates]


def _candidate_as_json(candidate: Candidate) -> dict[str, Any]:
    evidence, click = candidate.evidence, candidate.evidence.click
    return {
        "click": click.id.hex() if click else None,
        "clicked_at": rfc3339(click.clicked_at) if click else None,
        "campaign": evidence.campaign or None,
        "link": click.link if click else None,
        # Who refused to be followed is not named.
        "contact": (evidence.contact if evidence.consent else "") or None,
        "evidence": evidence.rung,
        "verdict": evidence.verdict,
        "confidence": candidate.confidence,
        "credited": candidate.passed_over is None,
        "passed_over": candidate.passed_over,
        "share": round(float(candidate.share), 6),
    }


def details_as_json(decision: Decision) -> dict[str, Any]:
    """What else is told of a decision: who is credited, what agrees, what speaks against it."""
    won = decision.credited
    click = won.evidence.click if won else None
    return {
        "credited": None
        if won is None
        else {
            "campaign": won.evidence.campaign,
            "contact": decision.contact or None,
            "click": click.id.hex() if click else None,
            "evidence": won.evidence.rung,
            "confidence": won.confidence,
            "forwarded": decision.forwarded,
        },
        "model": decision.model,
        "agreeing": list(decision.agreeing),
        "conflicting": list(decision.conflicting),
    }


def decided_as_of(connection: sa.Connection, shop_id: str, order_id: str) -> datetime | None:
    """When (UTC) an order was placed as it was decided; None when it was not, or put off until it is paid."""
    query = sa.select(decisions.c.placed_at).where(
        decisions.c.shop_id == shop_id,
        decisions.c.order_id == order_id,
        decisions.c.outcome != Outcome.PENDING,
    )
    return connection.scalar(query)


def get_decision(connection: sa.Connection, shop_id: str, order_id: str) -> dict[str, Any] | None:
    """The stored decision of an order, None while it has not been reconciled."""
    query = sa.select(decisions).where(decisions.c.shop_id == shop_id, decisions.c.order_id == order_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    return {
        "outcome": row.outcome,
        "reason": row.reason,
        "policy": row.policy,
        "candidates": json.loads(row.candidates),
        **UNTOLD,
        **json.loads(row.details),
    }


def rfc3339(time: datetime) -> str:
    """An aware UTC time with a Z, without fractions that are zero."""
    return time.isoformat().replace("+00:00", "Z")
