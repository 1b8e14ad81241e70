"""Deliveries: verified webhooks as they arrived, compressed; and the counts of rejected requests.

A shop sends the same snapshot of an order several times, each time as another event. The bodies differ at the
beginning, in the name of the event and its time, and have the same end, which is stored once. No other module
reads or writes `headers` and `body`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
import structlog

from salepixel.orders.packing import Damaged, pack, unpack
from salepixel.storage.schema import deliveries, rejections
from salepixel.storage.upsert import insert_into, took_effect

log = structlog.get_logger()

MAX_BEGINNING = 500
"""The most bytes before the common end of two bodies. If more bytes differ, it is another snapshot."""

MIN_END = 200
"""The shortest common end that is stored once; a reference to it takes 64 bytes."""

ALIKE_WITHIN = timedelta(days=1)
"""The other delivery is at most this much older, so that both reach their retention age almost together."""

SOURCE = "deliveries"


class Form(IntEnum):
    """How headers and body are stored: plain, packed, packed without an erased person, or not at all."""

    PLAIN = 0
    PACKED = 1
    ERASED = 2
    ENDED = 3  # emptied after its retention period; only the row is left


_NOT_AS_IT_CAME = (Form.ERASED, Form.ENDED)


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery. If `erased`, parts of `body` are missing; `digest` is that of the original body."""

    digest: str
    shop_id: str
    event: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime
    unread: str
    erased: bool


def delivery_digest(api_url: str, event: str, body: bytes) -> str:
    """The key of a delivery: shops send no unique delivery id, but a retry repeats the body exactly."""
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
    like: str = "",
    erased: bool = False,
) -> bool:
    """Store a verified delivery; False if it is stored already. `unread`: why no order was read from it.

    `like`: the digest of the last delivery of its only order, which may have the same end. `erased`: an
    erased person was removed from `body`.
    """
    same_as, same_bytes = _ends_alike(connection, like, body, at) if like and not erased else (None, 0)
    values = {
        "digest": digest,
        "shop_id": shop_id,
        "event": event,
        "headers": "",
        "body": pack(headers, body[: len(body) - same_bytes]),
        "received_at": at,
        "unread": unread,
        "form": Form.ERASED if erased else Form.PACKED,
        "same_as": same_as,
        "same_bytes": same_bytes,
    }
    return took_effect(connection, _insert_delivery(connection.dialect.name), values)


def read_delivery(connection: sa.Connection, digest: str) -> StoredDelivery | None:
    """A delivery as received, or None. Raises Damaged."""
    row = connection.execute(_one(), {"digest": digest}).first()
    if row is None:
        return None
    headers, body = _content(row)
    erased = row.form in _NOT_AS_IT_CAME
    if row.same_as is not None:
        other = connection.execute(_one(), {"digest": row.same_as}).first()
        if other is None:
            raise Damaged("the delivery with its end was deleted")
        _, its_body = _content(other)
        if other.form in _NOT_AS_IT_CAME:
            body, erased = its_body, True
        elif len(its_body) < row.same_bytes:
            raise Damaged("the delivery with its end is too short")
        else:
            body += its_body[len(its_body) - row.same_bytes :]
    kept = (row.received_at, row.unread)
    return StoredDelivery(row.digest, row.shop_id, row.event, headers, body, *kept, erased)


def erase_in_delivery(
    connection: sa.Connection, digest: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Replace headers and body by those without a person. The digest stays, so that a retry is recognised.

    A delivery that shares its end with this one loses that end.
    """
    values = {
        "form": Form.ERASED,
        "headers": "",
        "body": pack(headers, body),
        "same_as": None,
        "same_bytes": 0,
    }
    connection.execute(sa.update(deliveries).where(deliveries.c.digest == digest).values(values))


def empty_deliveries(
    connection: sa.Connection, shop_id: str, since: datetime, until: datetime, limit: int
) -> tuple[int, datetime | None]:
    """Empty up to `limit` deliveries of a shop received from `since` to before `until`, oldest first.

    Returns their number, and the time of the last one if more may follow. The rows stay, so that a retry is
    recognised.
    """
    in_time = deliveries.c.received_at >= since, deliveries.c.received_at < until
    query = sa.select(deliveries.c.digest, deliveries.c.received_at).where(
        deliveries.c.shop_id == shop_id, *in_time, deliveries.c.form != Form.ENDED
    )
    rows = connection.execute(query.order_by(deliveries.c.received_at).limit(limit)).all()
    values = {"form": Form.ENDED, "headers": "", "body": pack({}, b""), "same_as": None, "same_bytes": 0}
    named = deliveries.c.digest.in_([row.digest for row in rows])
    connection.execute(sa.update(deliveries).where(named).values(values))
    return len(rows), rows[-1].received_at if len(rows) == limit else None


def list_unread(connection: sa.Connection, limit: int) -> list[tuple[str, str, str, datetime, str]]:
    """(digest, shop, event, received at (UTC), reason) of unreadable deliveries, newest first."""
    columns = (deliveries.c[name] for name in ("digest", "shop_id", "event", "received_at", "unread"))
    query = sa.select(*columns).where(deliveries.c.unread != "").order_by(deliveries.c.received_at.desc())
    return [tuple(row) for row in connection.execute(query.limit(limit))]


def has_plain(connection: sa.Connection) -> bool:
    """Whether there are uncompressed deliveries, from before 0029."""
    return connection.scalar(_plain(deliveries.c.digest).limit(1)) is not None


def pack_older(connection: sa.Connection, limit: int) -> int:
    """Pack up to `limit` uncompressed deliveries, from before 0029; returns their number."""
    columns = (deliveries.c[name] for name in ("digest", "headers", "body"))
    rows = connection.execute(_plain(*columns).limit(limit)).all()
    changed = [{"its": row.digest, "packed": pack(_read_headers(row.headers), row.body)} for row in rows]
    if changed:
        values = {"form": Form.PACKED, "headers": "", "body": sa.bindparam("packed")}
        its = deliveries.c.digest == sa.bindparam("its"), deliveries.c.form == Form.PLAIN
        connection.execute(sa.update(deliveries).where(*its).values(values), changed)
    return len(changed)


def _plain(*columns: sa.Column[Any]) -> sa.Select[Any]:
    # Literally the condition of the index: SQLite compares the texts.
    return sa.select(*columns).where(sa.text("form = 0"))


def _ends_alike(connection: sa.Connection, like: str, body: bytes, at: datetime) -> tuple[str | None, int]:
    """The digest of the delivery with the same end, and the number of common bytes; (None, 0) without one."""
    row = connection.execute(_with_its_end(), {"digest": like}).first()
    if row is None or row.form in _NOT_AS_IT_CAME or at - row.received_at > ALIKE_WITHIN:
        return None, 0
    try:
        _, its_body = _content(row)
    except Damaged as error:
        # This delivery is stored anyway. The log names the damaged one, because only the operator can restore
        # it.
        log.error("delivery_damaged", digest=row.digest, error=str(error))
        count_rejection(connection, SOURCE, "damaged")
        return None, 0
    alike = _common_end(body, its_body)
    is_worth_it = alike >= MIN_END and len(body) - alike <= MAX_BEGINNING
    return (row.digest, alike) if is_worth_it else (None, 0)


def _common_end(one: bytes, other: bytes) -> int:
    """The length of the longest common end of two bodies."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        tried = (least + most + 1) // 2
        if one[len(one) - tried :] == other[len(other) - tried :]:
            least = tried
        else:
            most = tried - 1
    return least


def _content(row: sa.Row[Any]) -> tuple[Mapping[str, str], bytes]:
    if row.form != Form.PLAIN:
        return unpack(row.body)
    return _read_headers(row.headers), row.body


def _read_headers(text: str) -> Mapping[str, str]:
    # Damaged headers are kept as they are: neither the next delivery nor a sweep may stop at them.
    try:
        headers = json.loads(text)
    except ValueError:
        headers = None
    return headers if isinstance(headers, dict) else {"damaged": text}


@cache
def _one() -> Any:
    return sa.select(deliveries).where(deliveries.c.digest == sa.bindparam("digest"))


@cache
def _with_its_end() -> Any:
    """A delivery, and the delivery that stores its end."""
    last, whole = deliveries.alias(), deliveries.alias()
    has_end = whole.c.digest == sa.func.coalesce(last.c.same_as, last.c.digest)
    query = sa.select(whole).select_from(last).join(whole, has_end)
    # Locked, so that it is neither erased nor emptied before the delivery that refers to it is committed.
    return query.where(last.c.digest == sa.bindparam("digest")).with_for_update(read=True, of=whole)


@cache
def _insert_delivery(dialect: str) -> Any:
    return insert_into(dialect, deliveries).on_conflict_do_nothing()


def count_rejection(connection: sa.Connection, source: str, reason: str, count: int = 1) -> None:
    """Count rejections, per day (UTC), source and reason, in the caller's transaction."""
    today = datetime.now(UTC).date().isoformat()
    values = {"day": today, "source": source, "reason": reason, "count": count}
    connection.execute(_add_count(connection.dialect.name), values)


def count_rejections(connection: sa.Connection, counts: Mapping[tuple[str, str, str], int]) -> None:
    """Add counts, by (day in UTC, source, reason), in a transaction of their own."""
    rows = [
        {"day": day, "source": source, "reason": reason, "count": count}
        for (day, source, reason), count in sorted(counts.items())
    ]
    if connection.dialect.name == "postgresql":
        # A transaction of the worker may have counted some of these, and count others next. PostgreSQL looks
        # for deadlocks after a second (deadlock_timeout); this transaction stops waiting before that.
        connection.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
    if rows:
        connection.execute(_adding(insert_into(connection.dialect.name, rejections).values(rows)))


@cache
def _add_count(dialect: str) -> Any:
    return _adding(insert_into(dialect, rejections))


def _adding(statement: Any) -> Any:
    return statement.on_conflict_do_update(
        index_elements=["day", "source", "reason"],
        set_={"count": rejections.c.count + statement.excluded["count"]},
    )


def list_rejections(connection: sa.Connection, days: int) -> list[tuple[str, str, str, int]]:
    """(day, source, reason, count) of the last days that have any, newest first."""
    known_days = sa.select(rejections.c.day).distinct().order_by(rejections.c.day.desc()).limit(days)
    query = sa.select(rejections).where(rejections.c.day.in_(known_days))
    order = (rejections.c.day.desc(), rejections.c.source, rejections.c.reason)
    return [
        (row.day, row.source, row.reason, row._mapping["count"])
        for row in connection.execute(query.order_by(*order))
    ]


def sum_rejections(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """The number of all rejections, by (source, reason)."""
    key = rejections.c.source, rejections.c.reason
    query = sa.select(*key, sa.func.sum(rejections.c.count).label("total")).group_by(*key).order_by(*key)
    return {(row.source, row.reason): int(row.total) for row in connection.execute(query)}
