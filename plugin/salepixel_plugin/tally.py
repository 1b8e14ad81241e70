"""Counts of refusals: kept in memory, and stored each second in one statement.

Unknown clients can send refused requests at any rate. Storing each count at once would need the write lock,
and on SQLite a sync of the disk, and deliveries of shops would wait for it.
"""

import threading
from collections import Counter
from datetime import UTC, datetime

import structlog

from salepixel.accounts.api_keys import USE_PAUSE, keep_use
from salepixel.orders.deliveries import count_rejections
from salepixel.people.own_changes import record_failed_sign_in
from salepixel.shops.rejected import count_shop_rejections
from salepixel.storage.database import Database
from salepixel.storage.schema import EPOCH

MAX_SHOPS = 1000
MAX_NAMES = 100

STORE_SECONDS = 1.0
"""A killed process loses the counts of at most this time; a stopped one loses none."""

log = structlog.get_logger()


class Tally:
    """The refusals since the counts were last stored, by day, source and reason; and by shop and reason.

    Sources and reasons are fixed names, so this stays small. Of the shops that clients name, only MAX_SHOPS
    a second are counted, and of the names for which wrong passwords were tried, MAX_NAMES.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._of_shops: dict[tuple[str, str], tuple[int, datetime]] = {}
        self._names: set[str] = set()
        self._used_keys: set[str] = set()
        self._seen_keys: dict[str, datetime] = {}
        self._lock = threading.Lock()  # of the counts
        self._storing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tally", daemon=True)

    def count(self, source: str, reason: str) -> None:
        """Count a refusal of today (UTC), without waiting."""
        key = datetime.now(UTC).date().isoformat(), source, reason
        with self._lock:
            self._counts[key] += 1

    def count_for_shop(self, shop_id: str, reason: str) -> None:
        """Count a rejected delivery that names this shop, without waiting."""
        with self._lock:
            count, _ = self._of_shops.get((shop_id, reason), (0, None))
            if count or len(self._of_shops) < MAX_SHOPS:
                self._of_shops[shop_id, reason] = count + 1, datetime.now(UTC)

    def note_wrong_password(self, email: str) -> None:
        """Note a wrong password or code for this address, without waiting.

        The audit list gets it within a second if somebody has the address: the time of the response must not
        show whether somebody does.
        """
        with self._lock:
            if len(self._names) < MAX_NAMES:
                self._names.add(email)

    def note_key_used(self, key_id: str) -> None:
        """Note that an API key was used, without waiting; stored at most once an hour."""
        now = datetime.now(UTC)
        with self._lock:
            if key_id and now - self._seen_keys.get(key_id, EPOCH) >= USE_PAUSE:
                self._seen_keys[key_id] = now
                self._used_keys.add(key_id)

    def store(self) -> bool:
        """Add the counts to those in the database; False if that failed and they stay here."""
        with self._storing:
            with self._lock:
                counts, self._counts = self._counts, Counter()
                of_shops, self._of_shops = self._of_shops, {}
                names, self._names = self._names, set()
                used, self._used_keys = self._used_keys, set()
            if not (counts or of_shops or names or used):
                return True
            try:
                with self._database.write() as connection:
                    count_rejections(connection, counts)
                    count_shop_rejections(connection, of_shops)
                    keep_use(connection, used, datetime.now(UTC))
                    for email in sorted(names):
                        record_failed_sign_in(connection, email)
            except Exception as error:  # any error: the counts stay here until the next second
                with self._lock:
                    self._counts += counts
                    for of_shop, (count, at) in of_shops.items():
                        more, last = self._of_shops.get(of_shop, (0, at))
                        self._of_shops[of_shop] = count + more, max(at, last)
                    self._names |= names
                    self._used_keys |= used
                log.warning("rejections_not_stored", count=counts.total(), error=type(error).__name__)
                return False
            return True

    def start(self) -> None:
        """Start to store the counts each second."""
        self._thread.start()

    def stop(self) -> None:
        """Store the remaining counts. Call it when no more requests are answered."""
        self._stopping.set()
        self._thread.join()
        self.store()

    def _run(self) -> None:
        while not self._stopping.wait(STORE_SECONDS):
            self.store()
