"""The contract of a kind of computation: a function that does one step.

A step reads for some dozens of milliseconds; it returns its result and the place where the next step begins.
So a computation keeps no long read open, delays an order by at most one step, and resumes after a crash.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.clicks.tokens import ClickSealer
from salepixel.money.rates import Rates

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A task: the orders and clicks up to a time (UTC), with the settings of that time."""

    emp_id: int
    parameters: Mapping[str, Any]
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """The result of one step.

    `place`: where the next step begins; None: this was the last one. `done` of `total`, which may be an
    estimate. `part`: the next piece of a file. `result`: of the last step.
    """

    place: Json | None
    done: int
    total: int
    part: bytes = b""
    result: Json | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """The services that steps need besides the database."""

    sealer: ClickSealer
    rates: Rates


Writing = Callable[[sa.Connection], Progress]
"""Stores what a step has read, in the transaction that stores its progress; so it is stored once."""

WritingStep = Callable[[sa.Connection, Tools, Task, Json], Writing]
"""A step that also stores data. It reads as a Step does."""

Step = Callable[[sa.Connection, Tools, Task, Json], Progress]
"""Does one step from a place; {} is the beginning. It only reads, and is repeatable."""


def all_steps(connection: sa.Connection, tools: Tools, step: Step, task: Task) -> Iterator[Progress]:
    """All steps at once, for a small task."""
    place: Json | None = {}
    while place is not None:
        progress = step(connection, tools, task, place)
        place = progress.place
        yield progress


def compute(connection: sa.Connection, tools: Tools, step: Step, task: Task) -> Json:
    """The result of all steps."""
    *_, last = all_steps(connection, tools, step, task)
    return last.result or {}
