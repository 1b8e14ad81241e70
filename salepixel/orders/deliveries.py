"""Deliveries: webhooks as they arrived, verified; and the count of those that were refused."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import deliveries, rejections
from salepixel.storage.upsert import insert_into, took_effect


def delivery_digest(api_url: str, event: str, body: bytes) -> str:
    """The key of a delivery. Shops send no delivery id that is unique; retries repeat the body exactly."""
    head = f"{api_url}\n{event}\n".encode()
    return hashlib.sha256(head + body).hexdigest()


def store_delivery(
    connection: sa.Connection,
    *,
    digest: str,
    shop_id: str,
    event: str,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
    unread: str = "",
) -> bool:
    """Keep a verified delivery; False when it was here already. `unread`: why no order was read from it."""
    values = {
        "digest": digest,
        "shop_id": shop_id,
        "event": event,
        "headers": json.dumps(dict(headers)),
        "body": body,
        "received_at": at,
        "unread": unread,
    }
    return took_effect(connection, _insert_delivery(connection.dialect.name), values)


def count_rejection(connection: sa.Connection, door: str, reason: str) -> None:
    """Count one rejection, per day (UTC), door and reason, in the caller's transaction."""
    today = datetime.now(UTC).date().isoformat()
    values = {"day": today, "door": door, "reason": reason, "count": 1}
    connection.execute(_add_count(connection.dialect.name), values)


def count_rejections(connection: sa.Connection, counts: Mapping[tuple[str, str, str], int]) -> None:
    """Add counts, by (day in UTC, door, reason), in a transaction of their own."""
    rows = [
        {"day": day, "door": door, "reason": reason, "count": count}
        for (day, door, reason), count in sorted(counts.items())
    ]
    if connection.dialect.name == "postgresql":
        # A transaction of the worker may have counted some of these, and count others next. PostgreSQL looks
        # for deadlocks after a second (deadlock_timeout); until then these counts have given way.
        connection.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
    if rows:
        connection.execute(_adding(insert_into(connection.dialect.name, rejections).values(rows)))


@cache
def _insert_delivery(dialect: str) -> Any:
    return insert_into(dialect, deliveries).on_conflict_do_nothing()


@cache
def _add_count(dialect: str) -> Any:
    return _adding(insert_into(dialect, rejections))


def _adding(statement: Any) -> Any:
    return statement.on_conflict_do_update(
        index_elements=["day", "door", "reason"],
        set_={"count": rejections.c.count + statement.excluded["count"]},
    )


def list_rejections(connection: sa.Connection, days: int) -> list[tuple[str, str, str, int]]:
    """(day, door, reason, count) of the last days that have any, newest first."""
    known_days = sa.select(rejections.c.day).distinct().order_by(rejections.c.day.desc()).limit(days)
    query = sa.select(rejections).where(rejections.c.day.in_(known_days))
    order = (rejections.c.day.desc(), rejections.c.door, rejections.c.reason)
    return [
        (row.day, row.door, row.reason, row._mapping["count"])
        for row in connection.execute(query.order_by(*order))
    ]


def sum_rejections(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """How many were refused since the beginning, by (door, reason)."""
    key = rejections.c.door, rejections.c.reason
    query = sa.select(*key, sa.func.sum(rejections.c.count).label("total")).group_by(*key).order_by(*key)
    return {(row.door, row.reason): int(row.total) for row in connection.execute(query)}
