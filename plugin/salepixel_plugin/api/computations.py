"""Computations: what the worker computes for large accounts, and how far it is."""

from datetime import datetime
from typing import Any, Literal

from flask import Response, jsonify, url_for
from pydantic import Field

from salepixel.computations.store import Computation
from salepixel.computations.use_cases import Computed, see_computation
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.computed import RETRY_SECONDS, computation_as_json
from salepixel_plugin.services import services


class ComputationOut(Output):
    """What the worker computes. Call the same address again after `Retry-After` seconds for the result."""

    computation: str
    kind: str
    state: Literal["queued", "running", "done", "failed"]
    done: int = Field(description="Of `total`, which may be an estimate until the end.")
    total: int
    requested_at: datetime
    as_of: datetime | None = Field(description="What happened later may not be in the result.")
    finished_at: datetime | None
    error: str | None = Field(description="Why it failed, for the operator. Another attempt is possible.")


ACCEPTED: dict[int | str, Any] = {
    202: {"description": "The worker computes it. Call the same address again after `Retry-After` seconds."},
    503: {"description": "The worker could not compute it. A call after some minutes tries again."},
}
"""The other responses of a call whose result the worker may compute."""


@blueprint.get("/computations/<computation_id>")
@blueprint.output(ComputationOut)
@blueprint.doc(security="bearer")
def see_computed(computation_id: str) -> dict[str, Any]:
    """How far a computation is. Results are kept for a day."""
    with services().database.read() as connection:
        return computation_as_json(see_computation(connection, principal(), computation_id))


def not_computed_yet(found: Computed[Any]) -> Response:
    """The response without a result: 202, or 503 if the worker failed."""
    computation = found.computation
    if computation is None:
        raise ValueError("there is a result, or a computation")
    answer = jsonify(computation_as_json(computation))
    answer.status_code = 202 if computation.is_under_way else 503
    answer.headers["Retry-After"] = str(RETRY_SECONDS if computation.is_under_way else 900)
    answer.headers["Location"] = _address(computation)
    return answer


def _address(computation: Computation) -> str:
    return url_for("api.see_computed", computation_id=computation.id)
