"""Computations: results for large accounts that the worker computes, and their progress."""

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
    """A result that the worker computes. Call the same address again after `Retry-After` seconds."""

    computation: str
    kind: str
    state: Literal["queued", "running", "done", "failed"]
    done: int = Field(description="How many of `total` are done. `total` may be an estimate until the end.")
    total: int
    requested_at: datetime
    as_of: datetime | None = Field(description="Changes after this time may be missing from the result.")
    finished_at: datetime | None
    error: str | None = Field(
        description="Why the computation failed, for the operator. Call again to retry."
    )


ACCEPTED: dict[int | str, Any] = {
    202: {"description": "The worker computes it. Call the same address again after `Retry-After` seconds."},
    503: {"description": "The worker could not compute it. Call again after some minutes to retry."},
}
"""The additional responses of a call with a result that the worker may compute."""


@blueprint.get("/computations/<computation_id>")
@blueprint.output(ComputationOut)
@blueprint.doc(security="bearer")
def see_computed(computation_id: str) -> dict[str, Any]:
    """The progress of a computation. Results are kept for a day."""
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
