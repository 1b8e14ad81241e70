"""`salepixel journal`: lists, verifies and replays journals. Reads the disk; changes nothing there."""

import argparse
import fcntl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from salepixel.clicks.records import ClickRecord, HitRecord, Record, unpack_payload
from salepixel.settings import BadSettings, EdgeSettings
from salepixel.wire.redis import open_redis
from salepixel.wire.streams import BadRecord, mark_key, stream_key
from salepixel_edge.damage import Damage, read_around
from salepixel_edge.shipment import published_mark

REDIS_SECONDS = 2.0


class NoSuchJournal(ValueError):
    """No journal here has this name; the message lists the names that exist."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: numbers of its first and last record, their times (UTC), and its damage.

    Without records `last` is `first` - 1 and the times are None. `damage` is empty for a whole segment.
    """

    file: Path
    first: int
    last: int
    size: int
    begun: datetime | None
    ended: datetime | None
    damage: str

    def line(self) -> str:
        """As text."""
        times = (
            f"{self.begun:%Y-%m-%d %H:%M:%S} to {self.ended:%H:%M:%S}" if self.begun and self.ended else ""
        )
        parts = (f"  {self.first} to {self.last}", f"{self.size:,} bytes", times, self.damage)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Slot:
    """A journal's folder: its name, and whether a process has locked it."""

    folder: Path
    name: str
    is_locked: bool

    def segments(self) -> Iterator[Segment]:
        """Its segments in sequence, read one by one."""
        files = sorted(file for file in self.folder.glob("*.seg") if file.stem.isdecimal())
        for file in files:
            segment = read_segment(file, may_grow=self.is_locked and file == files[-1])
            # A segment that is gone now was freed by its edge: its records are in the database.
            if not segment.damage or file.exists():
                yield segment

    def torn(self) -> list[Path]:
        """Files with bytes that were cut off segments after crashes."""
        return sorted(self.folder.glob("*.torn"))


def read_slots(data: Path) -> list[Slot]:
    """The journals under a data folder."""
    folders = [folder for folder in (data / "journal").glob("*") if folder.name.isdecimal()]
    return [_read_slot(folder) for folder in sorted(folders, key=lambda folder: int(folder.name))]


def read_segment(file: Path, *, may_grow: bool) -> Segment:
    """Read every record of a segment. `may_grow`: a process writes to it, so it may end within one."""
    first = int(file.stem)
    last, times, damage = first - 1, list[datetime](), ""
    try:
        data = file.read_bytes()
    except OSError as error:
        return Segment(file, first, last, 0, None, None, f"cannot be read: {error.strerror}")
    damages: list[Damage] = []
    for number, payload, _ in read_around(data, first, damages):
        last = number
        try:
            times += _times(unpack_payload(payload))
        except BadRecord:
            damage = damage or f"record {number} is of a kind unknown to this version"
    for bad in damages:
        if not (may_grow and bad.reason == "cut" and bad is damages[-1]):
            damage = f"{bad.reason} after record {bad.after}"
            break
    return Segment(file, first, last, len(data), min(times, default=None), max(times, default=None), damage)


def list_journals(data: Path, redis: Redis) -> Iterator[str]:
    """Journals, segments and torn tails, a line for each; progress only if Redis answers."""
    for slot in read_slots(data):
        held = "locked by a process" if slot.is_locked else "not locked"
        yield f"{slot.name} in {slot.folder}, {held}, {_progress(redis, slot.name)}"
        for segment in slot.segments():
            yield segment.line()
        for file in slot.torn():
            yield f"  {file.name}, {file.stat().st_size:,} bytes, cut off after a crash"


def verify_journals(data: Path) -> Iterator[str]:
    """A line for each damaged segment and torn tail; none if every record is whole."""
    for slot in read_slots(data):
        for segment in slot.segments():
            if segment.damage:
                yield f"{slot.name}: {segment.file}: {segment.damage}"
        for file in slot.torn():
            yield f"{slot.name}: {file}: cut off after a crash"


def replay_journal(data: Path, redis: Redis, name: str, number: int) -> int:
    """Request that a journal is shipped again from this number; returns the number where shipping starts.

    Its edge ships it, or the next process that locks its folder. The fold skips records that the database
    has. Raises NoSuchJournal, RedisError.
    """
    names = [slot.name for slot in read_slots(data)]
    if name not in names:
        raise NoSuchJournal(f"there is no journal {name!r}, but: {', '.join(names) or 'none'}")
    # Never ahead: edges delete segments at or below the mark.
    after = max(min(number - 1, published_mark(redis, name) or 0), 0)
    # Without its stream, the shipper restarts after the mark.
    pipeline = redis.pipeline()
    pipeline.set(mark_key(name), after)
    pipeline.delete(stream_key(name))
    pipeline.execute()
    return after + 1


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `salepixel journal`; returns 2 for bad settings, 1 if a journal is missing or damaged.

    Raises SystemExit for bad arguments.
    """
    parser = argparse.ArgumentParser(
        prog="salepixel journal",
        description="The edge's journals. --data: folder of the edge (SALEPIXEL_DATA).",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="journals, their segments and their progress")
    commands.add_parser("verify", help="read every record and list the damaged ones")
    replay = commands.add_parser("replay", help="ship records again; the fold skips those in the database")
    replay.add_argument("name", help="the journal's name")
    replay.add_argument("--from", dest="number", type=int, default=1, help="the first record's number")
    asked = parser.parse_args(arguments)
    try:
        settings = EdgeSettings.load(environ)
    except BadSettings as problem:
        return _print(str(problem), 2)
    if not read_slots(settings.data):
        where = (settings.data / "journal").absolute()
        return _print(
            f"salepixel journal: there is no journal in {where}; set --data to the edge's folder", 1
        )
    redis = open_redis(settings.redis_address, timeout_seconds=REDIS_SECONDS)
    if asked.command == "list":
        for line in list_journals(settings.data, redis):
            _print(line)
    elif asked.command == "verify":
        wrong = 0
        for line in verify_journals(settings.data):
            wrong = _print(line, 1)
        return wrong or _print("every record is whole")
    else:
        try:
            number = replay_journal(settings.data, redis, asked.name, asked.number)
        except (NoSuchJournal, RedisError) as problem:
            return _print(f"salepixel journal: {problem}", 1)
        _print(f"{asked.name} is shipped again from record {number} on")
    return 0


def _read_slot(folder: Path) -> Slot:
    try:
        name = (folder / "name").read_text()
    except OSError:
        name = "?"
    return Slot(folder, name, _is_locked(folder / "lock"))


def _is_locked(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _progress(redis: Redis, name: str) -> str:
    try:
        mark = cast(bytes | None, redis.get(mark_key(name)))
        entries = redis.xlen(stream_key(name))
    except RedisError:
        return "Redis does not answer"
    return f"in the database up to {int(mark or 0)}, {entries} entries in Redis"


def _times(record: Record) -> list[datetime]:
    if isinstance(record, ClickRecord):
        milliseconds = int.from_bytes(record.click.id[:6])
    elif isinstance(record, HitRecord):
        milliseconds = int.from_bytes(record.id[:6])
    else:
        milliseconds = record.from_ms
    return [datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)]


def _print(line: str, code: int = 0) -> int:
    print(line)  # noqa: T201  # the output of the command
    return code
