"""The outbox: sales to be told to another server, each until it was taken or given up."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.storage.schema import outbox
from salepixel.storage.upsert import insert


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to make; `id` is its idempotency key, the same on every attempt."""

    id: str
    emp_id: int
    url: str
    attempts: int


def add_outgoing(
    connection: sa.Connection, *, emp_id: int, shop_id: str, order_id: str, part: str, url: str, at: datetime
) -> None:
    """Note that a sale is to be told; once per sale and destination, whatever happens to the sale later.

    `part` is the line, or empty for the whole order.
    """
    name = f"{emp_id}\n{shop_id}\n{order_id}\n{part}"
    key = hashlib.sha256(name.encode()).hexdigest()[:32]
    values = {
        "id": key,
        "emp_id": emp_id,
        "shop_id": shop_id,
        "order_id": order_id,
        "url": url,
        "state": "waiting",
        "attempts": 0,
        "next_at": at,
        "answer": "",
    }
    connection.execute(insert(connection, outbox).values(values).on_conflict_do_nothing())


def claim_outgoing(connection: sa.Connection, now: datetime, until: datetime, limit: int) -> list[Outgoing]:
    """Take what is to be sent by now, the longest waiting first; nobody else gets it before `until`.

    Whoever took a row and died leaves it to be sent again then, under the same idempotency key.
    """
    query = (
        sa.select(outbox.c.id, outbox.c.emp_id, outbox.c.url, outbox.c.attempts)
        .where(outbox.c.state == "waiting", outbox.c.next_at <= now)
        .order_by(outbox.c.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = [Outgoing(*row) for row in connection.execute(query)]
    ids = [outgoing.id for outgoing in claimed]
    connection.execute(sa.update(outbox).where(outbox.c.id.in_(ids)).values(next_at=until))
    return claimed


def record_attempt(
    connection: sa.Connection, outgoing: Outgoing, *, state: str, answer: str, next_at: datetime
) -> None:
    """Note how an attempt ended: state sent, waiting (until next_at) or dead."""
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == outgoing.id)
        .values(state=state, attempts=outgoing.attempts + 1, answer=answer[:500], next_at=next_at)
    )


def count_outgoing(connection: sa.Connection) -> dict[str, int]:
    """How many rows are in each state."""
    query = sa.select(outbox.c.state, sa.func.count()).group_by(outbox.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}
