"""Stored computations. A worker does a step without a lock, and stores it unless another worker did."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from salepixel.computations.work import Json, Progress, Task
from salepixel.storage.database import Database
from salepixel.storage.ids import new_id
from salepixel.storage.schema import computation_parts, computations
from salepixel.storage.schema.computations import UNDER_WAY
from salepixel.storage.upsert import insert

LEASE = timedelta(seconds=30)
"""After this time, another worker takes the computation of a killed worker."""

PARTS_AT_ONCE = 20
"""The pieces of a file that are read or deleted together: about 2 MB."""


class State(StrEnum):
    """The state of a computation. Stored and shown."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request of an account. Equal parameters mean the same computation."""

    emp_id: int
    kind: str
    parameters: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The digest of the parameters."""
        return hashlib.blake2b(_dump(self.parameters), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Computation:
    """A computation; times are UTC. `as_of`: when its first step began. `done` of `total`: its progress."""

    id: str
    emp_id: int
    kind: str
    parameters: Mapping[str, Any]
    state: State
    steps: int
    done: int
    total: int
    requested_at: datetime
    as_of: datetime | None
    finished_at: datetime | None
    error: str

    @property
    def is_under_way(self) -> bool:
        """True until it is done or failed."""
        return self.state in (State.QUEUED, State.RUNNING)


_SHOWN = [computations.c[name] for name in Computation.__slots__]


def request(connection: sa.Connection, wanted: Wanted, now: datetime) -> Computation:
    """Queue a computation; returns the unfinished one with the same parameters, if there is one."""
    values = {
        "id": new_id(),
        "emp_id": wanted.emp_id,
        "kind": wanted.kind,
        "digest": wanted.digest,
        "parameters": _dump(wanted.parameters).decode(),
        "state": State.QUEUED,
        **dict.fromkeys(("steps", "done", "total"), 0),
        **dict.fromkeys(("place", "result"), b""),
        **dict.fromkeys(("requested_at", "next_at"), now),
        "error": "",
    }
    statement = insert(connection, computations).values(values)
    connection.execute(
        statement.on_conflict_do_nothing(index_elements=["emp_id", "kind", "digest"], index_where=UNDER_WAY)
    )
    found = find_newest(connection, wanted)
    if found is None:
        raise RuntimeError("a computation was deleted while it was requested")
    return found


def find_newest(connection: sa.Connection, wanted: Wanted) -> Computation | None:
    """The newest computation."""
    row = connection.execute(_of(wanted).order_by(computations.c.requested_at.desc()).limit(1)).first()
    return None if row is None else _read(row)


def find_done(connection: sa.Connection, wanted: Wanted) -> Computation | None:
    """The newest computation that is done."""
    done = _of(wanted).where(computations.c.state == State.DONE).order_by(computations.c.as_of.desc())
    row = connection.execute(done.limit(1)).first()
    return None if row is None else _read(row)


def _of(wanted: Wanted) -> sa.Select[Any]:
    c = computations.c
    same = c.emp_id == wanted.emp_id, c.kind == wanted.kind, c.digest == wanted.digest
    return sa.select(*_SHOWN).where(*same)


def get_computation(connection: sa.Connection, its_id: str) -> Computation | None:
    """A computation, or None."""
    row = connection.execute(sa.select(*_SHOWN).where(computations.c.id == its_id)).first()
    return None if row is None else _read(row)


def count_under_way(connection: sa.Connection, emp_id: int) -> int:
    """How many computations of an account are not finished."""
    query = sa.select(sa.func.count()).select_from(computations)
    return connection.scalar(query.where(computations.c.emp_id == emp_id, UNDER_WAY)) or 0


def read_result(connection: sa.Connection, its_id: str) -> Json:
    """The result of a computation that is done; {} if there is none."""
    packed = connection.scalar(sa.select(computations.c.result).where(computations.c.id == its_id))
    return _unpack(packed or b"")


def is_any_under_way(connection: sa.Connection, now: datetime) -> bool:
    """Whether a step can be done now."""
    return is_any(connection, sa.and_(UNDER_WAY, computations.c.next_at <= now))


def is_any(connection: sa.Connection, which: sa.ColumnElement[bool]) -> bool:
    """Whether there is such a computation."""
    return connection.scalar(sa.select(computations.c.id).where(which).limit(1)) is not None


def claim(
    connection: sa.Connection, now: datetime, only: str | None = None
) -> tuple[Computation, Json] | None:
    """Claim the computation with the oldest last step, or `only` one, for LEASE; gives its place, too."""
    c = computations.c
    columns = sa.select(*_SHOWN, c.place).where(UNDER_WAY, c.next_at <= now)
    columns = columns if only is None else columns.where(c.id == only)
    row = connection.execute(columns.order_by(c.next_at).limit(1).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    values = {"next_at": now + LEASE, "state": State.RUNNING, "as_of": row.as_of or now}
    connection.execute(sa.update(computations).where(c.id == row.id).values(values))
    found = _read(row)
    return _with_as_of(found, now), _unpack(row.place)


def _with_as_of(found: Computation, now: datetime) -> Computation:
    values = {name: getattr(found, name) for name in Computation.__slots__}
    return Computation(**values | {"state": State.RUNNING, "as_of": found.as_of or now})


def task_of(found: Computation) -> Task:
    """The task of its steps."""
    return Task(found.emp_id, found.parameters, found.as_of or found.requested_at)


def lock_step(connection: sa.Connection, its_id: str, steps: int) -> bool:
    """Lock a computation whose step number `steps` is not stored; False if it is, or if it was deleted."""
    this = computations.c.id == its_id, computations.c.steps == steps, UNDER_WAY
    return connection.scalar(sa.select(computations.c.id).where(*this).with_for_update()) is not None


def keep_step(connection: sa.Connection, its_id: str, steps: int, progress: Progress, now: datetime) -> bool:
    """Store the result of step number `steps`; False if it is stored already, or its computation deleted."""
    ended = progress.place is None
    values: dict[str, Any] = {
        "steps": steps + 1,
        "done": min(progress.done, progress.total),
        "total": progress.total,
        "place": b"" if progress.place is None else _pack(progress.place),
        "next_at": now,  # other computations come first now
    }
    if ended:
        values |= {"state": State.DONE, "finished_at": now, "result": _pack(progress.result or {})}
    this = computations.c.id == its_id, computations.c.steps == steps, UNDER_WAY
    if connection.execute(sa.update(computations).where(*this).values(values)).rowcount != 1:
        return False
    if progress.part:
        part = {"computation_id": its_id, "number": steps, "content": progress.part}
        connection.execute(sa.insert(computation_parts).values(part))
    if ended:
        _delete_older(connection, its_id)
    return True


def _delete_older(connection: sa.Connection, its_id: str) -> None:
    """Delete earlier results of the same computation. Files stay, because a client may be reading them."""
    older, this, parts = computations.alias(), computations.c, computation_parts.c
    same = older.c.emp_id == this.emp_id, older.c.kind == this.kind, older.c.digest == this.digest
    ids = sa.select(older.c.id).where(
        *same, this.id == its_id, older.c.id != its_id, older.c.finished_at.is_not(None)
    )
    with_file = sa.exists().where(parts.computation_id == computations.c.id)
    found = list(connection.scalars(ids))
    if found:
        connection.execute(sa.delete(computations).where(this.id.in_(found), ~with_file))


def fail(connection: sa.Connection, its_id: str, error: str, now: datetime) -> None:
    """End a computation with an error. The error must not contain personal data."""
    this = computations.c.id == its_id, UNDER_WAY
    values = {"state": State.FAILED, "finished_at": now, "error": error, "place": b""}
    connection.execute(sa.update(computations).where(*this).values(values))


def read_parts(database: Database, its_id: str) -> Iterator[bytes]:
    """The pieces of a file, read in groups, each on a new connection. Raises LookupError if one was deleted.

    The computation may be deleted while a slow client reads.
    """
    parts, after = computation_parts.c, -1
    with database.read() as connection:
        whole = connection.scalar(
            sa.select(sa.func.count()).select_from(computation_parts).where(parts.computation_id == its_id)
        )
    left = whole or 0
    while left:
        query = sa.select(parts.number, parts.content).where(
            parts.computation_id == its_id, parts.number > after
        )
        with database.read() as connection:
            rows = connection.execute(query.order_by(parts.number).limit(PARTS_AT_ONCE)).all()
        left -= len(rows)
        if not rows or left < 0:
            raise LookupError("the file was deleted meanwhile")
        after = rows[-1].number
        for row in rows:
            yield zlib.decompress(row.content)


def delete_some(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    """Delete a computation or some of its pieces; returns the number of rows, 0 if none is left.

    Pieces are deleted first. A piece that a step adds meanwhile is deleted by the next call.
    """
    its_id = connection.scalar(sa.select(computations.c.id).where(which).limit(1))
    if its_id is None:
        return 0
    parts = computation_parts.c
    numbers = list(
        connection.scalars(sa.select(parts.number).where(parts.computation_id == its_id).limit(PARTS_AT_ONCE))
    )
    if numbers:
        these = parts.computation_id == its_id, parts.number.in_(numbers)
        return connection.execute(sa.delete(computation_parts).where(*these)).rowcount
    return connection.execute(sa.delete(computations).where(computations.c.id == its_id)).rowcount


def compress(text: str) -> bytes:
    """A piece of a file, compressed for storage."""
    return zlib.compress(text.encode(), 1)


def _read(row: Any) -> Computation:
    values = {name: getattr(row, name) for name in Computation.__slots__}
    return Computation(**values | {"parameters": json.loads(row.parameters), "state": State(row.state)})


def _dump(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _pack(content: Mapping[str, Any]) -> bytes:
    return zlib.compress(_dump(content), 1)


def _unpack(packed: bytes) -> Json:
    if not packed:
        return {}
    content: Json = json.loads(zlib.decompress(packed))
    return content
