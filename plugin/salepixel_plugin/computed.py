"""Results that the worker computes: returns the last result at once, and requests a newer one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import sqlalchemy as sa

from salepixel.computations.store import Computation
from salepixel.computations.use_cases import Computed, request_computation
from salepixel.computations.work import Tools
from salepixel.money.rates import Rates
from salepixel.reading.times import rfc3339
from salepixel.report import use_cases
from salepixel.report.lift import Measured
from salepixel.wire import jobs
from salepixel_plugin.access import principal
from salepixel_plugin.services import services

RETRY_SECONDS = 2
"""The pause before a program should call again, and before a page reloads itself."""

T = TypeVar("T")


def tools() -> Tools:
    """The services that computations need besides the database."""
    here = services()
    return Tools(here.clicks, Rates(here.settings.data))


def ask(read: Callable[[sa.Connection], Computed[T]]) -> Computed[T]:
    """Run a use case, request the computation that it wants, and notify the worker; returns what it found."""
    with services().database.read() as connection:
        found = read(connection)
    return follow(found)


def follow(found: Computed[T]) -> Computed[T]:
    """The same for a result that a use case has already returned."""
    here = services()
    if found.wanted is not None:
        with here.database.write() as connection:
            requested = request_computation(connection, principal(), found.wanted, datetime.now(UTC))
        found = replace(found, computation=requested)
    if found.computation is not None and found.computation.is_under_way:
        here.job_queue.enqueue_once(jobs.COMPUTE)
    return found


def ask_lift(campaign_id: str) -> Computed[Measured]:
    """The lift of a campaign."""
    now = datetime.now(UTC)
    return ask(
        lambda connection: use_cases.measure_lift(connection, principal(), campaign_id, tools(), now)[1]
    )


def computation_as_json(found: Computation) -> dict[str, object]:
    """The state of a computation, for programs."""
    return {
        "computation": found.id,
        "kind": found.kind,
        "state": str(found.state),
        "done": found.done,
        "total": found.total,
        "requested_at": rfc3339(found.requested_at),
        "as_of": found.as_of and rfc3339(found.as_of),
        "finished_at": found.finished_at and rfc3339(found.finished_at),
        "error": found.error or None,
    }
