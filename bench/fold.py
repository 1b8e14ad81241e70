"""The time to store a click, compared with a plain executemany of the same rows in the same batches.

The first line is the fold. The second is the whole cost of a click: it includes the final verdict, ten
minutes later.
"""

import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from redis import Redis

from bench.rounds import Ratio, in_turn
from salepixel.clicks.records import ClickRecord, pack_payload
from salepixel.clicks.tokens import Click, ClickSealer, Signal, new_click_id
from salepixel.keys import Keys
from salepixel.storage.database import Database, migrate, open_database
from salepixel.wire.streams import FIELD, JOURNALS_KEY, frame, stream_key
from salepixel_worker.fold import ENTRIES_AT_ONCE, fold_all
from salepixel_worker.sweep import settle_verdicts

CLICKS = 40_000
PER_ENTRY = 600
JOURNAL = "bench-00000001"
AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(100, 140)]


@dataclass(frozen=True, slots=True)
class Both:
    """The result of the fold alone, and with the final verdict."""

    folded: Ratio
    settled: Ratio

    def line(self) -> str:
        """A line for each."""
        return f"{self.folded.line()}\n{self.settled.line()}"


def run(redis: Redis) -> Both:
    """Microseconds of wall time per click, with commits and fsyncs; each click has a different address."""
    sealer = ClickSealer(Keys(1, {1: bytes(32)}))

    def folded() -> float:
        return measure(settle=False)

    def settled() -> float:
        return measure(settle=True)

    def measure(*, settle: bool) -> float:
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
            if settle:
                settle_verdicts(database, datetime.now(UTC) + timedelta(hours=1), 600)
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

    rows = "executemany of the same rows"
    return Both(
        in_turn("fold a click", folded, rows, plain, "us"),
        in_turn("fold a click and make its verdict final", settled, rows, plain, "us"),
    )


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
