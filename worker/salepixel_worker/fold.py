"""The fold stores clicks and pixel hits from the streams in the database, exactly once, in sequence.

The contract with the edge is the docstring of salepixel/wire/streams.py.
"""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import cast

import sqlalchemy as sa
import structlog
from redis import Redis
from rq.timeouts import JobTimeoutException

from salepixel.campaigns.pages import links_of_pages
from salepixel.clicks import store as clicks
from salepixel.clicks.agents import agent_signals
from salepixel.clicks.journal_run import Entries, Gap, JournalRun, read_run
from salepixel.clicks.networks import NO_NETWORK, network_signal
from salepixel.clicks.records import ClickRecord, HitRecord, LossRecord
from salepixel.clicks.tokens import ClickSealer, Signal, Verdict
from salepixel.clicks.verdicts import weigh
from salepixel.orders import deliveries
from salepixel.shops.pixel_hits import store_pixel_hit
from salepixel.storage.database import Database, is_transient
from salepixel.wire.streams import BadRecord, stream_key
from salepixel_worker.attempt import describe
from salepixel_worker.garbage import without_collection
from salepixel_worker.journals import journals_to_fold, publish_marks

ENTRIES_AT_ONCE = 8
"""Stream entries per transaction: up to 64 kB each, about five thousand clicks in total."""

YIELD_SECONDS = 0.03
"""The pause after a full batch, so that other writers of SQLite, which retry every 25 ms, get the lock."""

log = structlog.get_logger()


def fold_all(database: Database, redis: Redis, sealer: ClickSealer, budget_seconds: float) -> int:
    """Fold the entries of the streams for about this long; returns the number of folded records."""
    deadline = time.monotonic() + budget_seconds
    folded = 0
    for name in journals_to_fold(redis):
        while count := fold_journal(database, redis, sealer, name):
            folded += count
            if time.monotonic() > deadline:
                return folded
    return folded


def fold_journal(database: Database, redis: Redis, sealer: ClickSealer, journal: str) -> int:
    """Fold the next entries of one journal; returns the number of records, 0 if there are none."""
    with database.read() as connection:
        mark = clicks.read_mark(connection, journal)
    entries = redis.xrange(stream_key(journal), min=f"({mark}-0", count=ENTRIES_AT_ONCE)
    with without_collection():
        return _fold_entries(database, redis, sealer, journal, mark, cast(Entries, entries))


def _fold_entries(
    database: Database, redis: Redis, sealer: ClickSealer, journal: str, mark: int, entries: Entries
) -> int:
    try:
        run = read_run(entries, mark)
    except (Gap, BadRecord) as problem:
        log.warning("stream_dropped", journal=journal, mark=mark, problem=repr(problem))
        redis.delete(stream_key(journal))
        publish_marks(redis, {journal: mark})
        return 0
    if run.last > mark:
        now = datetime.now(UTC)
        with database.write() as connection:
            if not clicks.move_mark(connection, journal, mark, run.last, now):
                return 0  # another worker folded this meanwhile
            _store(connection, sealer, journal, mark, run, now)
    publish_marks(redis, {journal: run.last})
    if run.is_full:
        time.sleep(YIELD_SECONDS)
    return run.last - mark


def _store(
    connection: sa.Connection, sealer: ClickSealer, journal: str, mark: int, run: JournalRun, now: datetime
) -> None:
    batch = [(record.click, _signals(record)) for record in run.clicks]
    hits = {record.emp_id for _, record in run.others if isinstance(record, HitRecord)}
    pages = Counter[tuple[str, str]]()  # with the clicks that do not look like a bot's
    for clicked, (_, signals) in zip(run.clicks, batch, strict=True):
        if clicked.page:
            pages[clicked.click.campaign, clicked.page] += weigh(signals).verdict is not Verdict.BOT
    if hits or pages:
        clicks.lock_to_store(connection, hits.union(click.emp_id for click, _ in batch))
    if pages:
        links = links_of_pages(connection, pages)
        for place, clicked in enumerate(run.clicks):
            if link := links.get((clicked.click.campaign, clicked.page)):
                batch[place] = clicked.click._replace(link=link), batch[place][1]
    clicks.store_clicks(connection, batch, sealer.keys)
    for number, record in run.others:
        if isinstance(record, HitRecord):
            _try_to_store_hit(connection, sealer, record)
        else:
            clicks.store_loss(connection, journal, number, record)
    if run.lost:
        now_ms = int(now.timestamp() * 1000)
        # The number of a missing record, because the record before it may be a loss that the edge reported.
        clicks.store_loss(connection, journal, run.first_lost, LossRecord(run.lost, now_ms, now_ms))
    for _ in range(run.unreadable):
        deliveries.count_rejection(connection, "fold", "unknown_record")


def _try_to_store_hit(connection: sa.Connection, sealer: ClickSealer, record: HitRecord) -> None:
    """Store a hit, or count it as unstorable, so that no hit stops the clicks of its journal."""
    try:
        with connection.begin_nested():
            store_pixel_hit(connection, sealer, record)
    except Exception as error:
        if is_transient(error) or isinstance(error, JobTimeoutException):
            raise
        log.error("hit_not_stored", emp_id=record.emp_id, error=describe(error))
        deliveries.count_rejection(connection, "pixel", "unstorable")


def _signals(record: ClickRecord) -> Signal:
    signals, network = agent_signals(record.signals, record.agent), network_signal(record.address)
    return signals | network if network is not NO_NETWORK else signals
