"""Decisions and their candidates as they are stored, and what follows for other orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.policy import Model
from salepixel.attribution.decide import Decision
from salepixel.attribution.evidence import Rung
from salepixel.attribution.explanation import Credited, ExplainedCandidate, Explanation, explain_decision
from salepixel.attribution.sale_store import replace_sales
from salepixel.attribution.sales import Sale
from salepixel.clicks.tokens import Verdict
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.queue import mark_decided
from salepixel.orders.requeue import requeue_later_orders_of_customer
from salepixel.orders.store import StoredOrder
from salepixel.reading.order_numbers import order_key
from salepixel.storage.schema import UtcTime, candidates, decisions, orders, shops
from salepixel.storage.upsert import insert_into
from salepixel.sums import decisions as sums

_ITS_DECISION = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)
_KEY = ("shop_id", "order_id", "position", "emp_id")


@dataclass(frozen=True, slots=True)
class Observed:
    """What tracking health counts of an order; it says nothing of who earned it.

    `payment`: how it was paid, as the shop calls it. `browser`: the family of browsers of the last click that
    earned it, "other" if that is not known, empty if there is no such click. `seen`: a pixel hit names the
    order of a shop. `healed`: a poll of the shop found it first.
    """

    payment: str = ""
    browser: str = ""
    seen: bool = False
    healed: bool = False


NOTHING_OBSERVED = Observed()


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision as it is stored, with when its order was placed, in UTC.

    `buyer`: the contact that the order's own evidence names, empty for nobody.
    """

    explanation: Explanation
    placed_at: datetime
    buyer: str
    observed: Observed = NOTHING_OBSERVED


def store_decision(
    connection: sa.Connection,
    stored: StoredOrder,
    decision: Decision,
    rows: Sequence[Sale],
    buyer: str = "",
    observed: Observed = NOTHING_OBSERVED,
) -> None:
    """Replace an order's decision and sales by these; the order is no longer due.

    `buyer`: the contact that the order's own evidence names. When that is somebody else than before, later
    orders of the same customer are decided again.
    """
    order = stored.order
    before = get_decision(connection, stored.shop_id, order.id)
    now = StoredDecision(explain_decision(decision), order.placed_at, buyer, observed)
    if now != before:
        _replace(connection, stored, now, before)
    replace_sales(connection, stored, rows)
    mark_decided(connection, stored.shop_id, order.id)
    if order.customer and buyer != (before.buyer if before else ""):
        requeue_later_orders_of_customer(
            connection, stored.shop_id, order.customer, order.placed_at, order.id
        )


def _replace(
    connection: sa.Connection, stored: StoredOrder, now: StoredDecision, before: StoredDecision | None
) -> None:
    key = {"shop_id": stored.shop_id, "order_id": stored.order.id}
    rows = [
        {**key, "emp_id": stored.emp_id, **_columns_of_decision(one)}
        for one in (before, now)
        if one is not None
    ]
    connection.execute(_upsert_decision(connection.dialect.name), rows[-1])
    sums.add(connection, rows[:-1], rows[-1:])
    looked_at, were = now.explanation.candidates, before.explanation.candidates if before else ()
    if looked_at == were:
        return
    if were:
        connection.execute(_delete_candidates(), {"shop": stored.shop_id, "order": stored.order.id})
    if looked_at:
        rows = [
            {**key, "position": position, "emp_id": stored.emp_id, **_columns_of_candidate(one)}
            for position, one in enumerate(looked_at)
        ]
        connection.execute(sa.insert(candidates), rows)


def _columns_of_decision(decision: StoredDecision) -> dict[str, Any]:
    explanation, credited = decision.explanation, decision.explanation.credited
    return {
        "placed_at": decision.placed_at,
        "outcome": explanation.outcome,
        "reason": explanation.reason,
        "policy": explanation.policy,
        "model": explanation.model,
        "evidence": credited.evidence if credited else "",
        "confidence": credited.confidence if credited else 0.0,
        "campaign_id": credited.campaign if credited else "",
        "contact": credited.contact if credited else "",
        "click_id": credited.click_id if credited else None,
        "forwarded": credited is not None and credited.forwarded,
        "agreeing": " ".join(explanation.agreeing),
        "conflicting": " ".join(explanation.conflicting),
        "buyer": decision.buyer,
        **{name: getattr(decision.observed, name) for name in Observed.__slots__},
    }


def _columns_of_candidate(candidate: ExplainedCandidate) -> dict[str, Any]:
    return {
        "click_id": candidate.click_id,
        "campaign_id": candidate.campaign,
        "link_id": candidate.link,
        "contact": candidate.contact,
        "evidence": candidate.evidence,
        "verdict": candidate.verdict,
        "confidence": candidate.confidence,
        "passed_over": candidate.passed_over,
        "opted_out": candidate.opted_out,
        "share": candidate.share,
    }


@cache
def _upsert_decision(dialect: str) -> Any:
    statement = insert_into(dialect, decisions)
    changed = {column.name: column for column in statement.excluded if column.name not in _KEY}
    return statement.on_conflict_do_update(index_elements=["shop_id", "order_id"], set_=changed)


@cache
def _delete_candidates() -> Any:
    its = candidates.c.shop_id == sa.bindparam("shop"), candidates.c.order_id == sa.bindparam("order")
    return sa.delete(candidates).where(*its)


def get_decision(connection: sa.Connection, shop_id: str, order_id: str) -> StoredDecision | None:
    """The stored decision of an order, None while it has not been reconciled."""
    rows = connection.execute(_select_decision(), {"shop": shop_id, "order": order_id}).all()
    return _read_decision(rows) if rows else None


@cache
def _select_decision() -> Any:
    """A row for each candidate, or one with nulls in its place."""
    its = sa.and_(candidates.c.shop_id == decisions.c.shop_id, candidates.c.order_id == decisions.c.order_id)
    of_candidate = [
        column.label(f"candidate_{column.name}") for column in candidates.c if column.name not in _KEY
    ]
    return (
        sa.select(decisions, *of_candidate)
        .select_from(decisions.outerjoin(candidates, its))
        .where(decisions.c.shop_id == sa.bindparam("shop"), decisions.c.order_id == sa.bindparam("order"))
        .order_by(candidates.c.position)
    )


def _read_decision(rows: Sequence[sa.Row[Any]]) -> StoredDecision:
    row = rows[0]
    credited = None
    if row.evidence:
        credited = Credited(
            row.campaign_id, row.contact, row.click_id, Rung(row.evidence), row.confidence, row.forwarded
        )
    explanation = Explanation(
        Outcome(row.outcome),
        row.reason,
        row.policy,
        tuple(_read_candidate(one) for one in rows if one.candidate_evidence is not None),
        credited,
        Model(row.model),
        tuple(map(Rung, row.agreeing.split())),
        tuple(map(Rung, row.conflicting.split())),
    )
    observed = Observed(row.payment, row.browser, row.seen, row.healed)
    return StoredDecision(explanation, row.placed_at, row.buyer, observed)


def _read_candidate(row: sa.Row[Any]) -> ExplainedCandidate:
    return ExplainedCandidate(
        click_id=row.candidate_click_id,
        campaign=row.candidate_campaign_id,
        link=row.candidate_link_id,
        contact=row.candidate_contact,
        evidence=Rung(row.candidate_evidence),
        verdict=Verdict(row.candidate_verdict),
        confidence=row.candidate_confidence,
        passed_over=None if row.candidate_passed_over is None else Reason(row.candidate_passed_over),
        opted_out=row.candidate_opted_out,
        share=row.candidate_share,
    )


def decided_as_of(connection: sa.Connection, shop_id: str, order_id: str) -> datetime | None:
    """When (UTC) an order was placed as it was decided; None when it was not, or put off until it is paid."""
    query = sa.select(decisions.c.placed_at).where(
        decisions.c.shop_id == shop_id,
        decisions.c.order_id == order_id,
        decisions.c.outcome != Outcome.PENDING,
    )
    return connection.scalar(query)


def is_reported_by_shop(connection: sa.Connection, emp_id: int, ref: str) -> bool:
    """Whether a shop of an account, and not only its pixel, reported an order with this id or number.

    True once that order is decided: its pixel twin is due then, and before it nothing is counted twice.
    """
    its_shops = sa.select(shops.c.id).where(shops.c.emp_id == emp_id, shops.c.platform != "pixel")
    # Two questions, each with an index of its own: a shop may have millions of orders.
    for its_name in (orders.c.id == ref, orders.c.number_key == order_key(ref)):
        decided = sa.select(orders.c.id).select_from(orders.join(decisions, _ITS_DECISION))
        named = decided.where(orders.c.shop_id.in_(its_shops), its_name)
        if connection.execute(named.limit(1)).first():
            return True
    return False


def buyers_known_before(connection: sa.Connection, stored: StoredOrder) -> list[str]:
    """The contacts that earlier orders of the same customer of the shop name by their own evidence."""
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
