"""Starts the worker: RQ for the jobs, with scheduler, forwarder and poller beside it."""

import sys
import time
from datetime import UTC, datetime
from functools import partial
from types import FrameType

import structlog
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from salepixel.destinations.forward import start_forwarders
from salepixel.keys import BadKeys, load_keys
from salepixel.logs import configure_logs, write_problem
from salepixel.settings import BadSettings, WorkerSettings, environment
from salepixel.shops.poll import Poller
from salepixel.smtp.account import send_for
from salepixel.smtp.store import default_server
from salepixel.stack.service import own_address
from salepixel.storage.database import DatabaseUnavailable, UnsafeDatabase, migrate
from salepixel.storage.installation import claim_database
from salepixel.subscriptions.reporter import Reporter
from salepixel.watch.canary import Chain
from salepixel.watch.notify import sender
from salepixel.watch.watcher import START, Watcher
from salepixel.wire import outgoing
from salepixel.wire.jobs import ALLOWED, QUEUE, JobQueue
from salepixel.wire.redis import open_redis
from salepixel_worker.jobs import stores
from salepixel_worker.scheduler import Scheduler

log = structlog.get_logger()


class KnownJob(Job):
    """A job with an allowed name. RQ itself would import and call any name in Redis."""

    @property
    def func(self):  # type: ignore[no-untyped-def]  # as in RQ
        """The function to call. Raises PermissionError for a name that is not allowed."""
        if self.func_name not in ALLOWED:
            raise PermissionError(f"{self.func_name!r} is not a job of salepixel")
        return super().func


class JobWorker(SimpleWorker):
    """RQ's worker, which remembers a request to stop even while Redis is unavailable."""

    must_stop = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """The handler of SIGTERM and SIGINT."""
        self.must_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def handle_exception(self, job: Job, *exc_info: object) -> None:
        """Log a job that raised; RQ would log the error's text, which may quote an order."""
        log.error("job_failed", job=job.id, exc_info=exc_info)


def work(redis_address: str) -> None:
    """Run the jobs of the queue until stopped, even while Redis is unavailable. Raises StopRequested.

    The process runs the jobs itself: without a fork, a job takes 17 ms instead of 79. If a job kills the
    process, the process is restarted and the sweep finds the work. There is only one queue: with two, RQ
    fetches jobs in a way that loses them if it is killed.
    """
    connection = open_redis(redis_address, timeout_seconds=30)
    must_stop = False
    while True:
        try:
            worker = JobWorker(  # calls Redis here already, for its name
                [Queue(QUEUE, connection=connection, serializer=JSONSerializer, job_class=KnownJob)],
                connection=connection,
                serializer=JSONSerializer,
                job_class=KnownJob,
                worker_ttl=30,
                maintenance_interval=30,
            )
            worker.max_connection_wait_time = 2  # seconds; RQ would wait up to a minute after Redis is back
            try:
                worker.work(logging_level="WARNING")
            finally:
                must_stop = worker.must_stop
        except RedisError as error:
            if must_stop:
                return
            log.warning("worker_waits_for_redis", error=str(error))
            time.sleep(1)
        else:
            return


def main() -> None:
    """Run until SIGTERM; exits with 2 and a line per problem if the settings are invalid."""
    configure_logs()
    try:
        settings = WorkerSettings.load(environment())
        keys = load_keys(settings.keys_file)
        outgoing.allow_private(settings.private_networks)
        migrate(stores().database)
        with stores().database.write() as connection:
            claim_database(connection, keys)
    except (BadSettings, BadKeys, UnsafeDatabase) as problem:
        write_problem(str(problem))
        sys.exit(2)
    except DatabaseUnavailable as problem:
        write_problem(str(problem))
        sys.exit(1)
    Scheduler(open_redis(settings.redis_address)).start()
    start_forwarders(stores().database, settings.forward_hosts)
    Poller(stores().database, keys, JobQueue(open_redis(settings.redis_address))).start()
    chain = Chain(stores().database, keys, settings.edge_url, settings.plugin_url, settings.click_parameter)
    edge = own_address(settings.host), settings.edge_port
    send_mail = partial(send_for, stores().database, keys, default_server(settings))
    Reporter(stores().database, keys, send_mail, settings.plugin_url).start()
    send_one, canaries_from = sender(settings.private_networks), datetime.now(UTC) + START
    Watcher(chain, send_one, send_mail, settings.data, edge, canaries_from).start()
    try:
        work(settings.redis_address)
    except StopRequested:
        log.info("stopped_while_waiting_for_redis")


if __name__ == "__main__":
    main()
