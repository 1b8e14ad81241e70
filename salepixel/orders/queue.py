"""Orders to decide, the oldest first. A failed order is retried, and parked after eight attempts.

The queue is the table `due`, and this module defines every value that is written to it. A column of `orders`
would cost more: each change rewrites the whole row, on PostgreSQL with an entry in each of ten indexes, twice
for each decision (docs/adr/0041-the-queue-is-a-table.md).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import sqlalchemy as sa

from salepixel.accounts.scope import Scope, in_scope
from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.storage.many import POSTGRESQL
from salepixel.storage.pages import read_page
from salepixel.storage.schema import UtcTime, due, orders
from salepixel.storage.upsert import insert_into

FIRST_PAUSE = timedelta(minutes=1)
"""The pause after the first failed attempt. It doubles with each further failure."""

MAX_ATTEMPTS = 8
"""The last attempt, two hours after the first. Then the order is parked until it changes or is requeued."""

MAX_ERROR = 300

Turn = Literal["all", "new", "newest", "again"]
"""Which due orders to read: the longest due first, except for `newest`.

`new`, `newest`: those whose decision is missing or outdated. `again`: those whose decision may change.
`all`: `new`, then `again`.
"""

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


_ITS_ORDER = sa.and_(orders.c.shop_id == due.c.shop_id, orders.c.id == due.c.order_id)
_NOW = sa.bindparam("marked_at", callable_=_now, type_=UtcTime())
_AT_ONCE = ("new_order", "order_changed")
"""Reasons (`requeue.DueReason`) that leave an order without a current decision. These orders come first.

With any other reason, the decision only may change.
"""


def mark_due(connection: sa.Connection, why: str, *which: sa.ColumnElement[bool]) -> None:
    """Put the orders that match all conditions on the queue: at its end, with no attempts yet.

    `why`: a `requeue.DueReason`.
    """
    connection.execute(marks_due(connection.dialect.name, *which), because(why))


def because(why: str) -> dict[str, Any]:
    """The parameters of `marks_due` for a reason."""
    return {"why": str(why), "is_again": why not in _AT_ONCE}


def marks_due(dialect: str, *which: sa.ColumnElement[bool]) -> Any:
    """The statement of `mark_due`: build it once. Its parameters are those of `because` and of `which`."""
    again = sa.bindparam("is_again", type_=sa.Boolean)
    values = _NOW, again, sa.bindparam("why", type_=sa.Text)
    rows = sa.select(orders.c.shop_id, orders.c.id, orders.c.emp_id, *values).where(*which)
    if dialect == POSTGRESQL:
        # Lock the orders, to wait until a decision in progress is stored. Otherwise that decision would take
        # the order off the queue without having seen this change. Sorted, to avoid deadlocks.
        rows = rows.order_by(orders.c.shop_id, orders.c.id)
        rows = rows.with_for_update(read=True, key_share=True, of=orders)
    names = ["shop_id", "order_id", "emp_id", "next_attempt_at", "again", "because"]
    statement = insert_into(dialect, due).from_select(names, rows)
    new = statement.excluded
    # A waiting order keeps its place and its reason. Otherwise an order that is marked often would never
    # reach the front of the queue.
    is_stronger = sa.or_(due.c.attempts > 0, sa.and_(due.c.again, ~new.again))
    return statement.on_conflict_do_update(
        index_elements=["shop_id", "order_id"],
        set_={column.name: new[column.name] for column in due.c if not column.primary_key},
        where=is_stronger,
    )


def waits_before(
    connection: sa.Connection, emp_id: int, placed_before: datetime, marked_since: datetime
) -> bool:
    """Whether an order of an account that was placed before a time waits for its first attempt.

    Orders that have waited since before `marked_since` do not count.
    """
    waits = due.c.attempts == 0, due.c.emp_id == emp_id, due.c.next_attempt_at >= marked_since
    theirs = sa.select(due.c.order_id).select_from(due.join(orders, _ITS_ORDER)).where(*waits)
    return connection.execute(theirs.where(orders.c.placed_at < placed_before).limit(1)).first() is not None


def mark_decided(connection: sa.Connection, keys: Collection[OrderKey]) -> None:
    """Take orders off the queue."""
    connection.execute(_mark_decided(connection.dialect.name), {"these": as_keys(keys)})


@cache
def _mark_decided(dialect: str) -> Any:
    return sa.delete(due).where(is_of_orders(dialect, due.c.shop_id, due.c.order_id))


def attempts_of(connection: sa.Connection, keys: Collection[OrderKey]) -> dict[OrderKey, int]:
    """The orders among these that are on the queue, parked or not, and how often deciding each has failed.

    Judging an order whose last attempt failed would fail again.
    """
    rows = connection.execute(_attempts_of(connection.dialect.name), {"these": as_keys(keys)})
    return {(row.shop_id, row.order_id): row.attempts for row in rows}


@cache
def _attempts_of(dialect: str) -> Any:
    these = is_of_orders(dialect, due.c.shop_id, due.c.order_id)
    return sa.select(due.c.shop_id, due.c.order_id, due.c.attempts).where(these)


def count_these(connection: sa.Connection, keys: Collection[OrderKey]) -> int:
    """How many of these orders are on the queue."""
    return connection.scalar(_count_these(connection.dialect.name), {"these": as_keys(keys)}) or 0


@cache
def _count_these(dialect: str) -> Any:
    these = is_of_orders(dialect, due.c.shop_id, due.c.order_id)
    return sa.select(sa.func.count()).select_from(due).where(these)


def due_orders(
    connection: sa.Connection, limit: int, now: datetime | None = None, *, turn: Turn = "all"
) -> list[OrderKey]:
    """The orders that are due at `now`, in the sequence that `turn` defines."""
    return [(row.shop_id, row.id) for row in read_due(connection, limit, now, turn=turn)]


def read_due(
    connection: sa.Connection, limit: int, now: datetime | None = None, *, turn: Turn = "all"
) -> Sequence[sa.Row[Any]]:
    """Like `due_orders`, but rows: with attempts, and columns that connect dependent orders (batches.py)."""
    found: list[sa.Row[Any]] = []
    for again in (False, True) if turn == "all" else (turn == "again",):
        asked = {"now": now or _now(), "again": again, "most": limit - len(found)}
        found += connection.execute(_due(newest=turn == "newest"), asked).all()
    return found


@cache
def _due(*, newest: bool) -> Any:
    of_order = (orders.c[name] for name in ("customer", "email_hash", "number_key"))
    columns = due.c.shop_id, due.c.order_id.label("id"), due.c.emp_id, due.c.attempts, due.c.next_attempt_at
    query = sa.select(*columns, *of_order).select_from(due.join(orders, _ITS_ORDER))
    query = query.where(due.c.again == sa.bindparam("again"), due.c.next_attempt_at <= sa.bindparam("now"))
    # One mark gives many orders the same time. Their keys then decide, so both databases agree.
    place = due.c.next_attempt_at, due.c.shop_id, due.c.order_id
    sequence = [column.desc() for column in place] if newest else place
    return query.order_by(*sequence).limit(sa.bindparam("most"))


def record_failure(
    connection: sa.Connection, shop_id: str, order_id: str, error: str, at: datetime
) -> FailedOrder | None:
    """Record a failed attempt: retry the order later, or park it after MAX_ATTEMPTS. None: no such order.

    `error` is shown to people, so it must not contain personal data.
    """
    # Locked, because a change of the order sets the attempts back to 0.
    lock = sa.select(due.c.attempts).where(*_this(shop_id, order_id)).with_for_update()
    before = connection.scalar(lock)
    if before is None:  # a rebuild decides orders that were not due
        mark_due(connection, "", orders.c.shop_id == shop_id, orders.c.id == order_id)
        before = connection.scalar(lock)
    if before is None:
        return None
    attempts = before + 1
    pause = FIRST_PAUSE * 2**before
    values = {
        "next_attempt_at": at + pause if attempts < MAX_ATTEMPTS else None,
        "attempts": attempts,
        "last_error": error[:MAX_ERROR],
        "failed_at": at,
    }
    connection.execute(sa.update(due).where(*_this(shop_id, order_id)).values(values))
    return _failed_orders(connection, *_this(shop_id, order_id))[0]


def retry_failed(connection: sa.Connection, why: str, scope: Scope, only: OrderKey | None = None) -> int:
    """Requeue the failed orders of an account (None: of all), or one of them. Returns how many."""
    which = have_failed(scope) + ([] if only is None else list(_this(*only)))
    anew = {"attempts": 0, "last_error": "", "failed_at": None, "next_attempt_at": _now()}
    return connection.execute(
        sa.update(due).where(*which).values(anew | {"because": str(why), "again": because(why)["is_again"]})
    ).rowcount


def failed_by_account(
    connection: sa.Connection, scope: Scope, only: OrderKey | None = None
) -> dict[int, int]:
    """The failed orders that `retry_failed` would requeue, by account."""
    which = have_failed(scope) + ([] if only is None else list(_this(*only)))
    query = sa.select(due.c.emp_id, sa.func.count()).where(*which).group_by(due.c.emp_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def list_failed(
    connection: sa.Connection,
    scope: Scope,
    limit: int,
    before: FailedPlace | None = None,
    after: FailedPlace | None = None,
) -> list[FailedOrder]:
    """The orders of one account or of all that could not be decided, the latest failure first.

    `before`, `after`: the place of the order that the page begins behind or ends before.
    """
    return _failed_orders(connection, *have_failed(scope), limit=limit, before=before, after=after)


def find_failed(connection: sa.Connection, shop_id: str, order_id: str) -> FailedOrder | None:
    """An order whose last attempt failed; None for any other order."""
    return next(iter(_failed_orders(connection, due.c.attempts > 0, *_this(shop_id, order_id))), None)


def failed_before(connection: sa.Connection, emp_id: int, before: datetime, limit: int) -> list[FailedOrder]:
    """The orders of an account placed before a time that could not be decided, the latest failure first."""
    return _failed_orders(connection, *have_failed(emp_id), orders.c.placed_at < before, limit=limit)


def count_failed(connection: sa.Connection, scope: Scope) -> int:
    """The number of orders of one account or of all that could not be decided."""
    return connection.scalar(sa.select(sa.func.count()).select_from(due).where(*have_failed(scope))) or 0


def count_due(
    connection: sa.Connection, emp_id: int, placed_before: datetime, *, without_failed: bool = False
) -> int:
    """The number of orders of an account on the queue that were placed before a time."""
    which = [due.c.emp_id == emp_id, orders.c.placed_at < placed_before]
    which += [due.c.attempts == 0] if without_failed else []
    query = sa.select(sa.func.count()).select_from(due.join(orders, _ITS_ORDER))
    return connection.scalar(query.where(*which)) or 0


def read_state(connection: sa.Connection) -> QueueState:
    """The state of the whole queue."""
    waits, is_parked = due.c.attempts == 0, due.c.next_attempt_at.is_(None)
    query = sa.select(
        due.c.because,
        sa.func.count().filter(waits).label("due"),
        sa.func.min(due.c.next_attempt_at).filter(waits).label("oldest"),
        sa.func.count().filter(~waits, ~is_parked).label("retrying"),
        sa.func.count().filter(is_parked).label("parked"),
    )
    rows = connection.execute(query.group_by(due.c.because)).all()
    return QueueState(
        due=sum(row.due for row in rows),
        oldest_due_at=min((row.oldest for row in rows if row.oldest), default=None),
        retrying=sum(row.retrying for row in rows),
        parked=sum(row.parked for row in rows),
        because={row.because: row.due for row in rows if row.due},
    )


def _this(shop_id: str, order_id: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return due.c.shop_id == shop_id, due.c.order_id == order_id


def have_failed(scope: Scope) -> list[sa.ColumnElement[bool]]:
    """Conditions for the orders of one account or of all whose last attempt failed."""
    return [due.c.attempts > sa.text("0"), in_scope(due.c.emp_id, scope)]


def _failed_orders(
    connection: sa.Connection,
    *which: sa.ColumnElement[bool],
    limit: int = 1,
    before: FailedPlace | None = None,
    after: FailedPlace | None = None,
) -> list[FailedOrder]:
    key = due.c.failed_at, due.c.shop_id, due.c.order_id
    columns: list[Any] = [due.c[name] for name in ("shop_id", "order_id", "emp_id", "attempts", "last_error")]
    columns += [due.c.failed_at, due.c.next_attempt_at, due.c.because.label("due_because"), orders.c.number]
    query = sa.select(*columns).select_from(due.join(orders, _ITS_ORDER)).where(*which)
    return [FailedOrder(**row._mapping) for row in read_page(connection, query, key, limit, before, after)]
