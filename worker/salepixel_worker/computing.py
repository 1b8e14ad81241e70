"""Computations, done step by step, so that orders wait for one step at most."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from rq.timeouts import JobTimeoutException

from salepixel.attribution import previews
from salepixel.computations import store
from salepixel.computations.doing import Kinds, StepFailed, do_step
from salepixel.computations.work import Tools
from salepixel.lists import importing, sending
from salepixel.lists import store as lists
from salepixel.privacy import access
from salepixel.report import comparison, exports, lift
from salepixel.storage.database import Database, is_timeout, is_transient
from salepixel.storage.schema import computations
from salepixel.wire.jobs import COMPUTE, JobQueue
from salepixel_worker.attempt import describe

log = structlog.get_logger()

KINDS: Kinds = {
    module.KIND: module.step for module in (access, comparison, exports, importing, lift, previews, sending)
}

KEPT = timedelta(days=1)
"""How long a result or a file is kept."""


def compute_some(
    database: Database, tools: Tools, budget_seconds: float, waiting: Callable[[], int] = lambda: 0
) -> bool:
    """Do steps for about this long, or until another job waits; False if no computation is left.

    Computations take turns, so that a long one does not delay the others.
    """
    deadline = time.monotonic() + budget_seconds
    while True:
        if not _do_step(database, tools):
            return False
        if time.monotonic() > deadline or waiting():
            with database.read() as connection:
                return store.is_any_under_way(connection, datetime.now(UTC))


def _do_step(database: Database, tools: Tools) -> bool:
    """Do one step of the next computation; False if there is none."""
    try:
        return do_step(database, tools, KINDS)
    except StepFailed as failed:
        found, error = failed.computation, failed.__cause__
        if error is None:
            raise
        is_out_of_time = isinstance(error, JobTimeoutException)
        if is_transient(error) and not is_timeout(error) and not is_out_of_time:
            raise error from None
        text = describe(error)
        log.error("computation_failed", computation=found.id, kind=found.kind, error=text)
        with database.write() as connection:
            store.fail(connection, found.id, text, datetime.now(UTC))
        if is_out_of_time:  # the job has used its time; the same step would use all of the next one's
            raise error from None
        return True


def sweep_computations(database: Database, queue: JobQueue, now: datetime, budget_seconds: float) -> None:
    """Delete old results and lists for about this long, and enqueue the job if a step can be done."""
    deadline = time.monotonic() + budget_seconds
    is_old = computations.c.finished_at < now - KEPT
    while time.monotonic() < deadline:
        with database.read() as connection:
            if not store.is_any(connection, is_old):
                break
        with database.write() as connection:
            store.delete_some(connection, is_old)
    while time.monotonic() < deadline:
        with database.read() as connection:
            if not lists.is_any_ended(connection, now):
                break
        with database.write() as connection:
            lists.delete_ended(connection, now)
    with database.read() as connection:
        is_waiting = store.is_any_under_way(connection, now)
    if is_waiting:
        queue.enqueue_once(COMPUTE)
