"""The shipper: a thread that moves journals to Redis streams.

Redis may be slow, down, emptied or restored: the journal on disk has the records, and no request waits for
Redis.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import structlog
from redis import Redis
from redis.exceptions import RedisError

from salepixel.clicks.records import LossRecord, pack_payload
from salepixel.settings import EdgeSettings
from salepixel.wire.directory import DIRECTORY_KEY, DIRECTORY_VERSION_KEY, BadDirectory, Directory
from salepixel.wire.redis import open_redis
from salepixel_edge.directory import keep_directory
from salepixel_edge.journal import Journal, take_slot, try_slot
from salepixel_edge.shipment import Shipment, highest_known, published_mark

POLL_SECONDS = 0.05
CHECK_SECONDS = 1.0
DIRECTORY_SECONDS = 0.2
ADOPT_SECONDS = 5.0
RETRY_SECONDS = 0.5
FLUSH_SECONDS = 2.0

log = structlog.get_logger()


class Finished(NamedTuple):
    """A journal of a dead process, all in the database: its name, last number and newest file."""

    name: str
    number: int
    newest: tuple[str, int, int]


class Shipper(threading.Thread):
    """Ships this process's journal and those of dead processes; reads the directory."""

    def __init__(
        self,
        settings: EdgeSettings,
        journal: Journal | None,
        on_directory: Callable[[Directory], None],
        on_journal: Callable[[Journal], None],
    ) -> None:
        """Ship `journal`; without one, open one as soon as the disk allows and call `on_journal`."""
        super().__init__(name="shipper", daemon=True)
        self._settings = settings
        self._redis: Redis = open_redis(settings.redis_address)
        self._on_directory = on_directory
        self._on_journal = on_journal
        self._directory_text = b""
        self._directory_version: bytes | None = None
        self.directory_reads = 0
        self._stop_now = threading.Event()
        self.own = Shipment(journal) if journal else None
        self._adopted: list[Shipment] = []
        self._finished: dict[Path, Finished] = {}
        self.connected = False
        self._checked_at = self._adopted_at = self._read_at = float("-inf")
        self._asked_for_journal_at = self._stepped_at = time.monotonic()

    def run(self) -> None:
        """Ship until stopped, then ship the remaining records for up to FLUSH_SECONDS."""
        while not self._stop_now.is_set():
            if not self._step():
                self._stop_now.wait(POLL_SECONDS if self.connected else RETRY_SECONDS)
        deadline = time.monotonic() + FLUSH_SECONDS
        while self.connected and time.monotonic() < deadline and self._step():
            pass
        for shipment in self._adopted:
            shipment.journal.close()
        self._redis.close()

    def stop(self) -> None:
        """End the thread, within some seconds."""
        self._stop_now.set()
        self.join()

    def _step(self) -> bool:
        """Ship one run of each journal; False with nothing to ship, or after an error."""
        try:
            self._ensure_journal()
            self._connect()
            self._check()
            return sum([shipment.ship(self._redis) for shipment in self.shipments]) > 0
        except Exception as error:
            # Any error is retried: without this thread nothing is shipped.
            if self.connected or not isinstance(error, RedisError):
                log.warning("shipping_stopped", error=repr(error))
            self.connected = False
            with suppress(OSError):
                self._read_oldest_time()
            return False
        finally:
            self._stepped_at = time.monotonic()

    @property
    def shipments(self) -> list[Shipment]:
        """The journals that this process ships: its own, and adopted ones."""
        return [self.own, *self._adopted] if self.own else [*self._adopted]

    def stalled_seconds(self) -> float:
        """Seconds since this thread last ended a step."""
        return time.monotonic() - self._stepped_at

    def _ensure_journal(self) -> None:
        """Open a journal if the disk refused one at the start."""
        now = time.monotonic()
        if self.own or now - self._asked_for_journal_at < CHECK_SECONDS:
            return
        self._asked_for_journal_at = now
        with suppress(OSError):
            journal = take_journal(self._settings, self._redis)
            self.own = Shipment(journal)
            self._on_journal(journal)
            log.info("journal_opened", journal=journal.name)
            if self.connected:
                self.own.begin(self._redis)

    def _read_oldest_time(self) -> None:
        for shipment in self.shipments:
            shipment.read_oldest_time()

    def _connect(self) -> None:
        if self.connected:
            return
        for shipment in self.shipments:
            shipment.begin(self._redis)
        self._finished.clear()
        self.connected = True
        if self.own:
            log.info("shipping", journal=self.own.journal.name, after=self.own.shipped)

    def _check(self) -> None:
        now = time.monotonic()
        if now - self._read_at >= DIRECTORY_SECONDS:
            self._read_at = now
            self._read_directory()
        if now - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = now
        for shipment in self.shipments:
            shipment.check(self._redis)
        self._read_oldest_time()
        if now - self._adopted_at >= ADOPT_SECONDS:
            self._adopted_at = now
            self._adopt()

    def _adopt(self) -> None:
        for shipment in [shipment for shipment in self._adopted if shipment.is_done]:
            self._adopted.remove(shipment)
            self._finish(shipment)
        for slot in journal_folder(self._settings).glob("*"):
            if not slot.name.isdecimal():
                continue  # lost+found
            try:
                # Opening a journal reads a whole segment, so unchanged journals are skipped.
                if self._is_finished(slot):
                    continue
                journal = try_slot(slot, self._settings.edge_name, self._settings.edge_segment_bytes)
            except OSError as error:
                log.error("slot_not_read", slot=slot.name, error=str(error))
                continue
            if journal is not None:
                self._take_over(Shipment(journal))

    def _take_over(self, shipment: Shipment) -> None:
        try:
            shipment.begin(self._redis)
        except RedisError:
            shipment.journal.close()
            raise
        if shipment.is_done:
            self._finish(shipment)
        else:
            log.info("journal_adopted", journal=shipment.journal.name)
            self._adopted.append(shipment)

    def _finish(self, shipment: Shipment) -> None:
        """Release a journal that is in the database; keep it if it has a loss to write."""
        journal = shipment.journal
        if journal.unwritten_loss:
            try:
                if self._write_loss(shipment, journal.unwritten_loss):
                    self._adopted.append(shipment)
                    return
            except RedisError:
                journal.close()
                raise
            except OSError as error:
                log.warning("loss_not_written", journal=journal.name, error=str(error))
            journal.close()  # the next process that locks the slot tries again
            return
        self._finished[journal.slot] = Finished(journal.name, journal.durable.number, _newest(journal.slot))
        journal.close()

    def _write_loss(self, shipment: Shipment, loss: LossRecord) -> bool:
        """Write the loss that a dead process saved; False if that must wait. Raises OSError, RedisError."""
        journal = shipment.journal
        if published_mark(self._redis, journal.name) is None:
            # The number of a journal's last record is unknown (see take_slot), unless it has no records.
            if journal.durable.number:
                return False
            journal.rename(self._settings.edge_name)
            shipment.begin(self._redis)
        journal.write([pack_payload(loss)])
        journal.clear_loss()
        return True

    def _is_finished(self, slot: Path) -> bool:
        finished = self._finished.get(slot)
        if finished is None or finished.newest != _newest(slot):
            return False
        # A lower mark: the database was restored, or `salepixel journal replay` set it back.
        mark = published_mark(self._redis, finished.name)
        return mark is None or mark >= finished.number

    def _read_directory(self) -> None:
        # The version first: a directory that changes between the two reads is read again.
        version = cast(bytes | None, self._redis.get(DIRECTORY_VERSION_KEY))
        if version is not None and version == self._directory_version:
            self.directory_reads += 1
            return
        text = cast(bytes | None, self._redis.get(DIRECTORY_KEY))
        self._directory_version = version
        if text is None or text == self._directory_text:
            self.directory_reads += 1
            return
        self._directory_text = text
        try:
            directory = Directory.from_json(text)
        except BadDirectory as bad:
            log.error("bad_directory", error=str(bad))
            return
        self._on_directory(directory)
        self.directory_reads += 1
        keep_directory(self._settings.data, text)


def journal_folder(settings: EdgeSettings) -> Path:
    """The folder of the slots."""
    return settings.data / "journal"


def take_journal(settings: EdgeSettings, redis: Redis) -> Journal:
    """A journal to write to, with unused numbers. Raises OSError."""
    try:
        redis.ping()
        known: Callable[[str], int | None] = partial(highest_known, redis)
    except RedisError:
        known = _unknown  # one timeout, not one for each slot
    return take_slot(journal_folder(settings), settings.edge_name, settings.edge_segment_bytes, known)


def _unknown(_: str) -> int | None:
    return None


def _newest(slot: Path) -> tuple[str, int, int]:
    """The newest segment of a slot, its size, and when a loss was saved: one changes with every write."""
    newest, losses = max(slot.glob("*.seg"), default=None), slot / "lost"
    name, size = (newest.name, newest.stat().st_size) if newest else ("", 0)
    return name, size, losses.stat().st_mtime_ns if losses.exists() else 0
