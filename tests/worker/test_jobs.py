"""Jobs: known names only, lost ones are swept, one scheduler enqueues them."""

from importlib import import_module

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from salepixel.wire import jobs
from salepixel_worker.scheduler import Scheduler
from salepixel_worker.server import KnownJob


@pytest.mark.parametrize("name", sorted(jobs.ALLOWED))
def test_every_job_by_name_is_there(name: str) -> None:
    module, _, function = name.rpartition(".")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", ["os.system", "salepixel_worker.jobs.stores", "builtins.exec"])
def test_a_name_that_is_not_ours_is_refused(redis: Redis, name: str) -> None:
    job = KnownJob.create(name, args=["true"], connection=redis, serializer=JSONSerializer)
    with pytest.raises(PermissionError):
        job.perform()


def test_a_bell_that_nobody_hears_does_no_harm() -> None:
    dead = Redis(unix_socket_path="/nonexistent/valkey.sock")
    assert jobs.JobQueue(dead).enqueue(jobs.SWEEP) is False


def test_one_scheduler_rings_and_another_takes_over(redis: Redis) -> None:
    first, second = Scheduler(redis), Scheduler(redis)
    job_queue = jobs.JobQueue(redis)
    for scheduler in (first, second, second):
        scheduler.tick()
    assert job_queue.waiting() == 1
    (job_id,) = Queue(jobs.QUEUE, connection=redis, serializer=JSONSerializer).job_ids
    assert Job.fetch(job_id, redis, serializer=JSONSerializer).func_name == jobs.SWEEP
    redis.flushall()  # the lock's time is over, or Redis lost it
    second.tick()
    first.tick()
    assert job_queue.waiting() == 1


def test_after_redis_was_away_the_sweep_comes_at_once(redis: Redis) -> None:
    scheduler, job_queue = Scheduler(redis), jobs.JobQueue(redis)
    scheduler.tick()
    assert job_queue.waiting() == 1
    scheduler._redis = Redis(unix_socket_path="/nonexistent/valkey.sock")
    with pytest.raises(RedisError):
        scheduler.tick()
    scheduler._redis = redis
    redis.flushall()  # it came back to nothing
    scheduler.tick()
    assert job_queue.waiting() == 1
