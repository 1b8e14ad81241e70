"""Jobs: only known names, lost ones are swept, one scheduler enqueues them."""

import signal
from datetime import timedelta
from importlib import import_module

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from salepixel.wire import jobs
from salepixel_worker.scheduler import Scheduler
from salepixel_worker.server import JobWorker, KnownJob


@pytest.mark.parametrize("name", sorted(jobs.ALLOWED))
def test_every_job_name_resolves(name: str) -> None:
    module, _, function = name.rpartition(".")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", ["os.system", "salepixel_worker.jobs.stores", "builtins.exec"])
def test_an_unknown_job_name_is_refused(redis: Redis, name: str) -> None:
    job = KnownJob.create(name, args=["true"], connection=redis, serializer=JSONSerializer)
    with pytest.raises(PermissionError):
        job.perform()


def test_without_redis_a_job_is_not_enqueued_and_nothing_is_raised() -> None:
    dead = jobs.JobQueue(Redis(unix_socket_path="/nonexistent/valkey.sock"))
    assert (dead.enqueue(jobs.SWEEP), dead.enqueue_once(jobs.DRAIN)) == (False, False)


def test_a_job_is_enqueued_once_while_it_waits(redis: Redis) -> None:
    """Whatever the number of processes. Once it has started, the next one may wait."""
    queues = [jobs.JobQueue(redis) for _ in range(2)]
    assert all(queue.enqueue_once(jobs.DRAIN) for queue in queues * 2)
    assert queues[0].waiting() == 1
    queues[0].taken(jobs.DRAIN)
    assert all(queue.enqueue_once(jobs.DRAIN) for queue in queues * 2)
    assert queues[0].waiting() == 2


def test_a_lost_waiting_job_can_be_enqueued_again(redis: Redis) -> None:
    queue = jobs.JobQueue(redis)
    queue.enqueue_once(jobs.DRAIN)
    (key,) = redis.keys("salepixel:waiting:*")
    assert 0 < redis.ttl(key) <= jobs.LOST_SECONDS
    redis.delete(key)  # its time is over
    queue.enqueue_once(jobs.DRAIN)
    assert queue.waiting() == 2


def test_rq_reads_a_job_enqueued_once_like_its_own(redis: Redis) -> None:
    """Except for its id and its times."""
    queue, rq = jobs.JobQueue(redis), Queue(jobs.QUEUE, connection=redis, serializer=JSONSerializer)
    queue.enqueue(jobs.SWEEP)
    queue.enqueue_once(jobs.SWEEP)
    by_rq, by_us = rq.jobs
    differs = {"created_at", "enqueued_at"}
    kept = [{k: v for k, v in job.to_dict().items() if k not in differs} for job in (by_rq, by_us)]
    assert kept[0] == kept[1]
    assert by_us.enqueued_at is not None
    assert by_rq.enqueued_at is not None
    assert abs(by_us.enqueued_at - by_rq.enqueued_at) < timedelta(minutes=1)
    assert rq in Queue.all(redis, serializer=JSONSerializer)


def test_an_rq_worker_runs_it_and_leaves_nothing_behind(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    monkeypatch.setattr("salepixel_worker.jobs.drain", lambda: ran.append(1))
    jobs.JobQueue(redis).enqueue_once(jobs.DRAIN)
    queue = Queue(jobs.QUEUE, connection=redis, serializer=JSONSerializer, job_class=KnownJob)
    worker = JobWorker([queue], connection=redis, serializer=JSONSerializer, job_class=KnownJob)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        worker.work(burst=True, logging_level="CRITICAL")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)  # RQ's would keep pytest from being stopped
    assert ran == [1]
    assert redis.keys("rq:job:*") == []


def test_one_scheduler_enqueues_and_another_takes_over(redis: Redis) -> None:
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


def test_after_a_redis_outage_the_sweep_runs_at_once(redis: Redis) -> None:
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
