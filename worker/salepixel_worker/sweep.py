"""The sweep: does the work of lost jobs, and publishes again what Redis lost."""

import time
from datetime import datetime
from math import inf

import structlog
from redis import Redis

from salepixel.campaigns.directory import publish_directory
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import ClickSealer
from salepixel.money.rates import SHIPPED, Rates
from salepixel.orders import deliveries
from salepixel.orders.batches import due_batches
from salepixel.orders.queue import Turn
from salepixel.storage import space
from salepixel.storage.database import Database
from salepixel.wire.streams import stream_key
from salepixel_worker.attempt import attempt_orders
from salepixel_worker.garbage import without_collection
from salepixel_worker.journals import (
    known_journals,
    mark_folded_journals_idle,
    publish_marks,
    published_marks,
)

AT_ONCE = 50
"""The orders of one transaction.

Batches of 100 are not faster per order, and take longer to split after a failure.
"""

SETTLED_AT_ONCE = 2000
PACKED_AT_ONCE = 100

log = structlog.get_logger()


def reconcile_due(
    database: Database,
    sealer: ClickSealer,
    limit: int,
    rates: Rates = SHIPPED,
    budget_seconds: float = inf,
    *,
    turn: Turn = "all",
) -> int:
    """Attempt due orders, oldest first, for about this long; returns how many were decided or failed.

    `turn`: which ones, and in which sequence. A failed order is retried later, so the others get their turn.
    Orders that another worker is deciding do not count. Raises errors that are not about an order.
    """
    deadline = time.monotonic() + budget_seconds
    with database.read() as connection:
        batches = due_batches(connection, limit, AT_ONCE, turn=turn)
    done = 0
    for batch in batches:
        with without_collection():
            done += attempt_orders(database, sealer, batch, rates)
        if time.monotonic() > deadline:
            break
    return done


def settle_verdicts(database: Database, now: datetime, budget_seconds: float) -> int:
    """Make verdicts final after FINAL_AFTER, for about this long; returns their number."""
    deadline, done = time.monotonic() + budget_seconds, 0
    while time.monotonic() < deadline:
        # In small batches: orders wait for the database's only writer. Redirects do not wait for it.
        with without_collection(), database.write() as connection:
            settled = clicks.settle_clicks(connection, now, SETTLED_AT_ONCE)
        done += settled
        if not settled:
            break
    return done


def shrink_database(database: Database, budget_seconds: float) -> int:
    """Shrink SQLite's file after rows were deleted, for about this long; returns the number of pages."""
    deadline, done = time.monotonic() + budget_seconds, 0
    while time.monotonic() < deadline:
        # In small batches, as above. Whether there is anything to do is read without the writer's lock.
        with database.read() as connection:
            if not space.removable_pages(connection):
                break
        with database.write() as connection:
            done += space.remove_free_pages(connection)
    return done


def pack_deliveries(database: Database, budget_seconds: float) -> int:
    """Pack uncompressed deliveries, from before 0029, for about this long; returns their number."""
    deadline, done = time.monotonic() + budget_seconds, 0
    while time.monotonic() < deadline:
        with database.read() as connection:
            is_left = deliveries.has_plain(connection)
        if not is_left:
            break
        with database.write() as connection:
            done += deliveries.pack_older(connection, PACKED_AT_ONCE)
    return done


def republish(database: Database, redis: Redis) -> None:
    """Publish again what edges read in Redis, because it may be empty; forget folded journals."""
    # Redis is read before the database, so that the database is never behind the published marks.
    known = known_journals(redis)
    published = published_marks(redis, known)
    with database.read() as connection:
        marks = dict.fromkeys(known, 0) | clicks.read_marks(connection)
    publish_directory(database, redis)
    for journal in [journal for journal, mark in published.items() if mark > marks[journal]]:
        # The database was restored. An edge reads the mark again only if its stream is gone.
        log.warning("reshipping_after_restore", journal=journal, after=marks[journal])
        redis.delete(stream_key(journal))
    publish_marks(redis, {name: mark for name, mark in marks.items() if published.get(name) != mark})
    mark_folded_journals_idle(redis)
