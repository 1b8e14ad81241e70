"""How the plugin and the worker meet: jobs by name, ids only. A job is a doorbell, never a store.

A lost job costs time, not data: the sweep finds the row that was to be worked on within a minute.
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
"""What a worker runs. A name found in Redis is imported by RQ, so any other is refused."""


class Bell:
    """Rings for the worker. Never raises: the work is in the database, and the sweep finds it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)

    def ring(self, job: str, *ids: str) -> bool:
        """Ask for a job by name; False when Redis did not take it."""
        try:
            self._queue.enqueue(job, *ids, result_ttl=0, failure_ttl=3600, job_timeout=120)
        except RedisError as error:
            log.warning("bell_not_heard", job=job, error=str(error))
            return False
        return True

    def ring_once(self, job: str) -> bool:
        """Ask for a job unless it waits already; the job says `taken` when it begins.

        Ten callers who each leave orders behind must not put ten of them before everybody else's. False when
        Redis took none. One that was lost is asked for again after a minute.
        """
        try:
            if not self._redis.set(_waiting_key(job), 1, nx=True, ex=60):
                return True
        except RedisError as error:
            log.warning("bell_not_heard", job=job, error=str(error))
            return False
        return self.ring(job)

    def taken(self, job: str) -> None:
        """The job begins: whoever asks for it from now on gets another one. Raises RedisError."""
        self._redis.delete(_waiting_key(job))

    def waiting(self) -> int:
        """How many jobs wait. Raises RedisError."""
        return int(self._queue.count)


def _waiting_key(job: str) -> str:
    return f"salepixel:waiting:{job}"
