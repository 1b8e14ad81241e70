"""The queue of jobs from the plugin to the worker: names and ids only. The work itself is in the database.

A lost job costs time, not data: the sweep finds its row within a minute.
"""

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger()

QUEUE = "salepixel"

FOLD = "salepixel_worker.jobs.fold"
DRAIN = "salepixel_worker.jobs.drain"
RECONCILE = "salepixel_worker.jobs.reconcile"
SWEEP = "salepixel_worker.jobs.sweep"

ALLOWED = frozenset({DRAIN, FOLD, RECONCILE, SWEEP})
"""The jobs that a worker runs. RQ imports any name that it finds in Redis, so others are rejected."""


class JobQueue:
    """Jobs for the worker. Enqueuing never raises: the work is in the database, and the sweep finds it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)

    def enqueue(self, job: str, *ids: str) -> bool:
        """Enqueue a job by name; False if Redis did not accept it."""
        try:
            self._queue.enqueue(job, *ids, result_ttl=0, failure_ttl=3600, job_timeout=120)
        except RedisError as error:
            log.warning("enqueue_failed", job=job, error=str(error))
            return False
        return True

    def enqueue_once(self, job: str) -> bool:
        """Enqueue a job unless it waits already; the job calls `taken` when it begins. False if Redis failed.

        Otherwise ten callers with orders left over would enqueue ten jobs before everybody else's. A lost job
        can be enqueued again after a minute.
        """
        try:
            if not self._redis.set(_waiting_key(job), 1, nx=True, ex=60):
                return True
        except RedisError as error:
            log.warning("enqueue_failed", job=job, error=str(error))
            return False
        return self.enqueue(job)

    def taken(self, job: str) -> None:
        """The job begins: from now on it can be enqueued again. Raises RedisError."""
        self._redis.delete(_waiting_key(job))

    def waiting(self) -> int:
        """The number of waiting jobs. Raises RedisError."""
        return int(self._queue.count)


def _waiting_key(job: str) -> str:
    return f"salepixel:waiting:{job}"
