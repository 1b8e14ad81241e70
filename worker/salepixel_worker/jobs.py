"""The jobs named in salepixel/wire/jobs.py. Each takes only ids, and is safe to lose or to run twice."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import structlog
from redis import Redis
from rq.timeouts import JobTimeoutException

from salepixel.clicks.tokens import ClickSealer
from salepixel.computations.work import Tools
from salepixel.keys import load_keys
from salepixel.money.rates import Rates
from salepixel.orders.queue import due_orders
from salepixel.privacy.erase import continue_erasures
from salepixel.privacy.retention import end_old_rows
from salepixel.settings import WorkerSettings, environment
from salepixel.storage.database import Database, open_database
from salepixel.wire.jobs import COMPUTE, DRAIN, JobQueue
from salepixel.wire.redis import open_redis
from salepixel_worker.attempt import describe
from salepixel_worker.computing import compute_some, sweep_computations
from salepixel_worker.fold import fold_all
from salepixel_worker.sweep import pack_deliveries, reconcile_due, republish, settle_verdicts, shrink_database

log = structlog.get_logger()

FOLD_SECONDS = 0.5
"""How long a job folds. After that, waiting orders are decided, and the scheduler enqueues another fold."""

DRAIN_ORDERS = 1000
DRAIN_SECONDS = 0.25
"""How long a job reconciles due orders at least. Then the next job runs, such as a fold."""

FOLDS_PER_DRAIN = 2
"""Orders without a decision have twice as long as the fold before them: with a fixed time, they waited until
all clicks of a mailing were folded. Orders whose decision may only change have DRAIN_SECONDS."""

DRAIN_FOLD_SECONDS = 0.1
"""How long `drain` folds first. Short: a click that is folded later marks its order due again."""

NEWEST_ORDERS = 10
"""The number of newest due orders that come first, so that a new order does not wait for a backlog."""

SETTLE_SECONDS = 2.0
"""How long a sweep makes verdicts final. The rest waits for the next sweep."""

SPACE_SECONDS = 0.2
"""How long a sweep shrinks SQLite's file: 10 MB or more, in a hundredth of the writer's time."""

END_SECONDS = 0.5
"""How long a sweep empties or deletes rows that are older than their account keeps them."""

ERASE_SECONDS = 2.0
"""How long a sweep continues erasures that a request or a crash left unfinished."""

COMPUTE_SECONDS = 0.25
"""How long a job computes if no other job waits."""

PACK_SECONDS = 0.25
"""How long a sweep packs deliveries of an earlier version, until none is left."""


@dataclass(frozen=True)
class Stores:
    """The settings and connections that the jobs of this process share."""

    settings: WorkerSettings
    database: Database
    redis: Redis
    sealer: ClickSealer
    rates: Rates


@cache
def stores() -> Stores:
    """Open them once per process, from the environment: a job carries ids, not connections."""
    settings = WorkerSettings.load(environment())
    return Stores(
        settings=settings,
        database=open_database(settings.database_url, settings.data),
        redis=open_redis(settings.redis_address),
        sealer=ClickSealer(load_keys(settings.keys_file)),
        rates=Rates(settings.data),
    )


def fold() -> None:
    """Fold clicks and pixel hits; if there were any, reconcile due orders."""
    here, begun = stores(), time.monotonic()
    if fold_all(here.database, here.redis, here.sealer, FOLD_SECONDS):
        _drain(here, time.monotonic() - begun)


def drain() -> None:
    """Fold the clicks that edges have shipped, then reconcile due orders.

    The newest few come first, then the oldest. This job is enqueued again if some are left.
    """
    here, begun = stores(), time.monotonic()
    JobQueue(here.redis).taken(DRAIN)
    _try(fold_all, here.database, here.redis, here.sealer, DRAIN_FOLD_SECONDS)
    folded = time.monotonic() - begun
    reconcile_due(here.database, here.sealer, NEWEST_ORDERS, here.rates, DRAIN_SECONDS, turn="newest")
    _drain(here, folded)


def compute() -> None:
    """Compute for COMPUTE_SECONDS, or until another job waits: orders wait for one step at most."""
    here = stores()
    queue = JobQueue(here.redis)
    queue.taken(COMPUTE)
    if compute_some(here.database, Tools(here.sealer, here.rates), COMPUTE_SECONDS, queue.waiting):
        queue.enqueue_once(COMPUTE)


def sweep() -> None:
    """Do the work of lost jobs, and slow work: verdicts, packing, disk space, erasures, retention."""
    here = stores()
    republish(here.database, here.redis)
    _try(fold_all, here.database, here.redis, here.sealer, FOLD_SECONDS)
    _try(settle_verdicts, here.database, datetime.now(UTC), SETTLE_SECONDS)
    _try(pack_deliveries, here.database, PACK_SECONDS)
    _try(shrink_database, here.database, SPACE_SECONDS)
    _try(continue_erasures, here.database, here.sealer, ERASE_SECONDS)
    _try(end_old_rows, here.database, datetime.now(UTC), END_SECONDS)
    _try(sweep_computations, here.database, JobQueue(here.redis), datetime.now(UTC), END_SECONDS)
    _drain(here)


def _try(step: Callable[..., object], *arguments: object) -> None:
    """Run a step, or log its error: other steps and orders do not wait until it succeeds."""
    try:
        step(*arguments)
    except JobTimeoutException:
        raise  # the job has used its time
    except Exception as error:
        log.error("step_failed", step=step.__name__, error=describe(error))


def _drain(here: Stores, folded: float = 0.0) -> None:
    """Reconcile due orders; `folded`: how long the job has folded before."""
    seconds = max(DRAIN_SECONDS, FOLDS_PER_DRAIN * folded)
    done = reconcile_due(here.database, here.sealer, DRAIN_ORDERS, here.rates, seconds, turn="new")
    done += reconcile_due(here.database, here.sealer, DRAIN_ORDERS, here.rates, DRAIN_SECONDS, turn="again")
    if not done:
        return  # another worker is deciding the rest, and enqueues this job if it does not finish
    with here.database.read() as connection:
        is_more = bool(due_orders(connection, 1))
    if is_more:
        JobQueue(here.redis).enqueue_once(DRAIN)
