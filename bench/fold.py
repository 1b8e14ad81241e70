"""Clicks into the database: the fold against a plain executemany of the same rows in the same batches."""

import tempfile
import time
from pathlib import Path

from redis import Redis

from bench.rounds import Ratio, in_turn
from salepixel.clicks.records import ClickRecord, pack_payload
from salepixel.clicks.tokens import Click, ClickSealer, Signal, new_click_id
from salepixel.keys import Keys
from salepixel.storage.database import Database, migrate, open_database
from salepixel.wire.streams import FIELD, JOURNALS_KEY, frame, stream_key
from salepixel_worker.fold import ENTRIES_AT_ONCE, fold_all

CLICKS = 40_000
PER_ENTRY = 600
JOURNAL = "bench-00000001"
AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(100, 140)]


def run(redis: Redis) -> Ratio:
    """Microseconds of wall time per click, commits and fsyncs included; every click from another address."""
    sealer = ClickSealer(Keys(1, {1: bytes(32)}))

    def folded() -> float:
        redis.flushall()
        clicks = _clicks()
        redis.sadd(JOURNALS_KEY, JOURNAL)
        for start in range(0, CLICKS, PER_ENTRY):
            some = clicks[start : start + PER_ENTRY]
            data = b"".join(
                frame(n, pack_payload(ClickRecord(click, Signal(0), AGENTS[n % 40], _address(n))))
                for n, click in enumerate(some, start + 1)
            )
            redis.xadd(stream_key(JOURNAL), {FIELD: data}, id=f"{start + len(some)}-0")
        with tempfile.TemporaryDirectory() as folder:
            database = _open(Path(folder))
            begun = time.perf_counter()
            assert fold_all(database, redis, sealer, 600) == CLICKS  # noqa: S101
            took = time.perf_counter() - begun
            database.close()
        return took / CLICKS * 1e6

    def plain() -> float:
        rows = [(c.id, 1, c.campaign, c.link, c.contact, 0, "human", "", 0.0) for c in _clicks()]
        size = PER_ENTRY * ENTRIES_AT_ONCE
        with tempfile.TemporaryDirectory() as folder:
            database = _open(Path(folder))
            begun = time.perf_counter()
            for start in range(0, CLICKS, size):
                with database.write() as connection:
                    cursor = connection.connection.cursor()
                    cursor.executemany(
                        "INSERT INTO clicks VALUES (?,?,?,?,?,?,?,?,?)", rows[start : start + size]
                    )
            took = time.perf_counter() - begun
            database.close()
        return took / CLICKS * 1e6

    return in_turn("fold a click", folded, "executemany of the same rows", plain, "us")


def _clicks() -> list[Click]:
    now = time.time_ns() // 1_000_000
    return [
        Click(new_click_id(now + n // 2), 1, "0000000000c1", f"{n % 7:012x}", f"c{n:06}")
        for n in range(CLICKS)
    ]


def _address(number: int) -> str:
    return f"81.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _open(folder: Path) -> Database:
    database = open_database("", folder)
    migrate(database)
    return database
