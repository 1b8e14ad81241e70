"""How long an account keeps each kind of data."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from salepixel.privacy import use_cases
from salepixel.privacy.retention import Kept
from salepixel.privacy.use_cases import Period
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import UNSET
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class RetentionChange(Input):
    """The days to keep each kind of data, null for ever. Kinds that are not sent stay the same."""

    deliveries: int | None = Field(UNSET, description="Messages from the shop and calls of the sales API.")
    forwards: int | None = Field(UNSET, description="The URLs of forwards that were sent.")
    ignored_hits: int | None = Field(UNSET, description="Pixel hits that did not count.")
    bot_clicks: int | None = Field(UNSET)
    clicks: int | None = Field(UNSET, description="Clicks, and pixel hits that count.")
    contacts: int | None = Field(
        UNSET, description="Contacts without a click, an order or an upload. Kept at least as long as clicks."
    )
    audit: int | None = Field(UNSET, description="The audit list.")


class PeriodOut(Output):
    """How long a kind of data is kept."""

    days: int | None = Field(description="Null: for ever.")
    least_days: int = Field(description="The fewest days that can be set.")


class RetentionOut(Output):
    """How long an account keeps each kind of data."""

    deliveries: PeriodOut
    forwards: PeriodOut
    ignored_hits: PeriodOut
    bot_clicks: PeriodOut
    clicks: PeriodOut
    contacts: PeriodOut
    audit: PeriodOut


@blueprint.get("/accounts/<int:emp_id>/retention")
@blueprint.output(RetentionOut)
@blueprint.doc(security="bearer")
def see_retention(emp_id: int) -> dict[str, Any]:
    """How long an account keeps each kind of data."""
    with services().database.read() as connection:
        return _as_json(use_cases.see_retention(connection, principal(), emp_id))


@blueprint.patch("/accounts/<int:emp_id>/retention")
@blueprint.input(RetentionChange, arg_name="change")
@blueprint.output(RetentionOut)
@blueprint.doc(security="bearer")
def change_retention(emp_id: int, change: RetentionChange) -> dict[str, Any]:
    """Change how long data is kept. The worker deletes older data, and it does not come back."""
    days = {Kept(kind): number for kind, number in change.model_dump(exclude_unset=True).items()}
    with services().database.write() as connection:
        return _as_json(use_cases.change_retention(connection, principal(), emp_id, days))


def _as_json(periods: Mapping[Kept, Period]) -> dict[str, Any]:
    return {str(kind): period._asdict() for kind, period in periods.items()}
