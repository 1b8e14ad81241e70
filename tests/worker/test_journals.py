"""A folded journal costs nothing more, and its name is kept as long as it may be needed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from redis import Redis
from redis.connection import AbstractConnection

from salepixel.clicks.records import ClickRecord, pack_payload
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.wire.streams import FIELD, JOURNALS_KEY, frame, mark_key, stream_key
from salepixel_edge.journal import Journal, try_slot
from salepixel_edge.shipment import Shipment
from salepixel_worker.fold import fold_all
from salepixel_worker.journals import journals_to_fold, known_journals, mark_folded_journals_idle
from salepixel_worker.sweep import republish
from tests.make import NOON, click_at

DEAD = [f"edge-{number:08x}" for number in range(1000)]


@contextmanager
def counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts what is sent to the database and to Redis."""
    counts: Counter[str] = Counter()
    send = AbstractConnection.send_packed_command

    def send_and_count(connection: AbstractConnection, *arguments: Any, **options: Any) -> None:
        counts["redis"] += 1
        send(connection, *arguments, **options)  # type: ignore[no-untyped-call]

    def count(*_: object) -> None:
        counts["database"] += 1

    sa.event.listen(database.engine, "before_cursor_execute", count)
    with monkeypatch.context() as patched:
        patched.setattr(AbstractConnection, "send_packed_command", send_and_count)
        yield counts
    sa.event.remove(database.engine, "before_cursor_execute", count)


def add_dead(redis: Redis, sqlite: Database) -> None:
    """Journals that shipped a record each, all of them folded."""
    pipeline = redis.pipeline()
    pipeline.sadd(JOURNALS_KEY, *DEAD)
    for name in DEAD:
        pipeline.xadd(stream_key(name), {FIELD: b""}, id="1-0")
        pipeline.xtrim(stream_key(name), maxlen=0, approximate=False)
        pipeline.set(mark_key(name), 1)
    pipeline.execute()
    with sqlite.write() as connection:
        connection.execute(
            sa.insert(schema.journals), [{"name": name, "mark": 1, "folded_at": NOON} for name in DEAD]
        )


def payload(number: int) -> bytes:
    click = click_at(NOON + timedelta(minutes=number), f"c{number}", serial=number)
    return pack_payload(ClickRecord(click, Signal(0), "Firefox"))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = try_slot(tmp_path / "0", "edge", 1 << 20)
    assert opened is not None
    yield opened
    opened.close()


def clicks_in(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(schema.clicks)) or 0


def test_a_thousand_dead_journals_add_no_round_trips_to_fold_or_sweep(
    redis: Redis, sqlite: Database, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(number: int) -> list[Counter[str]]:
        redis.sadd(JOURNALS_KEY, "live")
        redis.xadd(stream_key("live"), {FIELD: frame(number, payload(number))}, id=f"{number}-0")
        costs = []
        for step in (lambda: fold_all(sqlite, redis, sealer, 60), lambda: republish(sqlite, redis)):
            with counted(sqlite, monkeypatch) as counts:
                step()
            costs.append(counts)
        return costs

    work(1)
    alone = work(2)
    add_dead(redis, sqlite)
    assert work(3) == alone
    assert work(4) == alone, "and now they are set aside"
    assert journals_to_fold(redis) == []
    assert redis.scard(JOURNALS_KEY) == 0
    assert known_journals(redis) == [*DEAD, "live"]


def test_a_journal_set_aside_is_folded_when_its_process_ships_again(
    redis: Redis, sqlite: Database, sealer: ClickSealer, journal: Journal
) -> None:
    shipment = Shipment(journal)
    shipment.begin(redis)
    for count in (1, 2, 3):
        mark_folded_journals_idle(redis)
        assert journals_to_fold(redis) == []
        journal.write([payload(count)])
        assert shipment.ship(redis)
        mark_folded_journals_idle(redis)
        assert journals_to_fold(redis) == [journal.name], "not while it has a record"
        assert fold_all(sqlite, redis, sealer, 60) == 1
    assert clicks_in(sqlite) == 3


@pytest.mark.parametrize("lost", ["a row", "all rows", "Redis too"])
def test_a_restored_database_gets_all_records_of_a_journal_set_aside(
    redis: Redis, sqlite: Database, sealer: ClickSealer, journal: Journal, lost: str
) -> None:
    shipment = Shipment(journal)
    shipment.begin(redis)
    journal.write([payload(number) for number in range(1, 5)])
    assert shipment.ship(redis)
    fold_all(sqlite, redis, sealer, 60)
    republish(sqlite, redis)
    with sqlite.write() as connection:
        connection.execute(sa.delete(schema.clicks))
        if lost == "a row":
            connection.execute(sa.update(schema.journals).values(mark=0))
        else:
            connection.execute(sa.delete(schema.journals))
    if lost == "Redis too":
        redis.flushall()
    republish(sqlite, redis)
    for _ in range(2):
        shipment.check(redis)
        shipment.ship(redis)
        fold_all(sqlite, redis, sealer, 60)
    assert clicks_in(sqlite) == 4
