"""An attempt to reconcile one order: what cannot be decided is put off and keeps nobody waiting."""

import traceback
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
import structlog
from rq.timeouts import JobTimeoutException

from salepixel.clicks.tokens import ClickSealer
from salepixel.destinations.announce import reconcile_and_announce
from salepixel.money.rates import SHIPPED, Rates
from salepixel.orders import queue
from salepixel.storage.database import Database, is_passing, is_timeout

_OURS = ("salepixel", "salepixel_worker")

log = structlog.get_logger()


def attempt_order(
    database: Database, sealer: ClickSealer, shop_id: str, order_id: str, rates: Rates = SHIPPED
) -> bool:
    """Reconcile an order in a transaction of its own; False when it cannot be decided now.

    Raises what is not the order's fault, such as a database that is away: that counts as no attempt.
    """
    try:
        with database.write() as connection:
            reconcile_and_announce(connection, sealer, shop_id, order_id, datetime.now(UTC), rates)
    except Exception as error:
        if is_passing(error) and not is_timeout(error):
            raise
        put_off(database, shop_id, order_id, error)
        if isinstance(error, JobTimeoutException):
            raise  # the job's time is over, and no alarm would end the next order
        return False
    return True


def put_off(database: Database, shop_id: str, order_id: str, error: Exception) -> None:
    """Note that an order could not be decided, and log why."""
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
            # Not exc_info: with an error's message, and by `rich` all locals, it would log who bought. And
            # that took 0.3 s an order, in which a thousand of them would keep others waiting after all.
            trace="".join(traceback.format_tb(error.__traceback__)),
        )


def describe(error: BaseException) -> str:
    """The kind of an error and where it was raised: "BadMoney: bad_amount (amounts.py:48, to_minor)".

    Not its message, which may hold an address or a name; only `reason`, the counted name that ours have.
    """
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    detail = getattr(cause, "sqlstate", None) or getattr(error, "reason", None)
    kind = f"{type(cause).__name__}: {detail}" if isinstance(detail, str) else type(cause).__name__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if any(name in Path(frame.filename).parts for name in _OURS)]
    if not ours:
        return kind
    return f"{kind} ({Path(ours[-1].filename).name}:{ours[-1].lineno}, {ours[-1].name})"
