"""The shipper: a thread that moves journals to Redis streams.

Redis may be slow, away, emptied or set back: the journal on disk is what counts, and a visitor never waits
for any of this.
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
    """A journal that a dead process left and that is in the database: its last number, its newest file."""

    name: str
    number: int
    newest: tuple[str, int, int]


class Shipper(threading.Thread):
    """Ships this process's journal, and those that dead processes left; keeps the directory at hand."""

    def __init__(
        self,
        settings: EdgeSettings,
        journal: Journal | None,
        on_directory: Callable[[Directory], None],
        on_journal: Callable[[Journal], None],
    ) -> None:
        """Ship `journal`; where there is none, tell `on_journal` as soon as the disk gives one."""
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
        """Ship until stopped, and then for a moment longer what is left."""
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
        """End the thread, after at most some seconds."""
        self._stop_now.set()
        self.join()

    def _step(self) -> bool:
        """Ship one run of each journal; False when there was nothing to do, or no way to do it."""
        try:
            self._have_journal()
            self._connect()
            self._check()
            return sum([shipment.ship(self._redis) for shipment in self.shipments]) > 0
        except Exception as error:
            # Whatever it is: this thread must not end while visitors come.
            if self.connected or not isinstance(error, RedisError):
                log.warning("shipping_stopped", error=repr(error))
            self.connected = False
            with suppress(OSError):
                self._look_at_oldest()
            return False
        finally:
            self._stepped_at = time.monotonic()

    @property
    def shipments(self) -> list[Shipment]:
        """The journals that this process ships: its own, and those that dead ones left."""
        return [self.own, *self._adopted] if self.own else [*self._adopted]

    def silent_seconds(self) -> float:
        """For how long this thread has been at one step, or gone."""
        return time.monotonic() - self._stepped_at

    def _have_journal(self) -> None:
        """A disk that refused a journal at the start may give one now."""
        now = time.monotonic()
        if self.own or now - self._asked_for_journal_at < CHECK_SECONDS:
            return
        self._asked_for_journal_at = now
        with suppress(OSError):
            journal = take_journal(self._settings, self._redis)
            self.own = Shipment(journal)
            self._on_journal(journal)
            log.info("journal_taken", journal=journal.name)
            if self.connected:
                self.own.begin(self._redis)

    def _look_at_oldest(self) -> None:
        for shipment in self.shipments:
            shipment.look_at_oldest()

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
        self._look_at_oldest()
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
                # Opening a journal reads a whole segment: not again what has not changed.
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
            log.info("shipping_for_another", journal=shipment.journal.name)
            self._adopted.append(shipment)

    def _finish(self, shipment: Shipment) -> None:
        """Give a journal back that is in the database; or go on with it, when it has a loss to tell of."""
        journal = shipment.journal
        if journal.untold:
            try:
                if self._tell_loss(shipment, journal.untold):
                    self._adopted.append(shipment)
                    return
            except RedisError:
                journal.close()
                raise
            except OSError as error:
                log.warning("loss_not_told", journal=journal.name, error=str(error))
            journal.close()  # whoever takes the slot next tries again: the disk is full, say
            return
        self._finished[journal.slot] = Finished(journal.name, journal.durable.number, _newest(journal.slot))
        journal.close()

    def _tell_loss(self, shipment: Shipment, loss: LossRecord) -> bool:
        """Write down what a dead process could not. Raises OSError, RedisError."""
        journal = shipment.journal
        if published_mark(self._redis, journal.name) is None:
            # Nobody can tell which numbers it has given, see take_slot; unless it has given none.
            if journal.durable.number:
                return False
            journal.rename(self._settings.edge_name)
            shipment.begin(self._redis)
        journal.write([pack_payload(loss)])
        journal.forget_loss()
        return True

    def _is_finished(self, slot: Path) -> bool:
        finished = self._finished.get(slot)
        if finished is None or finished.newest != _newest(slot):
            return False
        # A mark that was set back: the database was restored, or somebody wants it shipped again.
        mark = published_mark(self._redis, finished.name)
        return mark is None or mark >= finished.number

    def _read_directory(self) -> None:
        # First the version: a directory that is changed between the two is read once more, and never missed.
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
    """Where the slots are."""
    return settings.data / "journal"


def take_journal(settings: EdgeSettings, redis: Redis) -> Journal:
    """A journal to write to, with numbers that were never given. Raises OSError."""
    try:
        redis.ping()
        known: Callable[[str], int | None] = partial(highest_known, redis)
    except RedisError:
        known = _unknown  # asked once and not for each slot: the visitors wait
    return take_slot(journal_folder(settings), settings.edge_name, settings.edge_segment_bytes, known)


def _unknown(_: str) -> int | None:
    return None


def _newest(slot: Path) -> tuple[str, int, int]:
    """The newest segment of a slot and its size, which change with every record; when a loss was kept."""
    newest, losses = max(slot.glob("*.seg"), default=None), slot / "lost"
    name, size = (newest.name, newest.stat().st_size) if newest else ("", 0)
    return name, size, losses.stat().st_mtime_ns if losses.exists() else 0
