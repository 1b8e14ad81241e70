"""Orders: the list of all of them, and why one is attributed to a click, or not attributed."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from salepixel.accounts.declined import NotFound
from salepixel.accounts.policy import Model
from salepixel.attribution import use_cases
from salepixel.attribution.decided import PROCESSING_FAILED, Undecidable
from salepixel.attribution.evidence import Rung
from salepixel.attribution.explanation import Explanation, explanation_as_json
from salepixel.clicks.tokens import Verdict
from salepixel.orders.outcome import Outcome
from salepixel.reading.emails import MAX_EMAIL
from salepixel.report.orders import ListedOrder
from salepixel.report.use_cases import hash_address, read_orders
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.explanations import explain_decided, explain_failure
from salepixel_plugin.fields import EmpId, Id, Money
from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.order_list import OrdersQuery, newer_cursor, older_cursor, write_address
from salepixel_plugin.paging import Next
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class AccountOrders(OrdersQuery):
    """The account, the filters and the page of a list of orders."""

    emp_id: EmpId = Field(alias="empId")


class ListedOrderOut(Output):
    """An order of the list, with the decision about it."""

    order: str = Field(description="The order's number.")
    order_id: str
    shop: Id
    placed_at: datetime
    total: Money | None = Field(description="Null if the stored order is damaged.")
    currency: str
    net: Money | None = Field(
        description="What the account counts of it, less refunds; null if the order is no purchase."
    )
    refunded: Money | None = Field(description="Counted in `net`.")
    outcome: Literal["attributed", "likely", "unattributed", "pending"]
    reason: str
    evidence: Rung | None
    confidence: float = Field(description="0 if no click gets the credit.")
    campaign: str | None = Field(description="The campaign that gets the credit.")
    contact: str | None = Field(description="Null if unknown, or if the API key may not see contacts.")


class OrdersOut(Output):
    """Orders of an account."""

    rows: list[ListedOrderOut]
    next: Next
    previous: str | None = Field(description="The cursor of the page before; null on the first.")
    searched_to: datetime | None = Field(
        description="A page applies rare filters to a limited number of orders. It has searched back to this "
        "time; `next` continues. Null if it has searched all orders, or is full."
    )
    searched_amount: Money | None = Field(description="Likewise if they are sorted by amount.")
    searched_currency: str | None


class DeliveryOut(Output):
    """A delivery as it arrived: its headers without credentials, its body as text (JSON is indented)."""

    order: str
    shop: Id
    digest: str = Field(
        description="SHA-256 of the shop's API address, the event and the body as it arrived."
    )
    event: str
    received_at: datetime
    headers: dict[str, str]
    body: str
    erased: bool = Field(description="True: parts of the body were deleted, by an erasure or by retention.")
    contacts_hidden: bool = Field(
        description="True: the API key may not see contacts, so whatever may name a buyer is masked."
    )


class AddressIn(Input):
    """The e-mail address of a buyer."""

    emp_id: EmpId = Field(alias="empId")
    email: str = Field(max_length=MAX_EMAIL, examples=["ana@example.com"])


class AddressOut(Output):
    """An address for the parameter `address` of `GET /orders`."""

    address: str


class LanguageQuery(BaseModel):
    """The language of the explanation."""

    model_config = ConfigDict(extra="ignore")
    lang: Literal["en", "es"] = "en"


class CandidateOut(Output):
    """A click that was considered. Data of other accounts is not shown."""

    click: str | None = Field(description="Null if the evidence names only a campaign or a contact.")
    clicked_at: datetime | None
    campaign: str | None
    link: str | None
    contact: str | None
    evidence: Rung
    verdict: Verdict
    confidence: float
    credited: bool
    passed_over: str | None
    share: float = Field(
        0.0, description="The share of the order that the account's model gives to this click."
    )


class CreditedOut(Output):
    """The campaign, contact and click that get the credit."""

    campaign: str
    contact: str | None = Field(description="Null if unknown, or if the e-mail was forwarded.")
    click: str | None
    evidence: Rung
    confidence: float
    forwarded: bool = Field(
        description="True: the buyer has another e-mail address than the contact who clicked."
    )


class DecisionOut(Output):
    """The decision about an order."""

    order: str
    order_id: str
    shop: str
    outcome: Literal["attributed", "likely", "unattributed", "pending"]
    reason: str
    policy: int = Field(description="The version of the attribution settings that decided.")
    model: Model
    credited: CreditedOut | None
    agreeing: list[Rung] = Field(description="Other evidence for the same contact.")
    conflicting: list[Rung] = Field(description="Evidence for another contact.")
    candidates: list[CandidateOut]
    clicks_limit: int | None = Field(
        description="The number of clicks that were considered, the newest ones, if there are more. Null if "
        "all clicks were considered."
    )
    contacts_hidden: bool = Field(
        description="True: the API key may not see contacts, so each `contact` is null."
    )
    explanation: str
    erased_at: datetime | None = Field(
        description="When a person named in the order was erased. The decision does not change."
    )
    clicks_ended_before: datetime | None = Field(
        description="Retention has deleted clicks before this time, so the decision no longer changes. Null "
        "if all clicks of that time are stored."
    )
    replaces: str | None = Field(
        description="The id of the order whose goods this order replaces; empty if the shop does not report "
        "it. Null if the order is a purchase."
    )


@blueprint.get("/orders")
@blueprint.input(AccountOrders, location="query", arg_name="asked")
@blueprint.output(OrdersOut)
@blueprint.doc(security="bearer", responses={404: "No such account"})
def list_orders(asked: AccountOrders) -> dict[str, Any]:
    """All orders of an account, attributed or not, by date or by amount; filtered or searched."""
    with services().database.read() as connection:
        step = asked.step
        found = read_orders(
            connection,
            principal(),
            asked.emp_id,
            asked.filter,
            asked.search,
            step,
            asked.limit,
            asked.sequence,
        )
    amount, currency = found.page.searched_amount or (None, None)
    return {
        "rows": [listed_as_json(row) for row in found.page.rows],
        "next": older_cursor(found.page.older),
        "previous": newer_cursor(found.page.newer),
        "searched_to": found.page.searched_time,
        "searched_amount": None if amount is None else f"{amount:f}",
        "searched_currency": currency,
    }


@blueprint.post("/orders/address")
@blueprint.input(AddressIn, arg_name="asked")
@blueprint.output(AddressOut)
@blueprint.doc(security="bearer", responses={403: "The API key may not see contacts"})
def find_address(asked: AddressIn) -> dict[str, Any]:
    """The keyed hash of a buyer's address, for `GET /orders`. So the address itself is in no log."""
    with services().database.read() as connection:
        hashes = hash_address(connection, principal(), services().keys, asked.emp_id, asked.email)
    return {"address": write_address(hashes)}


def listed_as_json(row: ListedOrder) -> dict[str, Any]:
    """An order of a list as JSON: a ListedOrderOut."""
    return {
        "order": row.number,
        "order_id": row.order_id,
        "shop": row.shop_id,
        "placed_at": row.placed_at,
        "total": None if row.total is None else f"{row.total:f}",
        "currency": row.currency,
        "net": None if row.net is None else f"{row.net:f}",
        "refunded": None if row.refunded is None else f"{row.refunded:f}",
        "outcome": row.outcome,
        "reason": row.reason,
        "evidence": row.evidence,
        "confidence": row.confidence,
        "campaign": row.campaign_id or None,
        "contact": row.contact or None,
    }


@blueprint.get("/orders/<shop_id>/<path:name>/delivery")
@blueprint.output(DeliveryOut)
@blueprint.doc(security="bearer", responses={404: "No such order, or no delivery brought it"})
def get_delivery(shop_id: str, name: str) -> dict[str, Any]:
    """The signed delivery with the order's newest snapshot, as it arrived."""
    with services().database.read() as connection:
        found = use_cases.see_delivery(connection, principal(), shop_id, name)
    if found is None:
        raise NotFound("delivery")
    return {
        "order": found.order.order.number,
        "shop": shop_id,
        "digest": found.digest,
        "event": found.event,
        "received_at": found.received_at,
        "headers": found.headers,
        "body": found.body,
        "erased": found.erased,
        "contacts_hidden": found.contacts_hidden,
    }


@blueprint.get("/orders/<shop_id>/<path:name>/decision")
@blueprint.input(LanguageQuery, location="query", arg_name="asked")
@blueprint.output(DecisionOut)
@blueprint.doc(security="bearer")
def get_decision(shop_id: str, name: str, asked: LanguageQuery) -> dict[str, Any]:
    """Which click gets the credit for an order, and why. `name`: the order's id or number."""
    with services().database.read() as connection:
        decided = use_cases.see_decided(connection, principal(), shop_id, name, datetime.now(UTC))
    if isinstance(decided, Undecidable):
        return {
            "order": decided.number,
            "order_id": decided.order_id,
            "shop": shop_id,
            **explanation_as_json(Explanation(Outcome.PENDING, PROCESSING_FAILED, decided.policy)),
            "explanation": explain_failure(decided.number, decided.error, LANGUAGES[asked.lang]),
            "erased_at": None,
            "clicks_ended_before": None,
            "replaces": None,
        }
    order = decided.stored.order
    return {
        "order": order.number,
        "order_id": order.id,
        "shop": shop_id,
        **decided.decision,
        "explanation": explain_decided(decided, LANGUAGES[asked.lang]),
        "erased_at": order.erased_at,
        "clicks_ended_before": decided.clicks_ended_before,
        "replaces": order.replaces,
    }
