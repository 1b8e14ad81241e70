"""Orders: why one was credited to a click, or to none."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from salepixel.accounts import store as accounts
from salepixel.accounts.policy import Model
from salepixel.attribution.decisions import get_decision as find_decision
from salepixel.attribution.evidence import Rung
from salepixel.attribution.explanation import Explanation, explanation_as_json
from salepixel.clicks.tokens import Verdict
from salepixel.orders import queue
from salepixel.orders import store as orders
from salepixel.orders.bounds import MAX_REFERENCE_BYTES, OutOfBounds, check_order
from salepixel.orders.charges import read_ledger
from salepixel.orders.order import RefundState
from salepixel.orders.outcome import Outcome
from salepixel.orders.refunds import refund_history
from salepixel.orders.sold import refunded_whole
from salepixel.orders.store import StoredOrder
from salepixel.shops import store as shops
from salepixel_plugin.access import is_id, not_found, scope
from salepixel_plugin.api.door import Output, blueprint
from salepixel_plugin.explanations import FAILED, NOT_YET, explain, explain_failure, explain_refund
from salepixel_plugin.languages import LANGUAGES, Language
from salepixel_plugin.services import services

_MAX_NAME = MAX_REFERENCE_BYTES


class LanguageQuery(BaseModel):
    """In which language to explain."""

    model_config = ConfigDict(extra="ignore")
    lang: Literal["en", "es"] = "en"


class CandidateOut(Output):
    """A click that was looked at. What belongs to another account is not told."""

    click: str | None = Field(description="Null where only a campaign, or a contact, is named.")
    clicked_at: datetime | None
    campaign: str | None
    link: str | None
    contact: str | None
    evidence: Rung
    verdict: Verdict
    confidence: float
    credited: bool
    passed_over: str | None
    share: float = Field(0.0, description="Of the order, that the account's model gives to this click.")


class CreditedOut(Output):
    """Who is credited."""

    campaign: str
    contact: str | None = Field(description="Null for nobody known, and where the mail was forwarded.")
    click: str | None
    evidence: Rung
    confidence: float
    forwarded: bool = Field(description="Somebody with another address bought with this contact's click.")


class DecisionOut(Output):
    """The outcome for an order."""

    order: str
    order_id: str
    shop: str
    outcome: Literal["attributed", "likely", "unattributed", "pending"]
    reason: str
    policy: int = Field(description="The version of the account's policy that decided.")
    model: Model
    credited: CreditedOut | None
    agreeing: list[Rung] = Field(description="Other evidence that says the same.")
    conflicting: list[Rung] = Field(description="Evidence that speaks for another contact.")
    candidates: list[CandidateOut]
    explanation: str
    replaces: str | None = Field(
        description="The id of the order of which this one replaces goods, empty where the shop does not "
        "name it; null for a purchase."
    )


@dataclass(frozen=True)
class Decided:
    """An order with its decision."""

    stored: StoredOrder
    decision: dict[str, Any]
    history: list[RefundState]


@dataclass(frozen=True)
class Undecidable:
    """An order that cannot be decided, and maybe not even be read."""

    emp_id: int
    order_id: str
    number: str
    error: str
    policy: int


@blueprint.get("/orders/<shop_id>/<path:name>/decision")
@blueprint.input(LanguageQuery, location="query", arg_name="asked")
@blueprint.output(DecisionOut)
@blueprint.doc(security="bearer")
def get_decision(shop_id: str, name: str, asked: LanguageQuery) -> dict[str, Any]:
    """Which click earned an order and why, or why none did; `name` is the order's id or its number."""
    with services().database.read() as connection:
        decided = see_decided(connection, shop_id, name)
    if isinstance(decided, Undecidable):
        return {
            "order": decided.number,
            "order_id": decided.order_id,
            "shop": shop_id,
            **explanation_as_json(Explanation(Outcome.PENDING, FAILED, decided.policy)),
            "explanation": explain_failure(decided.number, decided.error, LANGUAGES[asked.lang]),
            "replaces": None,
        }
    order = decided.stored.order
    return {
        "order": order.number,
        "order_id": order.id,
        "shop": shop_id,
        **decided.decision,
        "explanation": explain_decided(decided, LANGUAGES[asked.lang]),
        "replaces": order.replaces,
    }


def explain_decided(decided: Decided, language: Language) -> str:
    """The decision of an order in sentences; how much is paid of it in part, or was refunded of all of it."""
    order = decided.stored.order
    ledger = read_ledger(order, decided.history)
    held = ledger.held
    if ledger.paid or not held:
        sentence = explain(decided.decision, order.number, language)
        refunded = refunded_whole(order, decided.history)
        if refunded is None:
            return sentence
        return f"{sentence} {explain_refund(refunded, order.currency, language)}"
    part = language.money(held, order.currency), language.money(order.total, order.currency)
    return explain(decided.decision, order.number, language, part_paid=part)


def see_decided(connection: sa.Connection, shop_id: str, name: str) -> Decided | Undecidable:
    """An order with its decision, or why there can be none, if this request may see it."""
    shop = shops.get_shop(connection, shop_id) if is_id(shop_id) else None
    if shop is None or not scope().allows(shop.emp_id):
        raise not_found("shop")
    readable = name.isprintable() and len(name) <= _MAX_NAME
    order_id = orders.find_order_id(connection, shop_id, name) if readable else None
    if order_id is None:
        raise not_found("order")
    account = accounts.get_account(connection, shop.emp_id)
    policy = account.policy.version if account else 0
    if failed := queue.find_failed(connection, shop_id, order_id):
        return Undecidable(failed.emp_id, order_id, failed.number, failed.last_error, policy)
    stored = orders.get_order(connection, shop_id, order_id)
    if stored is None:
        raise not_found("order")
    kept = find_decision(connection, shop_id, order_id)
    if kept is None:
        try:
            check_order(stored.order, datetime.now(UTC))
        except OutOfBounds as error:  # stored before doors refused it; its first attempt will fail
            return Undecidable(stored.emp_id, order_id, stored.order.number, error.reason, policy)
    explanation = kept.explanation if kept else Explanation(Outcome.PENDING, NOT_YET, policy)
    history = refund_history(connection, shop_id, stored.order)
    return Decided(stored, explanation_as_json(explanation), history)
