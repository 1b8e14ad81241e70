"""Ships one journal to its stream, by the contract in salepixel/wire/streams.py."""

import time
from collections import deque
from contextlib import suppress
from typing import cast

import structlog
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from salepixel.clicks.records import ClickRecord, HitRecord, Record, unpack_payload
from salepixel.wire.streams import FIELD, JOURNALS_KEY, OLDEST, BadRecord, mark_key, read_frames, stream_key
from salepixel_edge.journal import Journal
from salepixel_edge.reader import Reader, Run

MAX_STREAM = 2000
"""Entries in a stream, up to 64 kB each, above which shipping pauses: the buffer is the journal."""

MAX_LOOKS = 10_000
"""Samples of the lag, one a second; a longer lag is reported from the next sample on."""

log = structlog.get_logger()


class Shipment:
    """Ships one journal. Used by the shipper's thread; others may read the numbers."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        # Freed segments are in the database; without Redis nothing more is known.
        self.mark = self._freed()
        self._reader = Reader(journal)
        self._reader.seek(self.mark)
        self._in_stream = 0
        self._may_create = True
        self._oldest_ms = 0
        self._room = MAX_STREAM
        self._looks: deque[tuple[int, float]] = deque()  # a number, and when it was on disk

    @property
    def shipped(self) -> int:
        """The number of the last record that was added to the stream."""
        return self._reader.place.number

    @property
    def oldest_ms(self) -> int:
        """The time of the oldest unshipped record (milliseconds, UTC), 0 without one."""
        return self._oldest_ms if self.shipped < self.journal.durable.number else 0

    @property
    def lag_seconds(self) -> float:
        """How long the oldest record outside the database has been on disk, to about a second."""
        return round(time.monotonic() - self._looks[0][1], 1) if self._looks else 0.0

    def note_lag(self) -> None:
        """Sample the lag: call it about once a second, on the event loop."""
        durable, looks = self.journal.durable.number, self._looks
        while looks and looks[0][0] <= self.mark:
            looks.popleft()
        if durable > self.mark and (not looks or looks[-1][0] < durable) and len(looks) < MAX_LOOKS:
            looks.append((durable, time.monotonic()))

    @property
    def is_full(self) -> bool:
        """True while the stream is at MAX_STREAM: no worker folds it."""
        return self._room <= 0

    @property
    def is_done(self) -> bool:
        """True if all of the journal is in the database."""
        return self.mark >= self.journal.durable.number

    def begin(self, redis: Redis) -> None:
        """Find the position to ship from: after the mark, or after the stream's last entry beyond it."""
        redis.sadd(JOURNALS_KEY, self.journal.name)
        self.mark = self._published_mark(redis)
        top = stream_top(redis, self.journal.name)
        self._in_stream = max(self.mark, top)
        self.journal.skip_to(self._in_stream)
        self._reader.seek(self._in_stream)
        # A stream that is gone later was lost, and must not be created from the middle of a journal.
        self._may_create = top == 0

    def ship(self, redis: Redis) -> bool:
        """Ship the next run; False with nothing to ship, or a full stream. Raises RedisError."""
        before = self._reader.place
        run = self._reader.read() if self._room > 0 else None
        if run is None:
            return False
        try:
            added = self._add(redis, run)
        except ResponseError as refused:
            if "equal or smaller" not in str(refused):
                self._reader.place = before
                raise
            added = False  # it was added before, and the answer was lost
        except RedisError:
            self._reader.place = before
            raise
        if added:
            self._in_stream, self._may_create = run.last, False
            self._room -= 1
        else:
            self.begin(redis)
        return True

    def check(self, redis: Redis) -> None:
        """Free segments in the database; restart if Redis lost entries. Raises RedisError."""
        mark, top = self._published_mark(redis), stream_top(redis, self.journal.name)
        self.mark = max(self.mark, mark)
        self.journal.free(mark)
        if self._in_stream > max(mark, top):
            log.warning("shipping_restarted", journal=self.journal.name, after=max(mark, top))
            self.begin(redis)
        self._room = MAX_STREAM - redis.xlen(stream_key(self.journal.name))

    def read_oldest_time(self) -> None:
        """Read the time of the oldest unshipped record."""
        run = self._reader.peek()
        if run is None:
            return
        _, payload, _ = next(read_frames(run.data))
        # A record of an unknown kind has no readable time.
        with suppress(BadRecord):
            self._oldest_ms = _time_ms(unpack_payload(payload))

    def _add(self, redis: Redis, run: Run) -> bool:
        fields: dict[bytes, bytes] = {FIELD: run.data} | ({OLDEST: b"1"} if run.oldest else {})
        # In one transaction: the worker forgets the name of a journal whose stream is empty.
        pipeline = redis.pipeline()
        pipeline.xadd(
            stream_key(self.journal.name),
            fields,  # type: ignore[arg-type]  # the stubs ask for an invariant dict
            id=f"{run.last}-0",
            nomkstream=not self._may_create,
        )
        pipeline.sadd(JOURNALS_KEY, self.journal.name)
        added, _ = pipeline.execute(raise_on_error=False)
        if isinstance(added, RedisError):
            raise added
        return added is not None

    def _freed(self) -> int:
        segments = self.journal.segments()
        return segments[0] - 1 if segments else 0

    def _published_mark(self, redis: Redis) -> int:
        mark = published_mark(redis, self.journal.name)
        return self._freed() if mark is None else mark


def published_mark(redis: Redis, journal: str) -> int | None:
    """The published mark of a journal, None without one. Raises RedisError."""
    mark = cast(bytes | None, redis.get(mark_key(journal)))
    return None if mark is None else int(mark)


def stream_top(redis: Redis, journal: str) -> int:
    """The highest number ever in a journal's stream, 0 without a stream. Raises RedisError."""
    try:
        info = cast(dict[str, bytes], redis.xinfo_stream(stream_key(journal)))
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return 0
    return int(info["last-generated-id"].split(b"-")[0])


def highest_known(redis: Redis, journal: str) -> int | None:
    """The highest number that Redis has seen of a journal; None for an unknown journal, or without Redis."""
    try:
        mark, top = published_mark(redis, journal), stream_top(redis, journal)
    except RedisError:
        return None
    return max(mark or 0, top) if mark is not None or top else None


def _time_ms(record: Record) -> int:
    if isinstance(record, ClickRecord):
        return int.from_bytes(record.click.id[:6])
    return int.from_bytes(record.id[:6]) if isinstance(record, HitRecord) else record.from_ms
