"""Stored erasures: receipts without personal data, and the sealed work of unfinished erasures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.keys import Keys, Place, Sealed
from salepixel.storage.ids import new_id
from salepixel.storage.schema import erasures


@dataclass(frozen=True, slots=True)
class Erasure:
    """The receipt of an erasure. It does not name the person.

    `begun_at`, `ended_at`: UTC; `ended_at` is None until it has finished, or was closed with its `error`.
    `counts`: changed or deleted rows by table. `error`: why the last step failed, and `failed_at`: since when
    (UTC); the worker retries it.
    """

    id: str
    emp_id: int
    begun_at: datetime
    ended_at: datetime | None
    counts: Mapping[str, int]
    error: str = ""
    failed_at: datetime | None = None


Work = dict[str, Any]
"""The person and the progress. Stored encrypted, deleted when the erasure has finished."""


def add_erasure(connection: sa.Connection, keys: Keys, emp_id: int, work: Work, at: datetime) -> Erasure:
    """Begin an erasure."""
    erasure = Erasure(new_id(), emp_id, at, None, {})
    values = {"id": erasure.id, "emp_id": emp_id, "begun_at": at, "counts": "{}"}
    values["work"] = _seal(keys, erasure.id, work)
    connection.execute(sa.insert(erasures).values(values))
    return erasure


def take_work(connection: sa.Connection, keys: Keys, erasure_id: str) -> tuple[Erasure, Work] | None:
    """Lock an unfinished erasure until the transaction ends, and decrypt its work; None if it has finished.

    Raises BadSeal.
    """
    query = sa.select(erasures).where(erasures.c.id == erasure_id, erasures.c.ended_at.is_(None))
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        return None
    work: Work = json.loads(keys.open(_place(erasure_id), Sealed(row.work)))
    return _erasure(row), work


def keep_work(connection: sa.Connection, keys: Keys, erasure: Erasure, work: Work) -> None:
    """Store the progress of an erasure after a step that succeeded."""
    values = {"counts": json.dumps(dict(erasure.counts)), "work": _seal(keys, erasure.id, work)}
    succeeded = {"error": "", "failed_at": None}
    connection.execute(sa.update(erasures).where(erasures.c.id == erasure.id).values(values | succeeded))


def keep_error(connection: sa.Connection, erasure_id: str, error: str, at: datetime) -> None:
    """Store why an erasure does not continue. `error` must not name the person."""
    failing = erasures.c.id == erasure_id, erasures.c.ended_at.is_(None)
    since = sa.func.coalesce(erasures.c.failed_at, sa.literal(at, erasures.c.failed_at.type))
    values = {"error": error, "failed_at": since}
    connection.execute(sa.update(erasures).where(*failing).values(values))


def count_unfinished(connection: sa.Connection) -> tuple[int, int]:
    """How many erasures are in progress, and how many do not continue because of an error."""
    failed = sa.func.count().filter(erasures.c.error != "")
    unfinished = erasures.c.ended_at.is_(None)
    every, failing = connection.execute(sa.select(sa.func.count(), failed).where(unfinished)).one()
    return every - failing, failing


def end_erasure(connection: sa.Connection, erasure_id: str, at: datetime) -> None:
    """Mark an erasure finished, and delete its work, which names the person."""
    under_way = erasures.c.id == erasure_id, erasures.c.ended_at.is_(None)
    connection.execute(sa.update(erasures).where(*under_way).values(ended_at=at, work="", error=""))


def close_erasure(connection: sa.Connection, erasure_id: str, at: datetime) -> None:
    """End an erasure that cannot be finished, and delete its work. Its error stays."""
    unfinished = erasures.c.id == erasure_id, erasures.c.ended_at.is_(None)
    connection.execute(sa.update(erasures).where(*unfinished).values(ended_at=at, work=""))


def get_erasure(connection: sa.Connection, erasure_id: str) -> Erasure | None:
    """A receipt, or None."""
    row = connection.execute(sa.select(erasures).where(erasures.c.id == erasure_id)).first()
    return None if row is None else _erasure(row)


def list_erasures(connection: sa.Connection, emp_id: int, limit: int) -> list[Erasure]:
    """The receipts of an account, newest first."""
    query = sa.select(erasures).where(erasures.c.emp_id == emp_id)
    rows = connection.execute(query.order_by(erasures.c.begun_at.desc(), erasures.c.id).limit(limit))
    return [_erasure(row) for row in rows]


def erasures_under_way(connection: sa.Connection) -> list[str]:
    """The ids of unfinished erasures, oldest first."""
    query = sa.select(erasures.c.id).where(erasures.c.ended_at.is_(None))
    return list(connection.scalars(query.order_by(erasures.c.begun_at)))


def _erasure(row: sa.Row[Any]) -> Erasure:
    counts = json.loads(row.counts)
    return Erasure(row.id, row.emp_id, row.begun_at, row.ended_at, counts, row.error, row.failed_at)


def _seal(keys: Keys, erasure_id: str, work: Work) -> Sealed:
    return keys.seal(_place(erasure_id), json.dumps(work))


def _place(erasure_id: str) -> Place:
    return Place("erasures", erasure_id, "work")
