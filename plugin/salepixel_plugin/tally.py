"""Counts of what this process refused: kept in memory, and stored each second in one statement.

A stranger can send requests that are refused as quickly as he likes. Storing each count took the write lock,
and on SQLite a sync of the disk, before the answer: shops' deliveries waited behind them.
"""

import threading
from collections import Counter
from datetime import UTC, datetime

import structlog

from salepixel.orders.deliveries import count_rejections
from salepixel.storage.database import Database

STORE_SECONDS = 1.0
"""A process that is killed loses the counts of at most so long; one that is stopped loses none."""

log = structlog.get_logger()


class Tally:
    """How often this process refused something since the counts were stored last, by day, door and reason.

    Doors and reasons are names of ours, so this stays small.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._lock = threading.Lock()  # of the counts
        self._storing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tally", daemon=True)

    def count(self, door: str, reason: str) -> None:
        """Count one refusal, of today (UTC). Waits for nothing."""
        key = datetime.now(UTC).date().isoformat(), door, reason
        with self._lock:
            self._counts[key] += 1

    def store(self) -> bool:
        """Add the counts to those in the database; False when they are kept here for the next time."""
        with self._storing:
            with self._lock:
                counts, self._counts = self._counts, Counter()
            if not counts:
                return True
            try:
                with self._database.write() as connection:
                    count_rejections(connection, counts)
            except Exception as error:  # of any kind: a count is not lost, and the next second comes
                with self._lock:
                    self._counts += counts
                log.warning("refusals_not_stored", count=counts.total(), error=type(error).__name__)
                return False
            return True

    def start(self) -> None:
        """Store the counts each second from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Store what is left, once; call this when no more requests are answered."""
        self._stopping.set()
        self._thread.join()
        self.store()

    def _run(self) -> None:
        while not self._stopping.wait(STORE_SECONDS):
            self.store()
