"""Losses: clicks and pixel hits that edges answered but could not record."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import Field

from salepixel.clicks import use_cases
from salepixel.clicks.losses import Loss
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.services import services


class LossOut(Output):
    """Clicks and pixel hits that are missing; their account and campaign are unknown."""

    count: int
    from_at: datetime = Field(alias="from")
    to_at: datetime = Field(alias="to")


class LossesOut(Output):
    """Losses, newest first. Losses less than an hour apart are merged."""

    losses: list[LossOut]


@blueprint.get("/losses")
@blueprint.output(LossesOut)
@blueprint.doc(security="bearer", responses={403: "Needs a key with all rights"})
def list_losses() -> dict[str, Any]:
    """Clicks and pixel hits that were answered but could not be recorded, of all accounts together."""
    with services().database.read() as connection:
        return {"losses": losses_as_json(use_cases.see_losses(connection, principal()))}


def losses_as_json(found: Iterable[Loss]) -> list[dict[str, Any]]:
    """Losses as JSON."""
    return [{"count": loss.count, "from": loss.from_at, "to": loss.to_at} for loss in found]
