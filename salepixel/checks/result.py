"""The result of a check."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Whether a step is done, still to do, or broken."""

    DONE = "done"
    WAITING = "waiting"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check. `name`: of the check. `reason`: a key of sentences.SENTENCES.

    `words`: the values in its sentence; a time is aware UTC.
    """

    name: str
    state: State
    reason: str
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a request to the outside, or a browser, has found at `target`. `reason`: empty if all is well."""

    target: str
    reason: str
    at: datetime


def is_broken(results: Iterable[Result]) -> bool:
    """Whether anything is broken."""
    return any(result.state is State.BROKEN for result in results)
