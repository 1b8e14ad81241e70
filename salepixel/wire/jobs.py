"""The queue of jobs from the plugin to the worker: names only. The work itself is in the database.

A lost job costs time, not data: the sweep finds its row within a minute.
"""

import os
from datetime import UTC, datetime
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

log = structlog.get_logger()

QUEUE = "salepixel"

FOLD = "salepixel_worker.jobs.fold"
DRAIN = "salepixel_worker.jobs.drain"
SWEEP = "salepixel_worker.jobs.sweep"
COMPUTE = "salepixel_worker.jobs.compute"

ALLOWED = frozenset({COMPUTE, DRAIN, FOLD, SWEEP})
"""The jobs that a worker runs. RQ imports any name that it finds in Redis, so others are rejected."""

LOST_SECONDS = 20
"""A job that waits longer may be lost, so another is enqueued. By then a sweep has done its work."""

_TIMEOUT_SECONDS = 120
_KEPT_SECONDS = 0  # a job that is done
_FAILED_KEPT_SECONDS = 3600

# Writes the same as RQ's own enqueue, in one round trip, unless a job of this name waits.
_ENQUEUE_ONCE = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('SADD', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[4], unpack(ARGV, 3))
redis.call('RPUSH', KEYS[3], ARGV[1])
return 1
"""


class JobQueue:
    """Jobs for the worker. Enqueuing never raises: the work is in the database, and the sweep finds it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
        self._enqueue_once = redis.register_script(_ENQUEUE_ONCE)
        self._written: dict[str, dict[str, Any]] = {}

    def enqueue(self, job: str) -> bool:
        """Enqueue a job by name; False if Redis did not accept it."""
        try:
            self._queue.enqueue_job(self._make(job))
        except RedisError as error:
            log.warning("enqueue_failed", job=job, error=str(error))
            return False
        return True

    def enqueue_once(self, job: str) -> bool:
        """Enqueue a job unless one of this name waits; the job calls `taken` when it begins.

        False if Redis failed. Call it after the commit: a job that waits begins later, and finds the rows.
        """
        its_id = os.urandom(8).hex()
        keys = _waiting_key(job), Queue.redis_queues_keys, self._queue.key, f"rq:job:{its_id}"
        fields = [part for field in self._as_written(job).items() for part in field]
        try:
            self._enqueue_once(keys=keys, args=[its_id, LOST_SECONDS, *fields])
        except RedisError as error:
            log.warning("enqueue_failed", job=job, error=str(error))
            return False
        return True

    def taken(self, job: str) -> None:
        """Record that the job has begun, so that it can be enqueued again. Raises RedisError."""
        self._redis.delete(_waiting_key(job))

    def waiting(self) -> int:
        """The number of waiting jobs. Raises RedisError."""
        return int(self._queue.count)

    def _as_written(self, job: str) -> dict[str, Any]:
        """The fields that RQ stores for a job. Only the times differ between jobs."""
        if job not in self._written:
            self._written[job] = self._make(job).to_dict()
        now = datetime.now(UTC).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"  # as RQ writes it
        return self._written[job] | {"created_at": now, "enqueued_at": now}

    def _make(self, job: str) -> Job:
        return self._queue.create_job(
            job,
            timeout=_TIMEOUT_SECONDS,
            result_ttl=_KEPT_SECONDS,
            failure_ttl=_FAILED_KEPT_SECONDS,
            status=JobStatus.QUEUED,
        )


def _waiting_key(job: str) -> str:
    return f"salepixel:waiting:{job}"
