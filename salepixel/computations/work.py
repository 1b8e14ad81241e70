"""The contract of a kind of computation: a function that does one step.

A step reads for some dozens of milliseconds and gives what it found and where the next one begins. So a
computation holds no reader open, delays an order by one step, and is resumed after a crash.
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
    """What to compute, as of a time (UTC): orders and clicks until then, and the settings of that time."""

    emp_id: int
    parameters: Mapping[str, Any]
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step found.

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
    """What steps may need besides the database."""

    sealer: ClickSealer
    rates: Rates


Step = Callable[[sa.Connection, Tools, Task, Json], Progress]
"""Does one step from a place; {} is the beginning. It only reads, and gives the same each time."""


def all_steps(connection: sa.Connection, tools: Tools, step: Step, task: Task) -> Iterator[Progress]:
    """All steps at once, for what is small."""
    place: Json | None = {}
    while place is not None:
        progress = step(connection, tools, task, place)
        place = progress.place
        yield progress


def compute(connection: sa.Connection, tools: Tools, step: Step, task: Task) -> Json:
    """The result of all steps."""
    *_, last = all_steps(connection, tools, step, task)
    return last.result or {}
