"""Group commit: one write and one fsync serve all requests that wait at that moment."""

import asyncio
import threading
import time
from queue import Empty, SimpleQueue

import structlog

from salepixel.streams import LossRecord, pack_payload
from salepixel_edge.journal import Journal

REPORT_SECONDS = 1.0
"""How often a loss is tried to be written down while nobody clicks."""

log = structlog.get_logger()


class Writer:
    """Takes payloads on the event loop, writes them on a thread of its own.

    The loop alone fills a batch and hands it over whole, so the two share no lock. While one batch is
    written the next one gathers.
    """

    def __init__(self, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        self.journal = journal
        self._loop = loop
        self._gathering: list[bytes] = []
        self._durable: asyncio.Future[None] = loop.create_future()
        self._busy = False
        self._batches: SimpleQueue[tuple[list[bytes], asyncio.Future[None]] | None] = SimpleQueue()
        self._unreported: LossRecord | None = None
        self.lost: LossRecord | None = None
        self._in_hand = 0
        self._busy_since = 0.0
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def append(self, payload: bytes) -> asyncio.Future[None]:
        """Have a record written; the future is done when it is on disk, or counted as lost.

        A visitor is sent on either way. Called on the event loop only.
        """
        self._gathering.append(payload)
        if not self._busy:
            self._busy = True
            # Not now but after the other requests of this turn of the loop: they join the batch.
            self._loop.call_soon(self._hand_over)
        return self._durable

    def stalled_seconds(self) -> float:
        """For how long the batch in hand has been waiting for the disk."""
        since = self._busy_since
        return time.monotonic() - since if since else 0.0

    @property
    def is_refused(self) -> bool:
        """True while the disk does not take what is written."""
        return self._unreported is not None

    @property
    def last(self) -> int:
        """The number of the last record taken, be it on disk or not yet."""
        return self.journal.durable.number + self._in_hand + len(self._gathering)

    def close(self) -> None:
        """Write what was handed over, and what was lost, and end the thread."""
        if self._gathering:
            self._hand_over()
        self._batches.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        self._in_hand = len(self._gathering)
        self._batches.put((self._gathering, self._durable))
        self._gathering, self._durable = [], self._loop.create_future()

    def _written(self, durable: asyncio.Future[None]) -> None:
        # Whoever waits shares this future: one request that is cancelled must not hold the others.
        if not durable.done():
            durable.set_result(None)
        self._in_hand = 0
        if self._gathering:
            self._hand_over()
        else:
            self._busy = False

    def _run(self) -> None:
        while True:
            try:
                batch = self._batches.get(timeout=REPORT_SECONDS if self._unreported else None)
            except Empty:
                self._write([])
                continue
            if batch is None:
                break
            payloads, durable = batch
            self._busy_since = time.monotonic()
            self._write(payloads)
            self._busy_since = 0.0
            try:
                self._loop.call_soon_threadsafe(self._written, durable)
            except RuntimeError:
                log.warning("journal_written_after_the_loop_ended", records=len(payloads))
        if self._unreported:
            self._write([])

    def _write(self, payloads: list[bytes]) -> None:
        report = [pack_payload(self._unreported)] if self._unreported else []
        try:
            self.journal.write([*report, *payloads])
        except Exception as error:
            # Whatever it is: visitors wait for this thread. What was not written is counted.
            if payloads:
                self._unreported = _more_lost(self._unreported, len(payloads))
                self.lost = _more_lost(self.lost, len(payloads))
                log.error("journal_refused", error=repr(error), lost=self.lost.count)
        else:
            self._unreported = None


def _more_lost(before: LossRecord | None, count: int) -> LossRecord:
    now_ms = time.time_ns() // 1_000_000
    if before is None:
        return LossRecord(count, now_ms, now_ms)
    return LossRecord(before.count + count, before.from_ms, now_ms)
