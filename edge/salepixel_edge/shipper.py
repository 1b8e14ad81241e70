"""The shipper: moves journals to Redis streams, by the contract in salepixel/streams.py.

Redis may be slow, away, emptied or set back: the journal on disk is what counts, and a visitor never waits
for any of this.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import structlog
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from salepixel.redis import open_redis
from salepixel.settings import EdgeSettings
from salepixel.streams import (
    DIRECTORY_KEY,
    FIELD,
    JOURNALS_KEY,
    OLDEST,
    BadDirectory,
    Directory,
    mark_key,
    stream_key,
)
from salepixel_edge.journal import Journal, Reader, Run, try_slot

MAX_STREAM = 2000
"""Entries in a stream, up to 64 kB each, beyond which the shipper waits: Redis is no store."""

POLL_SECONDS = 0.02
CHECK_SECONDS = 1.0
ADOPT_SECONDS = 5.0
FLUSH_SECONDS = 2.0

log = structlog.get_logger()


class Shipment:
    """How far one journal has been shipped."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.mark = 0
        self.shipped = 0
        self._reader = Reader(journal)
        self._begun = False

    def begin(self, redis: Redis) -> None:
        """Find out where to go on: after the mark, or after what the stream has beyond it."""
        self.mark = int(cast(bytes | None, redis.get(mark_key(self.journal.name))) or 0)
        top = self._stream_top(redis)
        self.journal.skip_to(self.mark)
        self._go_on_after(max(self.mark, top))
        self._begun = top > 0

    def ship(self, redis: Redis) -> bool:
        """Ship the next run; False when there is nothing to ship. Raises RedisError."""
        before = self._reader.number
        run = self._reader.read()
        if run is None:
            return False
        try:
            added = self._add(redis, run)
        except ResponseError as refused:
            if "equal or smaller" not in str(refused):
                self._reader.seek(before)
                raise
            added = False  # it was added before, and the answer was lost
        except RedisError:
            self._reader.seek(before)
            raise
        if added:
            self.shipped, self._begun = run.last, True
        else:
            self.begin(redis)
        return True

    def check(self, redis: Redis) -> bool:
        """Free what is in the database; begin again when Redis has lost something. True: room for more."""
        mark = int(cast(bytes | None, redis.get(mark_key(self.journal.name))) or 0)
        if mark > self.mark:
            self.mark = mark
            self.journal.free(mark)
        top = self._stream_top(redis)
        if self.shipped > max(mark, top):
            log.warning("shipping_again", journal=self.journal.name, after=max(mark, top))
            self.begin(redis)
        return redis.xlen(stream_key(self.journal.name)) < MAX_STREAM

    @property
    def is_done(self) -> bool:
        """True when all of the journal is in the database."""
        return self.mark >= self.journal.durable.number

    def _add(self, redis: Redis, run: Run) -> bool:
        fields: dict[bytes, bytes] = {FIELD: run.data} | ({OLDEST: b"1"} if run.oldest else {})
        pipeline = redis.pipeline(transaction=False)
        pipeline.sadd(JOURNALS_KEY, self.journal.name)
        # A stream that is gone since we began was lost: it must not be made anew in the middle.
        pipeline.xadd(
            stream_key(self.journal.name),
            fields,  # type: ignore[arg-type]  # the stubs ask for an invariant dict
            id=f"{run.last}-0",
            nomkstream=self._begun,
        )
        return pipeline.execute()[1] is not None

    def _go_on_after(self, number: int) -> None:
        self._reader.seek(number)
        self.shipped = self._reader.number

    def _stream_top(self, redis: Redis) -> int:
        try:
            info = cast(dict[str, bytes], redis.xinfo_stream(stream_key(self.journal.name)))
        except ResponseError:
            return 0  # there is no such stream
        return int(info["last-generated-id"].split(b"-")[0])


class Shipper(threading.Thread):
    """Ships this process's journal, and those that dead processes left; keeps the directory at hand."""

    def __init__(
        self, settings: EdgeSettings, journal: Journal, on_directory: Callable[[Directory], None]
    ) -> None:
        super().__init__(name="shipper", daemon=True)
        self._settings = settings
        self._redis = open_redis(settings.redis_address)
        self._on_directory = on_directory
        self._stop_now = threading.Event()
        self.own = Shipment(journal)
        self._adopted: list[Shipment] = []
        self.connected = False
        self._checked_at = self._adopted_at = float("-inf")
        self._room = True

    @property
    def _shipments(self) -> list[Shipment]:
        return [self.own, *self._adopted]

    def run(self) -> None:
        """Ship until stopped, and then for a moment longer what is left."""
        while not self._stop_now.is_set():
            self._step()
        deadline = time.monotonic() + FLUSH_SECONDS
        while self.connected and time.monotonic() < deadline and self._step():
            pass
        for shipment in self._adopted:
            shipment.journal.close()
        self._redis.close()

    def stop(self) -> None:
        """End the thread, after at most some seconds."""
        self._stop_now.set()
        self.join()

    def _step(self) -> bool:
        try:
            if not self.connected:
                for shipment in self._shipments:
                    shipment.begin(self._redis)
                self.connected = True
                log.info("shipping", journal=self.own.journal.name, after=self.own.shipped)
            self._check()
            shipped = self._room and sum(shipment.ship(self._redis) for shipment in self._shipments) > 0
        except (RedisError, OSError) as error:
            if self.connected:
                log.warning("shipping_stopped", error=str(error))
            self.connected = False
            self._stop_now.wait(0.5)
            return False
        if not shipped:
            self._stop_now.wait(POLL_SECONDS)
        return shipped

    def _check(self) -> None:
        now = time.monotonic()
        if now - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = now
        with_room = [shipment for shipment in self._shipments if shipment.check(self._redis)]
        self._room = len(with_room) == len(self._shipments)
        self._read_directory()
        if now - self._adopted_at >= ADOPT_SECONDS:
            self._adopted_at = now
            self._adopt()

    def _adopt(self) -> None:
        for shipment in [shipment for shipment in self._adopted if shipment.is_done]:
            self._adopted.remove(shipment)
            shipment.journal.close()
        for slot in self.own.journal.slot.parent.iterdir():
            journal = try_slot(slot, self._settings.edge_name, self._settings.edge_segment_bytes)
            if journal is None:
                continue
            shipment = Shipment(journal)
            shipment.begin(self._redis)
            if shipment.is_done:
                journal.close()
            else:
                log.info("shipping_for_another", journal=journal.name)
                self._adopted.append(shipment)

    def _read_directory(self) -> None:
        text = cast(bytes | None, self._redis.get(DIRECTORY_KEY))
        if text is None:
            return
        try:
            directory = Directory.from_json(text)
        except BadDirectory as bad:
            log.error("bad_directory", error=str(bad))
            return
        self._on_directory(directory)
        keep_directory(self._settings.data, text)


def keep_directory(data: Path, text: bytes) -> None:
    """Remember the directory for a start without Redis."""
    path = data / "directory.json"
    if path.exists() and path.read_bytes() == text:
        return
    draft = path.with_name(f"directory.{threading.get_native_id()}.draft")
    draft.write_bytes(text)
    draft.rename(path)


def kept_directory(data: Path) -> Directory | None:
    """The directory as it was last known, None when there never was one."""
    try:
        return Directory.from_json((data / "directory.json").read_bytes())
    except (OSError, BadDirectory):
        return None
