"""One attempt to reconcile orders. A failed order is retried later and does not delay others."""

import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
import structlog
from rq.timeouts import JobTimeoutException

from salepixel.clicks.tokens import ClickSealer
from salepixel.destinations.announce import reconcile_and_announce
from salepixel.money.rates import SHIPPED, Rates
from salepixel.orders import queue
from salepixel.orders.keys import OrderKey
from salepixel.storage.database import Database, is_conflict, is_timeout, is_transient

_OURS = ("salepixel", "salepixel_worker")

log = structlog.get_logger()


def attempt_orders(
    database: Database, sealer: ClickSealer, keys: Sequence[OrderKey], rates: Rates = SHIPPED
) -> int:
    """Reconcile orders that are due in one transaction. An order that cannot be decided fails alone.

    Returns how many were decided or failed. Those that another worker is deciding do not count.
    Raises errors that are not about an order, such as an unavailable database. They are not counted.
    """
    try:
        with database.write() as connection:
            now = datetime.now(UTC)
            done = reconcile_and_announce(connection, sealer, keys, now, rates, only_due=True)
            return len(done) or len(keys) - queue.count_these(connection, keys)
    except Exception as error:
        # Workers with orders that change clicks of the same contacts may deadlock. Smaller batches seldom do.
        is_split = len(keys) > 1 and is_conflict(error)
        if is_transient(error) and not is_timeout(error) and not is_split:
            raise
        if isinstance(error, JobTimeoutException):
            # One order used the whole time of the job. Orders that failed before are attempted alone.
            for key in keys:
                schedule_retry(database, *key, error)
            raise  # the job has used its time, and no alarm would end the next order
        if len(keys) == 1:
            schedule_retry(database, *keys[0], error)
            return 1
        middle = len(keys) // 2
        halves = keys[:middle], keys[middle:]
        return sum(attempt_orders(database, sealer, half, rates) for half in halves)


def schedule_retry(database: Database, shop_id: str, order_id: str, error: Exception) -> None:
    """Record that an order could not be decided, and log why."""
    text = describe(error)
    with database.write() as connection:
        failed = queue.record_failure(connection, shop_id, order_id, text, datetime.now(UTC))
    if failed:
        log.error(
            "order_not_reconciled",
            shop=shop_id,
            order=order_id,
            error=text,
            attempts=failed.attempts,
            state=failed.state,
            # Not exc_info: it would log the error's message and, through `rich`, all local variables, and so
            # the buyer. It also took 0.3 s per order, which would delay other orders if a thousand fail.
            trace="".join(traceback.format_tb(error.__traceback__)),
        )


def describe(error: BaseException) -> str:
    """The type of an error and its place in the code: "BadMoney: bad_amount (amounts.py:48, to_minor)".

    Without its message, which may contain an address or a name; with `reason` of our own errors.
    """
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    detail = getattr(cause, "sqlstate", None) or getattr(error, "reason", None)
    kind = f"{type(cause).__name__}: {detail}" if isinstance(detail, str) else type(cause).__name__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if any(name in Path(frame.filename).parts for name in _OURS)]
    if not ours:
        return kind
    return f"{kind} ({Path(ours[-1].filename).name}:{ours[-1].lineno}, {ours[-1].name})"
