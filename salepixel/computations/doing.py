"""One step of a stored computation, by a worker or by the command line."""

from collections.abc import Mapping
from datetime import UTC, datetime

from salepixel.computations import store
from salepixel.computations.store import Computation
from salepixel.computations.work import Progress, Step, Tools, WritingStep
from salepixel.storage.database import Database

Kinds = Mapping[str, Step | WritingStep]
"""The function that does a step, by the kind of the computation."""


class StepFailed(Exception):
    """A step raised its `__cause__`, and nothing was stored."""

    def __init__(self, computation: Computation) -> None:
        self.computation = computation
        super().__init__(computation.id)


def do_step(database: Database, tools: Tools, kinds: Kinds, only: str | None = None) -> bool:
    """Do one step of the next computation, or of `only` one; False if there is none. Raises StepFailed."""
    with database.write() as connection:
        claimed = store.claim(connection, datetime.now(UTC), only)
    if claimed is None:
        return False
    found, place = claimed
    try:
        # Read without the writer's lock. If another worker did this step meanwhile, nothing is stored.
        with database.read() as connection:
            made = kinds[found.kind](connection, tools, store.task_of(found), place)
        with database.write() as connection:
            if not isinstance(made, Progress):
                if not store.lock_step(connection, found.id, found.steps):
                    return True
                made = made(connection)
            store.keep_step(connection, found.id, found.steps, made, datetime.now(UTC))
    except Exception as error:
        raise StepFailed(found) from error
    return True
