"""The sweep: finds what a lost job left behind, and repeats what Redis must know."""

from datetime import UTC, datetime

import structlog
from redis import Redis

from salepixel.clicks import ClickSealer
from salepixel.storage import clicks, orders
from salepixel.storage.database import Database
from salepixel.storage.directory import publish_directory
from salepixel_worker.fold import publish_mark
from salepixel_worker.reconcile import reconcile_order

log = structlog.get_logger()


def reconcile_due(database: Database, sealer: ClickSealer, limit: int) -> int:
    """Reconcile orders that are due; gives how many. One that fails does not keep others waiting."""
    with database.read() as connection:
        due = orders.due_orders(connection, limit)
    done = 0
    for shop_id, order_id in due:
        try:
            with database.write() as connection:
                reconcile_order(connection, sealer, shop_id, order_id, datetime.now(UTC))
        except Exception:
            log.exception("order_not_reconciled", shop=shop_id, order=order_id)
            continue
        done += 1
    return done


def republish(database: Database, redis: Redis) -> None:
    """Tell Redis again what the edges read there: it may have been emptied."""
    with database.read() as connection:
        marks = clicks.read_marks(connection)
    publish_directory(database, redis)
    for journal, mark in marks.items():
        publish_mark(redis, journal, mark)
