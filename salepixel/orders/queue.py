"""Orders to decide, the oldest first. A failed order is retried, and parked after eight attempts.

The queue is the columns `due` to `due_because` of the table `orders`. This module defines every value that
is written to them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import sqlalchemy as sa

from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.storage.schema import UtcTime, orders

FIRST_PAUSE = timedelta(minutes=1)
"""The pause after the first failed attempt. It doubles with each further failure."""

MAX_ATTEMPTS = 8
"""The last attempt, two hours after the first. Then the order is parked until it changes or is requeued."""

MAX_ERROR = 300

FailedPlace = tuple[datetime, str, str]
"""The position of an order in the list of failed orders: failed_at, shop, id."""


@dataclass(frozen=True, slots=True)
class FailedOrder:
    """An order that could not be decided. `next_attempt_at` is None if it is parked.

    `due_because`: a `requeue.DueReason`; empty for orders queued before reasons were stored.
    """

    shop_id: str
    order_id: str
    emp_id: int
    number: str
    attempts: int
    last_error: str
    failed_at: datetime
    next_attempt_at: datetime | None
    due_because: str

    @property
    def state(self) -> Literal["retrying", "parked"]:
        """Whether it is retried automatically."""
        return "parked" if self.next_attempt_at is None else "retrying"

    @property
    def place(self) -> FailedPlace:
        """The `before` of the next page, if this order is the last one of a page."""
        return self.failed_at, self.shop_id, self.order_id


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many orders wait for their first attempt, since when the oldest waits, and how many failed.

    `because`: the number of waiting orders for each reason (a `requeue.DueReason`).
    """

    due: int = 0
    oldest_due_at: datetime | None = None
    retrying: int = 0
    parked: int = 0
    because: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


def _now() -> datetime:
    return datetime.now(UTC)


_NOW = sa.bindparam("marked_at", callable_=_now, type_=UtcTime())
_DECIDED = {
    "due": False,
    "next_attempt_at": None,
    "attempts": 0,
    "last_error": "",
    "failed_at": None,
    "due_because": "",
}


def marks_due(why: str) -> dict[str, Any]:
    """The values of an UPDATE that marks orders due: at the end of the queue, with no attempts yet.

    `why`: a `requeue.DueReason`.
    """
    # A waiting order keeps its place and its reason. Otherwise an order that is marked often would never
    # reach the front of the queue.
    waits = sa.and_(orders.c.due, orders.c.attempts == 0)
    return {
        **new_on_queue(why),
        "next_attempt_at": sa.case((waits, orders.c.next_attempt_at), else_=_NOW),
        "due_because": sa.case((waits, orders.c.due_because), else_=sa.literal(str(why))),
    }


def new_on_queue(why: str) -> dict[str, Any]:
    """The values of an INSERT that marks a new order due."""
    return {
        "due": True,
        "next_attempt_at": _NOW,
        "attempts": 0,
        "last_error": "",
        "failed_at": None,
        "due_because": str(why),
    }


def waits_before(connection: sa.Connection, emp_id: int, placed_before: datetime) -> bool:
    """Whether an order of an account that was placed before a time waits for its first attempt."""
    waits = orders.c.due, orders.c.attempts == 0
    theirs = sa.select(orders.c.id).where(*waits, orders.c.emp_id == emp_id)
    return connection.execute(theirs.where(orders.c.placed_at < placed_before).limit(1)).first() is not None


def mark_decided(connection: sa.Connection, keys: Collection[OrderKey]) -> None:
    """Take orders off the queue."""
    connection.execute(_mark_decided(connection.dialect.name), {"these": as_keys(keys)})


@cache
def _mark_decided(dialect: str) -> Any:
    return sa.update(orders).where(is_of_orders(dialect, orders.c.shop_id, orders.c.id)).values(_DECIDED)


def is_due(connection: sa.Connection, shop_id: str, order_id: str) -> bool:
    """Whether an order is on the queue. Parked orders are, too."""
    return bool(connection.scalar(sa.select(orders.c.due).where(*_this(shop_id, order_id))))


def has_failed(connection: sa.Connection, shop_id: str, order_id: str) -> bool:
    """Whether the last attempt to decide an order failed. Judging it now would fail again."""
    query = sa.select(orders.c.attempts).where(*_this(shop_id, order_id))
    return (connection.scalar(query) or 0) > 0


def due_orders(
    connection: sa.Connection, limit: int, now: datetime | None = None, *, newest: bool = False
) -> list[OrderKey]:
    """The orders that are due at `now`, the longest due first, or the `newest` first."""
    return [(row.shop_id, row.id) for row in read_due(connection, limit, now, newest=newest)]


def read_due(
    connection: sa.Connection, limit: int, now: datetime | None = None, *, newest: bool = False
) -> Sequence[sa.Row[Any]]:
    """The same as rows, with the attempts, and the columns that connect dependent orders (batches.py)."""
    return connection.execute(_due(newest=newest), {"now": now or _now(), "most": limit}).all()


@cache
def _due(*, newest: bool) -> Any:
    columns = (orders.c[name] for name in ("shop_id", "id", "emp_id", "customer", "number_key", "attempts"))
    by_now = orders.c.due, orders.c.next_attempt_at <= sa.bindparam("now")
    place = orders.c.next_attempt_at.desc() if newest else orders.c.next_attempt_at
    return sa.select(*columns).where(*by_now).order_by(place).limit(sa.bindparam("most"))


def record_failure(
    connection: sa.Connection, shop_id: str, order_id: str, error: str, at: datetime
) -> FailedOrder | None:
    """Record a failed attempt: retry the order later, or park it after MAX_ATTEMPTS. None: no such order.

    `error` is shown to people, so it must not contain personal data.
    """
    # Locked, because a change of the order sets the attempts back to 0.
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
    connection: sa.Connection, emp_id: int | None, limit: int, before: FailedPlace | None = None
) -> list[FailedOrder]:
    """The orders of one account or of all that could not be decided, the latest failure first.

    `before`: the place of the last order on the previous page.
    """
    key = orders.c.failed_at, orders.c.shop_id, orders.c.id
    which = have_failed(emp_id)
    if before is not None:
        which.append(sa.tuple_(*key) < before)
    return _failed_orders(connection, *which, limit=limit)


def find_failed(connection: sa.Connection, shop_id: str, order_id: str) -> FailedOrder | None:
    """An order whose last attempt failed; None for any other order."""
    return next(iter(_failed_orders(connection, orders.c.attempts > 0, *_this(shop_id, order_id))), None)


def failed_before(connection: sa.Connection, emp_id: int, before: datetime, limit: int) -> list[FailedOrder]:
    """The orders of an account placed before a time that could not be decided, the latest failure first."""
    return _failed_orders(connection, *have_failed(emp_id), orders.c.placed_at < before, limit=limit)


def count_failed(connection: sa.Connection, emp_id: int | None) -> int:
    """The number of orders of one account or of all that could not be decided."""
    return connection.scalar(sa.select(sa.func.count()).select_from(orders).where(*have_failed(emp_id))) or 0


def read_state(connection: sa.Connection) -> QueueState:
    """The state of the whole queue."""
    waits, is_parked = orders.c.attempts == 0, orders.c.next_attempt_at.is_(None)
    query = sa.select(
        orders.c.due_because,
        sa.func.count().filter(waits).label("due"),
        sa.func.min(orders.c.next_attempt_at).filter(waits).label("oldest"),
        sa.func.count().filter(~waits, ~is_parked).label("retrying"),
        sa.func.count().filter(is_parked).label("parked"),
    )
    rows = connection.execute(query.where(orders.c.due).group_by(orders.c.due_because)).all()
    return QueueState(
        due=sum(row.due for row in rows),
        oldest_due_at=min((row.oldest for row in rows if row.oldest), default=None),
        retrying=sum(row.retrying for row in rows),
        parked=sum(row.parked for row in rows),
        because={row.due_because: row.due for row in rows if row.due},
    )


def _this(shop_id: str, order_id: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return orders.c.shop_id == shop_id, orders.c.id == order_id


def have_failed(emp_id: int | None) -> list[sa.ColumnElement[bool]]:
    """Conditions for the orders of one account or of all whose last attempt failed."""
    # `emp_id + 0` matches no index. With the index on emp_id, SQLite would read all orders of the account.
    return [orders.c.attempts > sa.text("0"), *([] if emp_id is None else [orders.c.emp_id + 0 == emp_id])]


def _failed_orders(
    connection: sa.Connection, *which: sa.ColumnElement[bool], limit: int = 1
) -> list[FailedOrder]:
    key = orders.c.failed_at, orders.c.shop_id, orders.c.id
    columns = {"order_id": orders.c.id} | {name: orders.c[name] for name in _COLUMNS}
    query = sa.select(*(column.label(name) for name, column in columns.items())).where(*which)
    found = connection.execute(query.order_by(*(column.desc() for column in key)).limit(limit))
    return [FailedOrder(**row._mapping) for row in found]


_COLUMNS = (
    *("shop_id", "emp_id", "number", "attempts"),
    *("last_error", "failed_at", "next_attempt_at", "due_because"),
)
