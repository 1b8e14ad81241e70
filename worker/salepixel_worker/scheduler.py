"""The scheduler: one per installation, elected by a lock in Redis.

RQ's own cron has no leader election, so two workers would enqueue each job twice. redis-py's lock elects one.
"""

import os
import threading
import time

import structlog
from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from salepixel.wire.jobs import FOLD, SWEEP, JobQueue
from salepixel_worker.journals import journals_to_fold

TICK_SECONDS = 0.25
SWEEP_SECONDS = 20.0
LOCK_SECONDS = 10.0
LOCK_KEY = "salepixel:scheduler"

log = structlog.get_logger()


def alive_key(process: int) -> str:
    """The key that a running worker process renews. It expires after a few seconds."""
    return f"salepixel:worker:{process}"


class Scheduler(threading.Thread):
    """Enqueues the fold if a stream has entries, and the sweep every SWEEP_SECONDS."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._redis = redis
        self._queue = JobQueue(redis)
        self._lock: Lock = redis.lock(LOCK_KEY, timeout=LOCK_SECONDS, blocking=False, thread_local=False)
        self._swept_at = float("-inf")

    def run(self) -> None:
        """Tick as long as the process lives, even while Redis is unavailable."""
        while True:
            try:
                self.tick()
            except RedisError as error:
                log.warning("scheduler_waits_for_redis", error=str(error))
                time.sleep(1)
            time.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Enqueue what is due, if this process is the scheduler. Raises RedisError.

        After Redis was unavailable, the sweep runs at once, because jobs enqueued meanwhile are lost.
        """
        try:
            self._enqueue_what_is_due()
        except RedisError:
            self._swept_at = float("-inf")
            raise

    def _enqueue_what_is_due(self) -> None:
        self._redis.set(alive_key(os.getpid()), 1, ex=5)
        # Do not enqueue a job that still waits.
        if not self._is_leader() or self._queue.waiting() > 0:
            return
        if time.monotonic() - self._swept_at >= SWEEP_SECONDS:
            self._queue.enqueue(SWEEP)
            self._swept_at = time.monotonic()
        elif journals_to_fold(self._redis):
            self._queue.enqueue(FOLD)

    def _is_leader(self) -> bool:
        if not self._lock.owned():
            return bool(self._lock.acquire())
        try:
            return bool(self._lock.reacquire())
        except LockError:
            return False
