"""Orders, their decisions and the sales that follow from them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from salepixel.attribution import Candidate, Decision, Outcome
from salepixel.evidence import Rung
from salepixel.money import to_minor
from salepixel.orders import Order
from salepixel.reading.names import name_key
from salepixel.reading.orders import order_key
from salepixel.report import Sale
from salepixel.storage.drafts import note_draft
from salepixel.storage.queue import DUE, NEW, mark_decided, mark_due
from salepixel.storage.refunds import (
    date_again,
    keep_refund_state,
    rate_columns,
    replace_sale_refunds,
)
from salepixel.storage.schema import (
    UtcTime,
    decision_contacts,
    decisions,
    order_clicks,
    orders,
    sales,
    shops,
)
from salepixel.storage.upsert import insert_into, took_effect

_SNAPSHOT = TypeAdapter(Order)
_ITS_DECISION = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)
UNTOLD: dict[str, Any] = {"credited": None, "model": "last", "agreeing": [], "conflicting": []}
"""The details of a decision that was made before they were told."""


Place = tuple[datetime, str, str]
"""Where an order stands in a list of an account's orders: placed_at, shop, id."""


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order of a shop; `delivery` names the delivery that its newest snapshot came with."""

    shop_id: str
    emp_id: int
    order: Order
    delivery: str

    @property
    def place(self) -> Place:
        """To read on after this order."""
        return self.order.placed_at, self.shop_id, self.order.id


def store_order(
    connection: sa.Connection,
    shop_id: str,
    emp_id: int,
    order: Order,
    delivery: str,
    *,
    always: bool = False,
    healed_at: datetime | None = None,
) -> bool:
    """Keep a snapshot if it is newer than the one we have; True when it was. It is then due.

    So are later orders of its customer, when it is another one's now or has moved among them.

    `always`: keep it in any case, for an order that was put together from all that is known of it.
    `healed_at`: now, for one that came by a poll of the shop; the first such time stays with the order.
    """
    values = {
        "shop_id": shop_id,
        "id": order.id,
        "emp_id": emp_id,
        "number": order.number,
        "number_key": order_key(order.number),
        "placed_at": order.placed_at,
        "updated_at": order.updated_at,
        "issued_at": order.issued_at,
        "email_hash": order.email_hash,
        "snapshot": _SNAPSHOT.dump_json(order).decode(),
        "delivery": delivery,
        "alias_hash": order.alias_hash,
        "customer": order.customer,
        "voucher": name_key(order.voucher) or None,
        "utm_campaign": name_key(order.utm_campaign) or None,
        "payment": order.payment or None,
        "open": order.is_open,
        "healed_at": healed_at,
    }
    this = {"shop": shop_id, "order": order.id}
    before = None if always else connection.execute(_its_place_among_orders(), this).first()
    is_newer = took_effect(connection, _upsert_order(connection.dialect.name, always), values)
    if not always and keep_refund_state(connection, shop_id, order) and not is_newer:
        date_again(connection, shop_id, order.id)
        if order.draft is not False:  # it may tell of an earlier completion
            mark_due(connection, orders.c.shop_id == shop_id, orders.c.id == order.id)
    if order.draft:
        note_draft(connection, shop_id, order.id)
    if is_newer and before and (before.customer, before.placed_at) != (order.customer, order.placed_at):
        since = min(before.placed_at, order.placed_at)
        for customer in {before.customer, order.customer} - {None}:
            _decide_later_ones_again(connection, shop_id, customer, since, order.id)
    return is_newer


@cache
def _its_place_among_orders() -> Any:
    this = orders.c.shop_id == sa.bindparam("shop"), orders.c.id == sa.bindparam("order")
    return sa.select(orders.c.customer, orders.c.placed_at).where(*this).with_for_update()


def _decide_later_ones_again(
    connection: sa.Connection, shop_id: str, customer: str, since: datetime, but: str
) -> None:
    """Make the orders of a customer of the shop due that were placed since then, but this one."""
    later = sa.and_(
        orders.c.shop_id == shop_id,
        orders.c.customer == customer,
        orders.c.placed_at >= since,
        orders.c.id != but,
    )
    mark_due(connection, later)


_COLUMNS = [column.name for column in orders.c if column.name not in NEW]


@cache
def _upsert_order(dialect: str, always: bool) -> Any:
    # Built once: building costs more than executing, and an order is on its way to a waiting shop.
    statement = insert_into(dialect, orders).values(NEW)
    new = statement.excluded
    changed = {name: new[name] for name in _COLUMNS if name not in ("shop_id", "id", "emp_id")} | DUE
    changed["healed_at"] = sa.func.coalesce(orders.c.healed_at, new.healed_at)
    is_newer = sa.tuple_(new.updated_at, new.issued_at) > sa.tuple_(orders.c.updated_at, orders.c.issued_at)
    return statement.on_conflict_do_update(
        index_elements=["shop_id", "id"], set_=changed, where=None if always else is_newer
    )


def keep_place(connection: sa.Connection, stored: StoredOrder, order: Order) -> StoredOrder:
    """Keep when an order was placed as it is known now: its draft was completed then."""
    if order == stored.order:
        return stored
    its = orders.c.shop_id == stored.shop_id, orders.c.id == order.id
    values = {"placed_at": order.placed_at, "snapshot": _SNAPSHOT.dump_json(order).decode()}
    connection.execute(sa.update(orders).where(*its).values(values))
    if order.customer:
        since = min(order.placed_at, stored.order.placed_at)
        _decide_later_ones_again(connection, stored.shop_id, order.customer, since, order.id)
    return replace(stored, order=order)


def read_snapshot(text: str) -> Order:
    """The order that a row's `snapshot` holds."""
    return _SNAPSHOT.validate_json(text)


def get_order(
    connection: sa.Connection, shop_id: str, order_id: str, *, lock: bool = False
) -> StoredOrder | None:
    """An order by its id; `lock` keeps others from changing it until the transaction ends."""
    query = sa.select(orders).where(orders.c.shop_id == shop_id, orders.c.id == order_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _stored(row)


def find_order(connection: sa.Connection, shop_id: str, name: str) -> StoredOrder | None:
    """An order by its id or its number, the newest where a shop gave a number twice."""
    order_id = find_order_id(connection, shop_id, name)
    return None if order_id is None else get_order(connection, shop_id, order_id)


def find_order_id(connection: sa.Connection, shop_id: str, name: str) -> str | None:
    """The same, its id alone: what cannot be decided may not be readable."""
    its_id = sa.select(orders.c.id).where(orders.c.shop_id == shop_id, orders.c.id == name)
    by_number = sa.select(orders.c.id).where(orders.c.shop_id == shop_id, orders.c.number == name)
    newest = by_number.order_by(orders.c.placed_at.desc()).limit(1)
    return connection.scalar(its_id) or connection.scalar(newest)


def orders_from(
    connection: sa.Connection, emp_id: int, since: datetime | None, limit: int, after: Place | None
) -> list[StoredOrder]:
    """An account's orders placed since then, newest first; `after`: the place of the last one seen."""
    key = (orders.c.placed_at, orders.c.shop_id, orders.c.id)
    query = sa.select(orders).where(orders.c.emp_id == emp_id)
    if since is not None:
        query = query.where(orders.c.placed_at >= since)
    if after is not None:
        query = query.where(sa.tuple_(*key) < after)
    query = query.order_by(*(column.desc() for column in key)).limit(limit)
    return [_stored(row) for row in connection.execute(query)]


def open_orders(connection: sa.Connection, shop_id: str, since: datetime, limit: int) -> dict[str, Order]:
    """A shop's newest orders since then that are neither paid nor cancelled, by their ids."""
    still_open = orders.c.shop_id == shop_id, orders.c.open, orders.c.placed_at >= since
    query = sa.select(orders.c.id, orders.c.snapshot).where(*still_open)
    rows = connection.execute(query.order_by(orders.c.placed_at.desc()).limit(limit))
    return {row.id: read_snapshot(row.snapshot) for row in rows}


def make_due(connection: sa.Connection, emp_id: int, refs: Sequence[str]) -> None:
    """Make the orders of an account due that have one of these ids, or numbers in any spelling."""
    its_shops = list(connection.scalars(sa.select(shops.c.id).where(shops.c.emp_id == emp_id)))
    # Two statements, each with an index of its own: an account may have millions of orders.
    for its_name in (orders.c.id.in_(refs), orders.c.number_key.in_([order_key(ref) for ref in refs])):
        named = sa.and_(orders.c.shop_id.in_(its_shops), its_name)
        mark_due(connection, named)


def make_pixel_twins_due(connection: sa.Connection, emp_id: int, order: Order) -> None:
    """Make due what the pixel told of an order that a shop of its account tells: it is no proof any more."""
    pixels = sa.select(shops.c.id).where(shops.c.emp_id == emp_id, shops.c.platform == "pixel")
    named = orders.c.number_key.in_([order_key(order.id), order_key(order.number)])
    mark_due(connection, orders.c.shop_id.in_(pixels), named, ~orders.c.due)


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


def make_each_due(connection: sa.Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Make orders due, given as (shop id, order id)."""
    named = orders.c.shop_id == sa.bindparam("shop"), orders.c.id == sa.bindparam("order")
    if pairs:
        rows = [{"shop": shop_id, "order": order_id} for shop_id, order_id in pairs]
        mark_due(connection, *named, rows=rows)


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
        _decide_later_ones_again(connection, stored.shop_id, order.customer, order.placed_at, order.id)


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


def _stored(row: sa.Row[Any]) -> StoredOrder:
    return StoredOrder(row.shop_id, row.emp_id, read_snapshot(row.snapshot), row.delivery)


def sale_row(stored: StoredOrder, sale: Sale) -> dict[str, Any]:
    """What is kept of a sale of an order."""
    return {
        "shop_id": stored.shop_id,
        "order_id": stored.order.id,
        "line_id": sale.line,
        "emp_id": stored.emp_id,
        "campaign_id": sale.campaign,
        "link_id": sale.link,
        "click_id": sale.click_id,
        "contact": sale.contact,
        "item": sale.item,
        "sku": sale.sku,
        "quantity": sale.quantity,
        "amount": to_minor(sale.amount, sale.currency),
        "refunded": to_minor(sale.refunded, sale.currency),
        "currency": sale.currency,
        "purchased_at": sale.purchased_at,
        "order_number": sale.order,
        "evidence": sale.evidence,
        "confidence": sale.confidence,
        "status": sale.status,
        "share": sale.share,
        "refunded_at": sale.refunded_at,
        **rate_columns(sale),
    }
