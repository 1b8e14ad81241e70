"""Rejections: how many requests were refused, by day, source and reason."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from salepixel.orders import use_cases
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.services import services


class RejectionDays(BaseModel):
    """How many days."""

    model_config = ConfigDict(extra="ignore")
    days: int = Field(30, ge=1, le=366, description="The last days with rejections.")


class RejectionOut(Output):
    """The count of one reason at one source on one day (UTC)."""

    day: str = Field(examples=["2026-11-23"])
    source: str
    reason: str
    count: int


class RejectionsOut(Output):
    """Counts, newest day first."""

    rejections: list[RejectionOut]


@blueprint.get("/rejections")
@blueprint.input(RejectionDays, location="query", arg_name="asked")
@blueprint.output(RejectionsOut)
@blueprint.doc(security="bearer", responses={403: "Needs a key with all rights"})
def get_rejections(asked: RejectionDays) -> dict[str, Any]:
    """How many requests were refused, by day (UTC), source and reason."""
    with services().database.read() as connection:
        rows = use_cases.see_rejections(connection, principal(), asked.days)
    names = RejectionOut.model_fields
    return {"rejections": [dict(zip(names, row, strict=True)) for row in rows]}
