"""Group commit: one write and one fsync for all waiting requests."""

import asyncio
import threading
import time
from queue import Empty, SimpleQueue
from typing import Protocol

import structlog

from salepixel.clicks.records import LossRecord, pack_payload
from salepixel_edge.journal import Journal

REPORT_SECONDS = 1.0
"""How often a loss report is retried while no new records arrive."""

log = structlog.get_logger()


class NoJournal(Exception):
    """No journal is open, because the disk refused it."""


class Waiting(Protocol):
    """A connection that waits for a record to be on disk."""

    def send(self, answer: bytes) -> None:
        """Send the answer. Called on the event loop."""


class Batch:
    """Records that share one write and one fsync, with the waiting connections and their answers."""

    __slots__ = ("payloads", "waiting")

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.waiting: list[tuple[Waiting, bytes]] = []


class Writer:
    """Accepts payloads on the event loop and writes them on a thread.

    The loop fills a batch and submits it as a whole, so no lock is needed. The next batch fills while one is
    being written.
    """

    def __init__(self, journal: Journal | None, loop: asyncio.AbstractEventLoop) -> None:
        """Without a journal, records are counted as lost until `use` is called."""
        self.journal = journal
        self._loop = loop
        self._pending = Batch()
        self._busy = False
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._unreported: LossRecord | None = None
        self._loss_read_from: Journal | None = None  # the journal whose saved loss is in `_unreported`
        self.lost: LossRecord | None = None
        self._submitted = 0
        self._busy_since = 0.0
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def append(self, payload: bytes, waiting: Waiting, answer: bytes) -> None:
        """Write a record; send the answer when it is on disk, or counted as lost.

        Called on the event loop only.
        """
        batch = self._pending
        batch.payloads.append(payload)
        batch.waiting.append((waiting, answer))
        if not self._busy:
            self._busy = True
            # Submit after this iteration of the event loop, so that its other requests join the batch.
            self._loop.call_soon(self._submit)

    def use(self, journal: Journal) -> None:
        """Use this journal from now on."""
        self.journal = journal

    def stalled_seconds(self) -> float:
        """How long the submitted batch has waited for the disk."""
        since = self._busy_since
        return time.monotonic() - since if since else 0.0

    @property
    def is_failing(self) -> bool:
        """True while the disk refuses writes."""
        return self._unreported is not None or self.journal is None

    @property
    def last(self) -> int:
        """The number of the last accepted record, whether it is on disk yet or not."""
        durable = self.journal.durable.number if self.journal else 0
        return durable + self._submitted + len(self._pending.payloads)

    def close(self) -> None:
        """Write pending records and losses, then stop the thread."""
        if self._pending.payloads:
            self._submit()
        self._batches.put(None)
        self._thread.join()

    def _submit(self) -> None:
        batch, self._pending = self._pending, Batch()
        self._submitted = len(batch.payloads)
        self._batches.put(batch)

    def _written(self, batch: Batch) -> None:
        self._submitted = 0
        if self._pending.payloads:
            self._submit()
        else:
            self._busy = False
        for waiting, answer in batch.waiting:
            waiting.send(answer)

    def _run(self) -> None:
        self._write([])
        while True:
            waits = self._unreported or self._loss_read_from is None
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
                log.warning("journal_written_without_answer", records=len(batch.payloads))
        if self._unreported:
            self._write([])

    def _write(self, payloads: list[bytes]) -> None:
        journal = self.journal  # read once, because the shipper's thread changes it
        if journal and journal is not self._loss_read_from:
            self._loss_read_from = journal
            if journal.unwritten_loss:
                self._unreported = _add_losses(self._unreported, journal.unwritten_loss)
        report = [pack_payload(self._unreported)] if self._unreported else []
        if not report and not payloads:
            return
        try:
            if journal is None:
                raise NoJournal
            journal.write([*report, *payloads])
        except Exception as error:
            # Catch every error, because requests wait for this thread. Unwritten records are counted as lost.
            if payloads:
                now_ms = time.time_ns() // 1_000_000
                more = LossRecord(len(payloads), now_ms, now_ms)
                self._unreported = _add_losses(self._unreported, more)
                self.lost = _add_losses(self.lost, more)
                log.error("journal_write_failed", error=repr(error), lost=self.lost.count)
        else:
            self._unreported = None
        if journal and journal.unwritten_loss != self._unreported:
            # Save the loss before the requests are answered, so that the count survives a crash.
            _keep(journal, self._unreported)


def _keep(journal: Journal, unreported: LossRecord | None) -> None:
    try:
        if unreported:
            journal.save_loss(unreported)
        else:
            journal.clear_loss()
    except Exception as error:
        log.error("loss_not_saved", error=repr(error))


def _add_losses(before: LossRecord | None, more: LossRecord) -> LossRecord:
    if before is None:
        return more
    # Losses come in any order, and the clock may have stepped back.
    from_ms, to_ms = min(before.from_ms, more.from_ms), max(before.to_ms, more.to_ms)
    return LossRecord(before.count + more.count, from_ms, to_ms)
