"""The jobs, by the names in salepixel/wire/jobs.py. Each takes ids only and may be lost or run twice."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from redis import Redis

from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import load_keys
from salepixel.money.rates import Rates
from salepixel.orders.queue import due_orders, is_due
from salepixel.settings import WorkerSettings, environment
from salepixel.storage.database import Database, open_database
from salepixel.wire.jobs import DRAIN, JobQueue
from salepixel.wire.redis import open_redis
from salepixel_worker.attempt import attempt_order
from salepixel_worker.fold import fold_all
from salepixel_worker.sweep import reconcile_due, republish, settle_verdicts

FOLD_SECONDS = 0.5
"""A job folds for so long and then lets an order through; the scheduler enqueues another."""

DRAIN_ORDERS = 1000
DRAIN_SECONDS = 0.25
"""Orders that are due are reconciled for so long; then the next job has its turn, such as a new order."""

BESIDE_SECONDS = 0.1
"""The job of one order folds for so long, and reconciles others for so long: in a backlog jobs must not come
quicker than they end. A click that is folded later has its order decided again."""

SETTLE_SECONDS = 2.0
"""A sweep makes verdicts final for so long; what is left waits for the next one."""


@dataclass(frozen=True)
class Stores:
    """What the jobs of this process work with."""

    settings: WorkerSettings
    database: Database
    redis: Redis
    sealer: ClickSealer
    rates: Rates


@cache
def stores() -> Stores:
    """Opened once per process, from the environment: a job brings ids, no connections."""
    settings = WorkerSettings.load(environment())
    return Stores(
        settings=settings,
        database=open_database(settings.database_url, settings.data),
        redis=open_redis(settings.redis_address),
        sealer=ClickSealer(load_keys(settings.keys_file)),
        rates=Rates(settings.data),
    )


def fold() -> None:
    """Fold clicks and pixel hits, then reconcile the orders that they bear on."""
    here = stores()
    if fold_all(here.database, here.redis, here.sealer, FOLD_SECONDS):
        _drain(here, DRAIN_SECONDS)


def drain() -> None:
    """Reconcile orders that are due, oldest first, for a moment; asks for itself while some are left."""
    here = stores()
    JobQueue(here.redis).taken(DRAIN)
    _drain(here, DRAIN_SECONDS)


def reconcile(shop_id: str, order_id: str) -> None:
    """Reconcile one order, after the clicks that are known by now, and then for a moment others that are due.

    With those its fold serves, too: their own jobs find nothing left to do. Else many orders at once would
    each wait for a fold of their own while clicks pour in.
    """
    here = stores()
    with here.database.read() as connection:
        if not is_due(connection, shop_id, order_id):
            return
    fold_all(here.database, here.redis, here.sealer, BESIDE_SECONDS)
    attempt_order(here.database, here.sealer, shop_id, order_id, here.rates)
    _drain(here, BESIDE_SECONDS)


def sweep() -> None:
    """Do all that a lost job may have left."""
    here = stores()
    republish(here.database, here.redis)
    fold_all(here.database, here.redis, here.sealer, FOLD_SECONDS)
    settle_verdicts(here.database, datetime.now(UTC), SETTLE_SECONDS)
    _drain(here, DRAIN_SECONDS)


def _drain(here: Stores, seconds: float) -> None:
    if not reconcile_due(here.database, here.sealer, DRAIN_ORDERS, here.rates, seconds):
        return
    with here.database.read() as connection:
        is_more = bool(due_orders(connection, 1))
    if is_more:
        JobQueue(here.redis).enqueue_once(DRAIN)
