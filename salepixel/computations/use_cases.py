"""Requests for computations. Each use case takes a principal and raises Declined."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import sqlalchemy as sa

from salepixel.accounts.declined import Conflict, NotFound
from salepixel.accounts.principal import Principal
from salepixel.accounts.use_cases import see_account
from salepixel.computations import store
from salepixel.computations.store import Computation, State, Wanted
from salepixel.computations.work import Json

FRESH = timedelta(minutes=15)
"""The time for which a result is reused, and for which an error is shown before the next attempt."""

MOST_UNDER_WAY = 20
"""The most unfinished computations of an account, because each may need a large file on the disk."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Computed(Generic[T]):
    """The last result with its time (UTC), or None; and the next computation, unfinished or failed.

    `source`: the computation of the result; None if it was computed at once. `wanted`: what must be requested
    now, because the result is old, or there is none.
    """

    result: T | None
    as_of: datetime | None
    computation: Computation | None = None
    wanted: Wanted | None = None
    source: Computation | None = None


def find_result(
    connection: sa.Connection, principal: Principal, wanted: Wanted, read: Callable[[Json], T], now: datetime
) -> Computed[T]:
    """The last result of a computation, and whether a newer one is unfinished. Raises NotFound."""
    see_account(connection, principal, wanted.emp_id)
    newest = store.find_newest(connection, wanted)
    is_done = newest is not None and newest.state is State.DONE
    done = newest if is_done else store.find_done(connection, wanted)
    result = None if done is None else read(store.read_result(connection, done.id))
    as_of = None if done is None else done.as_of
    if newest is None or (newest.finished_at and newest.finished_at < now - FRESH):
        return Computed(result, as_of, wanted=wanted, source=done)
    return Computed(result, as_of, None if is_done else newest, source=done)


def request_computation(
    connection: sa.Connection, principal: Principal, wanted: Wanted, now: datetime
) -> Computation:
    """Queue a computation; returns the same unfinished one if there is one. Raises NotFound or Conflict."""
    see_account(connection, principal, wanted.emp_id)
    if store.count_under_way(connection, wanted.emp_id) >= MOST_UNDER_WAY:
        newest = store.find_newest(connection, wanted)
        if newest is None or not newest.is_under_way:
            raise Conflict("too_many_computations", count=MOST_UNDER_WAY)
        return newest
    return store.request(connection, wanted, now)


def see_computation(connection: sa.Connection, principal: Principal, its_id: str) -> Computation:
    """A computation. Raises NotFound."""
    found = store.get_computation(connection, its_id)
    if found is None or not principal.allows(found.emp_id):
        raise NotFound("computation")
    return found
