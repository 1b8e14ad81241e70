"""An order with its decision, for the API and the pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.declined import NotFound
from salepixel.accounts.store import get_account
from salepixel.attribution.decisions import get_decision
from salepixel.attribution.explanation import Explanation, explanation_as_json
from salepixel.orders import queue
from salepixel.orders import store as orders
from salepixel.orders.bounds import MAX_REFERENCE_BYTES, OutOfBounds, check_order
from salepixel.orders.order import RefundState
from salepixel.orders.outcome import Outcome
from salepixel.orders.refunds import refund_history
from salepixel.orders.store import StoredOrder
from salepixel.shops.shop import Shop

NOT_PROCESSED_YET = "not_processed_yet"
"""The reason of an order that is not decided yet. Deciding takes seconds, a minute at most."""

PROCESSING_FAILED = "processing_failed"
"""The reason of an order whose last attempt failed. Judging it now would fail again."""


@dataclass(frozen=True)
class Decided:
    """An order with its decision.

    `clicks_ended_before`: retention has deleted clicks before this time (UTC), so the decision no longer
    changes. None if all clicks that the decision needs are stored.
    """

    stored: StoredOrder
    decision: dict[str, Any]
    history: list[RefundState]
    clicks_ended_before: datetime | None = None


@dataclass(frozen=True)
class Undecidable:
    """An order that could not be decided. Its snapshot may be damaged."""

    emp_id: int
    order_id: str
    number: str
    error: str
    policy: int


def find_decided(connection: sa.Connection, shop: Shop, name: str, now: datetime) -> Decided | Undecidable:
    """An order, found by id or number, with its decision, or why it has none. Raises NotFound."""
    readable = name.isprintable() and len(name) <= MAX_REFERENCE_BYTES
    order_id = orders.find_order_id(connection, shop.id, name) if readable else None
    if order_id is None:
        raise NotFound("order")
    account = get_account(connection, shop.emp_id)
    policy = account.policy.version if account else 0
    if failed := queue.find_failed(connection, shop.id, order_id):
        return Undecidable(failed.emp_id, order_id, failed.number, failed.last_error, policy)
    stored = orders.get_order(connection, shop.id, order_id)
    if stored is None:
        raise NotFound("order")
    kept = get_decision(connection, shop.id, order_id)
    if kept is None:
        try:
            check_order(stored.order, now)
        except OutOfBounds as error:  # stored before this check existed; its first attempt will fail
            return Undecidable(stored.emp_id, order_id, stored.order.number, error.reason, policy)
    explanation = kept.explanation if kept else Explanation(Outcome.PENDING, NOT_PROCESSED_YET, policy)
    history = refund_history(connection, shop.id, stored.order)
    ended = account.clicks_ended_before if account and account.lacks_clicks(stored.order.placed_at) else None
    return Decided(stored, explanation_as_json(explanation), history, ended)
