"""The queue of orders to be decided: marked due, taken oldest first, put off when they fail, then parked.

It is the columns `due` ... `failed_at` of the table `orders`, and nothing else reads or writes them but this
module, the index that finds what is due, and who asks whether one order is due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa

from salepixel.accounts.store import hold_account
from salepixel.orders.order import Order
from salepixel.reading.order_numbers import order_key
from salepixel.storage.schema import (
    UtcTime,
    orders,
    refunds,
    shops,
)

FIRST_PAUSE = timedelta(minutes=1)
"""After the first attempt that failed; doubled after each further one."""

MAX_ATTEMPTS = 8
"""Then an order is parked, two hours after its first attempt: until it changes, or is requeued by hand."""

MAX_ERROR = 300

Place = tuple[datetime, str, str]
"""Where an order stands in the list of those that failed: failed_at, shop, id."""


@dataclass(frozen=True, slots=True)
class FailedOrder:
    """An order that could not be decided. `next_attempt_at` None: it is parked."""

    shop_id: str
    order_id: str
    emp_id: int
    number: str
    attempts: int
    last_error: str
    failed_at: datetime
    next_attempt_at: datetime | None

    @property
    def state(self) -> Literal["retrying", "parked"]:
        """Whether it is tried again by itself."""
        return "parked" if self.next_attempt_at is None else "retrying"

    @property
    def place(self) -> Place:
        """To read on after this one."""
        return self.failed_at, self.shop_id, self.order_id


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many orders wait for their first attempt and since when the oldest does; how many failed."""

    due: int = 0
    oldest_due_at: datetime | None = None
    retrying: int = 0
    parked: int = 0


def _now() -> datetime:
    return datetime.now(UTC)


_NOW = sa.bindparam("marked_at", callable_=_now, type_=UtcTime())
# One that waits already keeps its place, or whoever marks it again and again would keep it from its turn.
_WAITS = sa.and_(orders.c.due, orders.c.attempts == 0)
DUE: dict[str, Any] = {
    "due": True,
    "next_attempt_at": sa.case((_WAITS, orders.c.next_attempt_at), else_=_NOW),
    "attempts": 0,
    "last_error": "",
    "failed_at": None,
}
"""What an UPDATE of orders sets to mark them due: at the end of the queue, with all attempts before them."""

NEW: dict[str, Any] = {**DUE, "next_attempt_at": _NOW}
"""The same for an INSERT."""

_DECIDED = {"due": False, "next_attempt_at": None, "attempts": 0, "last_error": "", "failed_at": None}


def mark_due(
    connection: sa.Connection, *which: sa.ColumnElement[bool], rows: Sequence[Mapping[str, Any]] | None = None
) -> int:
    """Mark the orders due for which these conditions are true; `rows`: once for each of these parameters.

    What failed before begins anew. Gives how many were marked, where there are no `rows`.
    """
    statement = sa.update(orders).where(*which).values(DUE)
    return connection.execute(statement, rows).rowcount


def mark_decided(connection: sa.Connection, shop_id: str, order_id: str) -> None:
    """Take an order off the queue."""
    connection.execute(sa.update(orders).where(*_this(shop_id, order_id)).values(_DECIDED))


def is_due(connection: sa.Connection, shop_id: str, order_id: str) -> bool:
    """Whether an order is still to be decided; parked ones are, too."""
    return bool(connection.scalar(sa.select(orders.c.due).where(*_this(shop_id, order_id))))


def has_failed(connection: sa.Connection, shop_id: str, order_id: str) -> bool:
    """Whether an order could not be decided when it was tried last: judging it would raise again."""
    query = sa.select(orders.c.attempts).where(*_this(shop_id, order_id))
    return (connection.scalar(query) or 0) > 0


def due_orders(connection: sa.Connection, limit: int, now: datetime | None = None) -> list[tuple[str, str]]:
    """Orders to be decided by `now`, as (shop id, order id): those first whose turn came first."""
    by_now = orders.c.due, orders.c.next_attempt_at <= (now or _now())
    query = sa.select(orders.c.shop_id, orders.c.id).where(*by_now).order_by(orders.c.next_attempt_at)
    return [(row.shop_id, row.id) for row in connection.execute(query.limit(limit))]


def record_failure(
    connection: sa.Connection, shop_id: str, order_id: str, error: str, at: datetime
) -> FailedOrder | None:
    """Note an attempt that failed: the order is put off, or parked after MAX_ATTEMPTS. None: it is gone.

    `error` must not name persons: it is shown.
    """
    # Locked: a change that came meanwhile has set the attempts back to 0.
    lock = sa.select(orders.c.attempts).where(*_this(shop_id, order_id)).with_for_update()
    before = connection.scalar(lock)
    if before is None:
        return None
    attempts = before + 1
    pause = FIRST_PAUSE * 2**before
    values = {
        "due": True,
        "next_attempt_at": at + pause if attempts < MAX_ATTEMPTS else None,
        "attempts": attempts,
        "last_error": error[:MAX_ERROR],
        "failed_at": at,
    }
    connection.execute(sa.update(orders).where(*_this(shop_id, order_id)).values(values))
    return _failed_orders(connection, *_this(shop_id, order_id))[0]


def list_failed(
    connection: sa.Connection, emp_id: int | None, limit: int, before: Place | None = None
) -> list[FailedOrder]:
    """The orders that could not be decided, of one account or of all, those first that failed last.

    `before`: the place of the last one seen.
    """
    key = orders.c.failed_at, orders.c.shop_id, orders.c.id
    which = _have_failed(emp_id)
    if before is not None:
        which.append(sa.tuple_(*key) < before)
    return _failed_orders(connection, *which, limit=limit)


def find_failed(connection: sa.Connection, shop_id: str, order_id: str) -> FailedOrder | None:
    """An order, if it could not be decided when it was tried last."""
    return next(iter(_failed_orders(connection, orders.c.attempts > 0, *_this(shop_id, order_id))), None)


def failed_before(connection: sa.Connection, emp_id: int, before: datetime, limit: int) -> list[FailedOrder]:
    """The orders of an account, placed before then, that could not be decided, the last failure first."""
    return _failed_orders(connection, *_have_failed(emp_id), orders.c.placed_at < before, limit=limit)


def count_failed(connection: sa.Connection, emp_id: int | None) -> int:
    """How many orders of one account or of all could not be decided."""
    return connection.scalar(sa.select(sa.func.count()).select_from(orders).where(*_have_failed(emp_id))) or 0


def requeue(connection: sa.Connection, emp_id: int | None, only: tuple[str, str] | None = None) -> int:
    """Mark due what could not be decided, with all attempts before it; gives how many.

    All of one account or of all accounts, or the one (shop id, order id) `only`.
    """
    return mark_due(connection, *_have_failed(emp_id), *(_this(*only) if only else ()))


def read_state(connection: sa.Connection) -> QueueState:
    """The state of the whole queue."""
    waits, is_parked = orders.c.attempts == 0, orders.c.next_attempt_at.is_(None)
    query = sa.select(
        sa.func.count().filter(waits).label("due"),
        sa.func.min(orders.c.next_attempt_at).filter(waits).label("oldest"),
        sa.func.count().filter(~waits, ~is_parked).label("retrying"),
        sa.func.count().filter(is_parked).label("parked"),
    )
    row = connection.execute(query.where(orders.c.due)).one()
    return QueueState(row.due, row.oldest, row.retrying, row.parked)


def _this(shop_id: str, order_id: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return orders.c.shop_id == shop_id, orders.c.id == order_id


def _have_failed(emp_id: int | None) -> list[sa.ColumnElement[bool]]:
    failed = orders.c.attempts > 0
    return [failed] if emp_id is None else [failed, orders.c.emp_id == emp_id]


def _failed_orders(
    connection: sa.Connection, *which: sa.ColumnElement[bool], limit: int = 1
) -> list[FailedOrder]:
    key = orders.c.failed_at, orders.c.shop_id, orders.c.id
    columns = {"order_id": orders.c.id} | {name: orders.c[name] for name in _COLUMNS}
    query = sa.select(*(column.label(name) for name, column in columns.items())).where(*which)
    found = connection.execute(query.order_by(*(column.desc() for column in key)).limit(limit))
    return [FailedOrder(**row._mapping) for row in found]


_COLUMNS = ("shop_id", "emp_id", "number", "attempts", "last_error", "failed_at", "next_attempt_at")


def decide_all_again(connection: sa.Connection, emp_id: int) -> None:
    """Make every order of an account due."""
    hold_account(connection, emp_id, to_change=True)
    mark_due(connection, orders.c.emp_id == emp_id)


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


def make_each_due(connection: sa.Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Make orders due, given as (shop id, order id)."""
    named = orders.c.shop_id == sa.bindparam("shop"), orders.c.id == sa.bindparam("order")
    if pairs:
        rows = [{"shop": shop_id, "order": order_id} for shop_id, order_id in pairs]
        mark_due(connection, *named, rows=rows)


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
