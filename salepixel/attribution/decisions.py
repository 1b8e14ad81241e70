"""Decisions and their candidates as stored; storing them requeues other orders if needed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.accounts.policy import Model
from salepixel.attribution.decide import Decision
from salepixel.attribution.evidence import Rung
from salepixel.attribution.explanation import Credited, ExplainedCandidate, Explanation, explain_decision
from salepixel.attribution.sale_store import replace_sales
from salepixel.attribution.sales import Sale
from salepixel.attribution.worth import NOTHING, BuyerIs, Worth
from salepixel.clicks.tokens import Verdict
from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.queue import mark_decided
from salepixel.orders.requeue import (
    LaterOrders,
    requeue_later_orders_of_buyers,
    requeue_later_orders_of_customers,
)
from salepixel.orders.store import StoredOrder
from salepixel.storage.schema import candidates, decisions
from salepixel.storage.upsert import insert_into
from salepixel.sums import decisions as sums
from salepixel.sums import returning
from salepixel.sums.purchases import is_purchase
from salepixel.sums.sales import Sold

_KEY = ("shop_id", "order_id", "position", "emp_id")
# By their stored names: calling an enum takes several times as long, and a batch reads hundreds.
_RUNGS = {str(one): one for one in Rung}
_VERDICTS = {str(one): one for one in Verdict}
_REASONS = {str(one): one for one in Reason}


class Observed(NamedTuple):
    """The facts about an order that Tracking health counts; they do not affect the attribution.

    `payment`: the shop's name of the payment method. `browser`: the browser family of the last credited
    click, "other" if unknown, empty without a credited click. `seen`: a pixel hit names the shop's order.
    `healed`: a poll of the shop found it first.
    """

    payment: str = ""
    browser: str = ""
    seen: bool = False
    healed: bool = False


NOTHING_OBSERVED = Observed()


class StoredDecision(NamedTuple):
    """A stored decision. `placed_at`: when its order was placed (UTC).

    `buyer`: the contact that the order's own evidence names, or empty.
    """

    explanation: Explanation
    placed_at: datetime
    buyer: str
    observed: Observed = NOTHING_OBSERVED
    worth: Worth = NOTHING

    @property
    def is_purchase(self) -> bool:
        """Whether the order is a purchase."""
        return is_purchase(self.explanation.outcome, self.explanation.reason)


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision and sales of an order. `buyer`: the contact that the order's own evidence names."""

    decision: Decision
    rows: Sequence[Sale]
    buyer: str
    observed: Observed = NOTHING_OBSERVED
    worth: Worth = NOTHING


def store_decision(
    connection: sa.Connection,
    stored: StoredOrder,
    decision: Decision,
    rows: Sequence[Sale],
    buyer: str = "",
    observed: Observed = NOTHING_OBSERVED,
) -> None:
    """Replace one order's decision and sales, as `store_decisions` does."""
    before = get_decisions(connection, [stored.key])
    store_decisions(connection, [(stored, Judged(decision, rows, buyer, observed))], before)


def store_decisions(
    connection: sa.Connection,
    judged: Sequence[tuple[StoredOrder, Judged]],
    before: Mapping[OrderKey, StoredDecision],
) -> None:
    """Replace the decisions and sales of these orders; the orders are no longer due.

    `before`: their stored decisions. If an order's own evidence now names another contact, later orders of
    the same customer are decided again, even if they are among these.
    """
    now = {
        stored.key: StoredDecision(
            explain_decision(one.decision), stored.order.placed_at, one.buyer, one.observed, one.worth
        )
        for stored, one in judged
    }
    _replace(connection, [stored for stored, _ in judged], now, before)
    sold_before, sold_now = replace_sales(connection, [(stored, one.rows) for stored, one in judged])
    returning.add(connection, _bought(sold_before, before), _bought(sold_now, now))
    # First unmark these orders, then mark others, so that a new mark on one of these stays.
    mark_decided(connection, list(now))
    requeue_later_orders_of_customers(
        connection,
        [
            LaterOrders(stored.shop_id, stored.order.customer, stored.order.placed_at, stored.order.id)
            for stored, one in judged
            if stored.order.customer
            and one.buyer != (before[stored.key].buyer if stored.key in before else "")
        ],
    )
    _requeue_later_orders_of_buyers(connection, [stored for stored, _ in judged], now, before)


def _bought(
    sold: Mapping[OrderKey, Sold], decided: Mapping[OrderKey, StoredDecision]
) -> Iterator[returning.Bought]:
    """The sales of orders with a decision, each with what is known of its buyer."""
    for key, decision in decided.items():
        for row in sold[key].sales:
            yield row, decision.worth.buyer_is


def store_worth(
    connection: sa.Connection,
    given: Sequence[tuple[StoredOrder, Worth]],
    before: Mapping[OrderKey, StoredDecision],
) -> None:
    """Store what orders are worth now, whose decisions stay as they are. `before`: their decisions."""
    now = {stored.key: before[stored.key]._replace(worth=worth) for stored, worth in given}
    _replace(connection, [stored for stored, _ in given], now, before)


def _requeue_later_orders_of_buyers(
    connection: sa.Connection,
    batch: Sequence[StoredOrder],
    now: Mapping[OrderKey, StoredDecision],
    before: Mapping[OrderKey, StoredDecision],
) -> None:
    """Mark the orders due that are no longer the first ones of their buyers, or may be them now."""
    for is_now, buyer_was in ((True, BuyerIs.FIRST), (False, BuyerIs.RETURNING)):
        changed = [
            stored.key
            for stored in batch
            if stored.order.email_hash is not None
            and now[stored.key].is_purchase is is_now
            and (stored.key in before and before[stored.key].is_purchase) is not is_now
        ]
        requeue_later_orders_of_buyers(connection, changed, buyer_was)


def _replace(
    connection: sa.Connection,
    batch: Sequence[StoredOrder],
    now: Mapping[OrderKey, StoredDecision],
    before: Mapping[OrderKey, StoredDecision],
) -> None:
    changed = [stored for stored in batch if now[stored.key] != before.get(stored.key)]
    if not changed:
        return
    dialect = connection.dialect.name
    rows_before, rows_now = (
        [_row(stored, of[stored.key]) for stored in changed if stored.key in of] for of in (before, now)
    )
    connection.execute(_upsert_decision(dialect), rows_now)
    sums.add(connection, rows_before, rows_now)
    examined = {key: decision.explanation.candidates for key, decision in before.items()}
    others = [
        stored for stored in changed if now[stored.key].explanation.candidates != examined.get(stored.key, ())
    ]
    if had := [stored.key for stored in others if examined.get(stored.key)]:
        connection.execute(_delete_candidates(dialect), {"these": as_keys(had)})
    rows = [
        {**_key(stored), "position": position, "emp_id": stored.emp_id, **_columns_of_candidate(one)}
        for stored in others
        for position, one in enumerate(now[stored.key].explanation.candidates)
    ]
    if rows:
        connection.execute(_INSERT_CANDIDATES, rows)


def _row(stored: StoredOrder, decision: StoredDecision) -> dict[str, Any]:
    return {**_key(stored), "emp_id": stored.emp_id, **_columns_of_decision(decision)}


def _key(stored: StoredOrder) -> dict[str, str]:
    return {"shop_id": stored.shop_id, "order_id": stored.order.id}


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
        "clicks_limit": explanation.clicks_limit,
        "buyer": decision.buyer,
        **decision.observed._asdict(),
        **decision.worth._asdict(),
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


_INSERT_CANDIDATES = sa.insert(candidates)


@cache
def _delete_candidates(dialect: str) -> Any:
    return sa.delete(candidates).where(is_of_orders(dialect, candidates.c.shop_id, candidates.c.order_id))


def get_decision(connection: sa.Connection, shop_id: str, order_id: str) -> StoredDecision | None:
    """The stored decision of an order; None before its first reconciliation."""
    return get_decisions(connection, [(shop_id, order_id)]).get((shop_id, order_id))


def get_decisions(connection: sa.Connection, keys: Collection[OrderKey]) -> dict[OrderKey, StoredDecision]:
    """The stored decisions of these orders; orders without one are missing."""
    rows: dict[OrderKey, list[sa.Row[Any]]] = {}
    query = _select_decisions(connection.dialect.name)
    for row in connection.execute(query, {"these": as_keys(keys)}).all():
        rows.setdefault((row.shop_id, row.order_id), []).append(row)
    return {key: _read_decision(its) for key, its in rows.items()}


@cache
def _select_decisions(dialect: str) -> Any:
    """A row for each candidate; for a decision without candidates, one row with nulls."""
    its = sa.and_(candidates.c.shop_id == decisions.c.shop_id, candidates.c.order_id == decisions.c.order_id)
    of_candidate = [
        column.label(f"candidate_{column.name}")
        for column in candidates.c
        if column.name not in _KEY or column.name == "position"
    ]
    return (
        sa.select(decisions, *of_candidate)
        .select_from(decisions.outerjoin(candidates, its))
        .where(is_of_orders(dialect, decisions.c.shop_id, decisions.c.order_id))
    )


def _read_decision(rows: Sequence[sa.Row[Any]]) -> StoredDecision:
    row, credited = rows[0], None
    examined = [one for one in rows if one.candidate_evidence is not None]
    if row.evidence:
        credited = Credited(
            row.campaign_id, row.contact, row.click_id, Rung(row.evidence), row.confidence, row.forwarded
        )
    explanation = Explanation(
        Outcome(row.outcome),
        row.reason,
        row.policy,
        tuple(map(_read_candidate, sorted(examined, key=attrgetter("candidate_position")))),
        credited,
        Model(row.model),
        tuple(map(Rung, row.agreeing.split())),
        tuple(map(Rung, row.conflicting.split())),
        row.clicks_limit,
    )
    observed = Observed(row.payment, row.browser, row.seen, row.healed)
    worth = Worth(row.currency, row.gross, row.refunded, BuyerIs(row.buyer_is))
    return StoredDecision(explanation, row.placed_at, row.buyer, observed, worth)


def _read_candidate(row: sa.Row[Any]) -> ExplainedCandidate:
    return ExplainedCandidate(
        click_id=row.candidate_click_id,
        campaign=row.candidate_campaign_id,
        link=row.candidate_link_id,
        contact=row.candidate_contact,
        evidence=_RUNGS[row.candidate_evidence],
        verdict=_VERDICTS[row.candidate_verdict],
        confidence=row.candidate_confidence,
        passed_over=None if row.candidate_passed_over is None else _REASONS[row.candidate_passed_over],
        opted_out=row.candidate_opted_out,
        share=row.candidate_share,
    )
