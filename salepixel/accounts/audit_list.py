"""Reads the audit list: a page of it, for owners."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.accounts.audit import Action
from salepixel.accounts.principal import ActorKind
from salepixel.storage.schema import audit

Place = tuple[datetime, str]
"""The position of an entry: its time and id."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: see Principal.actor. `name`: as it was; may be empty."""

    kind: ActorKind
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the list. `changes`: field -> its value before and after, as JSON values."""

    id: str
    emp_id: int
    at: datetime
    actor: Actor
    action: Action
    subject_id: str
    subject: str
    changes: Mapping[str, Sequence[Any]]

    @property
    def place(self) -> Place:
        """Its position."""
        return self.at, self.id

    @property
    def subject_kind(self) -> str:
        """What kind of thing was changed."""
        return self.action.partition(".")[0]


class Filter(NamedTuple):
    """Which entries. `since` and `until`: the first moment, and the first one after the last (aware)."""

    actor_kind: ActorKind | None = None
    actor_id: str = ""
    action: Action | None = None
    since: datetime | None = None
    until: datetime | None = None


class Step(NamedTuple):
    """Where a page begins: before (`newer` is false) or after a place."""

    place: Place
    newer: bool


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first, and where the pages beside this one begin; None: there are none."""

    entries: list[Entry]
    newer: Place | None
    older: Place | None


def list_audit(
    connection: sa.Connection, emp_id: int, wanted: Filter, step: Step | None, limit: int
) -> AuditPage:
    """A page of the list of an account, or of the installation (EVERYWHERE)."""
    newer = step is not None and step.newer
    place = sa.tuple_(audit.c.at, audit.c.id)
    query = sa.select(audit).where(audit.c.emp_id == emp_id, *_conditions(wanted))
    if step is not None:
        query = query.where(place > step.place if newer else place < step.place)
    columns = (audit.c.at, audit.c.id)
    query = query.order_by(*(one if newer else one.desc() for one in columns)).limit(limit + 1)
    found = [_entry(row) for row in connection.execute(query)]
    shown, more = found[:limit], len(found) > limit
    last = shown[-1].place if more else None
    first = shown[0].place if shown else step.place if step else None
    if newer:
        return AuditPage(shown[::-1], last, first)
    return AuditPage(shown, first if step else None, last)


def list_ended(connection: sa.Connection, emp_id: int, until: datetime, limit: int) -> list[str]:
    """The ids of the oldest entries before a time (aware)."""
    its = audit.c.emp_id == emp_id, audit.c.at < until
    query = sa.select(audit.c.id).where(*its).order_by(audit.c.at, audit.c.id).limit(limit)
    return list(connection.scalars(query))


def end_audit(connection: sa.Connection, emp_id: int, until: datetime, limit: int) -> int:
    """Delete the oldest entries before a time (aware); returns how many, at most `limit`."""
    ended = list_ended(connection, emp_id, until, limit)
    connection.execute(sa.delete(audit).where(audit.c.id.in_(ended)))
    return len(ended)


def _conditions(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    found = []
    if wanted.actor_kind is not None:
        found += [audit.c.actor_kind == wanted.actor_kind, audit.c.actor_id == wanted.actor_id]
    if wanted.action is not None:
        found.append(audit.c.action == wanted.action)
    if wanted.since is not None:
        found.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(audit.c.at < wanted.until)
    return found


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        row.id,
        row.emp_id,
        row.at,
        Actor(ActorKind(row.actor_kind), row.actor_id, row.actor),
        Action(row.action),
        row.subject_id,
        row.subject,
        json.loads(row.changes),
    )
