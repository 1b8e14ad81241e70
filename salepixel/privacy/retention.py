"""Retention: how long an account keeps data that no decision needs, and the steps that delete it.

No decision and no sum changes. The row of a delivery stays without its body: its digest identifies a repeated
call of the sales API. The row of a sent forward stays without its URL, or the sale would be forwarded again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from salepixel.accounts.store import lock_account
from salepixel.clicks.tokens import least_id_at
from salepixel.orders.deliveries import empty_deliveries
from salepixel.storage.database import Database
from salepixel.storage.schema import EPOCH, accounts, hits, outbox, retention, shops
from salepixel.storage.upsert import insert


class Kept(StrEnum):
    """The kinds of data that an account may limit. Stored and shown."""

    DELIVERIES = "deliveries"
    FORWARDS = "forwards"
    HITS = "ignored_hits"


DEFAULT_DAYS: Mapping[Kept, int] = {Kept.DELIVERIES: 400, Kept.FORWARDS: 90, Kept.HITS: 90}
"""The defaults. Deliveries are kept for a year, plus the month in which the year is closed."""

AT_ONCE = 500
"""The rows of one step, which takes some milliseconds."""

YIELD_SECONDS = 0.03
"""The longest pause between two steps: a waiting writer of SQLite retries after 25 ms."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`days`: how long data is kept; None: for ever. `ended_until`: older rows (UTC) were deleted."""

    days: int | None
    ended_until: datetime = EPOCH


def read_retention(connection: sa.Connection, emp_id: int) -> dict[Kept, Setting]:
    """All settings of an account."""
    rows = connection.execute(sa.select(retention).where(retention.c.emp_id == emp_id))
    chosen = {row.kind: Setting(row.days, row.ended_until) for row in rows}
    return {kind: chosen.get(kind, Setting(days)) for kind, days in DEFAULT_DAYS.items()}


def keep_setting(connection: sa.Connection, emp_id: int, kind: str, setting: Setting) -> None:
    """Store a setting and its progress."""
    changed = {"days": setting.days, "ended_until": setting.ended_until}
    statement = insert(connection, retention).values(emp_id=emp_id, kind=str(kind), **changed)
    connection.execute(statement.on_conflict_do_update(index_elements=["emp_id", "kind"], set_=changed))


def end_old_rows(database: Database, now: datetime, budget_seconds: float) -> int:
    """Delete or empty expired rows of all accounts, for about this long; returns the number of rows.

    Each step is a short transaction with a pause after it, so a fold or a webhook waits for one step at most.
    """
    deadline, ended = time.monotonic() + budget_seconds, 0
    with database.read() as connection:
        every = list(connection.scalars(sa.select(accounts.c.emp_id).order_by(accounts.c.emp_id)))
    for emp_id in every:
        for kind in Kept:
            may_be_more = True
            while may_be_more:
                done, may_be_more = _end_some(database, emp_id, kind, now)
                ended += done
                if time.monotonic() > deadline:
                    return ended
                if may_be_more:
                    time.sleep(YIELD_SECONDS)
    return ended


def _end_some(database: Database, emp_id: int, kind: Kept, now: datetime) -> tuple[int, bool]:
    """One step; returns the number of rows, and whether more may follow."""
    with database.read() as connection:
        if _until(read_retention(connection, emp_id)[kind], now) is None:
            return 0, False
    with database.write() as connection:
        lock_account(connection, emp_id)  # its setting may just have changed
        setting = read_retention(connection, emp_id)[kind]
        if (until := _until(setting, now)) is None:
            return 0, False
        ended, reached = _END[kind](connection, emp_id, setting.ended_until, until)
        keep_setting(connection, emp_id, kind, Setting(setting.days, reached or until))
    return ended, reached is not None


def _until(setting: Setting, now: datetime) -> datetime | None:
    """Rows before this time (UTC) have expired; None if they are deleted already, or kept for ever."""
    until = None if setting.days is None else now - timedelta(days=setting.days)
    return None if until is None or setting.ended_until >= until else until


Reached = tuple[int, datetime | None]
"""The number of deleted or emptied rows, and the time of the last one if more may follow."""


def _end_forwards(connection: sa.Connection, emp_id: int, since: datetime, until: datetime) -> Reached:
    sent = outbox.c.state == "sent", outbox.c.emp_id == emp_id
    in_time = outbox.c.next_at >= since, outbox.c.next_at < until, outbox.c.url != ""
    query = sa.select(outbox.c.id, outbox.c.next_at).where(*sent, *in_time).order_by(outbox.c.next_at)
    rows = connection.execute(query.limit(AT_ONCE)).all()
    named = outbox.c.id.in_([row.id for row in rows])
    connection.execute(sa.update(outbox).where(named).values(url="", answer=""))
    return len(rows), rows[-1].next_at if len(rows) == AT_ONCE else None


def _end_hits(connection: sa.Connection, emp_id: int, since: datetime, until: datetime) -> Reached:
    old = hits.c.emp_id == emp_id, hits.c.id >= least_id_at(since), hits.c.id < least_id_at(until)
    # The condition on `problem` is that of the index. A hit that counts in spite of a problem is evidence.
    ignored = hits.c.problem != sa.text("''"), hits.c.ignored != ""
    ids = list(
        connection.scalars(sa.select(hits.c.id).where(*old, *ignored).order_by(hits.c.id).limit(AT_ONCE))
    )
    connection.execute(sa.delete(hits).where(hits.c.id.in_(ids)))
    if len(ids) < AT_ONCE:
        return len(ids), None
    return len(ids), EPOCH + timedelta(milliseconds=int.from_bytes(ids[-1][:6]))


def _end_deliveries(connection: sa.Connection, emp_id: int, since: datetime, until: datetime) -> Reached:
    """Empty expired deliveries, shop by shop. Each shop has its own progress, so no step reads rows twice."""
    for shop_id in connection.scalars(sa.select(shops.c.id).where(shops.c.emp_id == emp_id)).all():
        place = f"{Kept.DELIVERIES} {shop_id}"
        this = retention.c.emp_id == emp_id, retention.c.kind == place
        after = connection.scalar(sa.select(retention.c.ended_until).where(*this)) or EPOCH
        if after < until:
            ended, reached = empty_deliveries(connection, shop_id, after, until, AT_ONCE)
            keep_setting(connection, emp_id, place, Setting(None, reached or until))
            return ended, since
    return 0, None


_END: Mapping[Kept, Callable[[sa.Connection, int, datetime, datetime], Reached]] = {
    Kept.DELIVERIES: _end_deliveries,
    Kept.FORWARDS: _end_forwards,
    Kept.HITS: _end_hits,
}
