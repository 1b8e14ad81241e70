"""Group commit: one write and one fsync serve all requests that wait at that moment."""

import asyncio
import threading
import time
from queue import Empty, SimpleQueue
from typing import Protocol

import structlog

from salepixel.clicks.records import LossRecord, pack_payload
from salepixel_edge.journal import Journal

REPORT_SECONDS = 1.0
"""How often a loss is tried to be written down while nobody clicks."""

log = structlog.get_logger()


class NoJournal(Exception):
    """The disk gave no journal yet."""


class Waiting(Protocol):
    """Who waits until a record is on disk."""

    def send(self, answer: bytes) -> None:
        """Give the answer. Called on the event loop."""


class Batch:
    """Records that share one write and one fsync, and who waits for them with which answer."""

    __slots__ = ("payloads", "waiting")

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.waiting: list[tuple[Waiting, bytes]] = []


class Writer:
    """Takes payloads on the event loop, writes them on a thread of its own.

    The loop alone fills a batch and hands it over whole, so the two share no lock. While one batch is
    written the next one gathers.
    """

    def __init__(self, journal: Journal | None, loop: asyncio.AbstractEventLoop) -> None:
        """Without a journal all that comes is counted as lost, until `journal` is set."""
        self.journal = journal
        self._loop = loop
        self._gathering = Batch()
        self._busy = False
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._unreported: LossRecord | None = None
        self._heir_of: Journal | None = None  # whose loss, kept by a process before this one, is in that
        self.lost: LossRecord | None = None
        self._in_hand = 0
        self._busy_since = 0.0
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def append(self, payload: bytes, waiting: Waiting, answer: bytes) -> None:
        """Have a record written, and the answer sent when it is on disk or counted as lost.

        A visitor is sent on either way. Called on the event loop only.
        """
        batch = self._gathering
        batch.payloads.append(payload)
        batch.waiting.append((waiting, answer))
        if not self._busy:
            self._busy = True
            # Not now but after the other requests of this turn of the loop: they join the batch.
            self._loop.call_soon(self._hand_over)

    def use(self, journal: Journal) -> None:
        """Write to this journal from now on."""
        self.journal = journal

    def stalled_seconds(self) -> float:
        """For how long the batch in hand has been waiting for the disk."""
        since = self._busy_since
        return time.monotonic() - since if since else 0.0

    @property
    def is_refused(self) -> bool:
        """True while the disk does not take what is written."""
        return self._unreported is not None or self.journal is None

    @property
    def last(self) -> int:
        """The number of the last record taken, be it on disk or not yet."""
        durable = self.journal.durable.number if self.journal else 0
        return durable + self._in_hand + len(self._gathering.payloads)

    def close(self) -> None:
        """Write what was handed over, and what was lost, and end the thread."""
        if self._gathering.payloads:
            self._hand_over()
        self._batches.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        batch, self._gathering = self._gathering, Batch()
        self._in_hand = len(batch.payloads)
        self._batches.put(batch)

    def _written(self, batch: Batch) -> None:
        self._in_hand = 0
        if self._gathering.payloads:
            self._hand_over()
        else:
            self._busy = False
        for waiting, answer in batch.waiting:
            waiting.send(answer)

    def _run(self) -> None:
        self._write([])
        while True:
            waits = self._unreported or self._heir_of is None
            try:
                batch = self._batches.get(timeout=REPORT_SECONDS if waits else None)
            except Empty:
                self._write([])
                continue
            if batch is None:
                break
            self._busy_since = time.monotonic()
            self._write(batch.payloads)
            self._busy_since = 0.0
            try:
                self._loop.call_soon_threadsafe(self._written, batch)
            except RuntimeError:
                log.warning("journal_written_after_the_loop_ended", records=len(batch.payloads))
        if self._unreported:
            self._write([])

    def _write(self, payloads: list[bytes]) -> None:
        journal = self.journal  # once: the shipper may give one meanwhile
        if journal and journal is not self._heir_of:
            self._heir_of = journal
            if journal.untold:
                self._unreported = _both_lost(self._unreported, journal.untold)
        report = [pack_payload(self._unreported)] if self._unreported else []
        if not report and not payloads:
            return
        try:
            if journal is None:
                raise NoJournal
            journal.write([*report, *payloads])
        except Exception as error:
            # Whatever it is: visitors wait for this thread. What was not written is counted.
            if payloads:
                now_ms = time.time_ns() // 1_000_000
                more = LossRecord(len(payloads), now_ms, now_ms)
                self._unreported = _both_lost(self._unreported, more)
                self.lost = _both_lost(self.lost, more)
                log.error("journal_refused", error=repr(error), lost=self.lost.count)
        else:
            self._unreported = None
        if journal and journal.untold != self._unreported:
            # Before those who wait are answered: the count must outlive this process too.
            _keep(journal, self._unreported)


def _keep(journal: Journal, unreported: LossRecord | None) -> None:
    try:
        if unreported:
            journal.keep_loss(unreported)
        else:
            journal.forget_loss()
    except Exception as error:
        log.error("loss_not_kept", error=repr(error))


def _both_lost(before: LossRecord | None, more: LossRecord) -> LossRecord:
    if before is None:
        return more
    # Which of them is the older one is not known; and the clock may have stepped back.
    from_ms, to_ms = min(before.from_ms, more.from_ms), max(before.to_ms, more.to_ms)
    return LossRecord(before.count + more.count, from_ms, to_ms)
