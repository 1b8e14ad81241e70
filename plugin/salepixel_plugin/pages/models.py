"""Model comparison: the credit that each model gives to each campaign of an account."""

from datetime import UTC, datetime

from flask import Response, request
from pydantic import ValidationError

from salepixel.accounts.use_cases import see_account
from salepixel.report import use_cases
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.computed import ask, tools
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, page
from salepixel_plugin.paging import Days
from salepixel_plugin.schemas import ModelsPeriod
from salepixel_plugin.services import services

NAMES = {
    "last": N_("Last click"),
    "first": N_("First click"),
    "linear": N_("Linear"),
    "position": N_("Position-based 40/20/40"),
    "decay": N_("Time decay"),
    "shapley": N_("Shapley"),
    "markov": N_("Markov"),
}

_BAD_PERIOD = N_("Enter dates such as 2026-11-23, with From not later than To and at most 366 days.")


@blueprint.get("/accounts/<int:emp_id>/models")
def compare_models(emp_id: int) -> Response:
    """The credit that each model gives to each campaign, in the period of the query."""
    period = _period()
    found = ask(
        lambda connection: use_cases.compare_models(
            connection, principal(), emp_id, period.first, period.last, tools(), datetime.now(UTC)
        )
    )
    first, last = period.ends(datetime.now(UTC))
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    return page(
        "models.html",
        account=account,
        first=found.result.first if found.result else first,
        last=found.result.last if found.result else last,
        computed=found,
        compared=found.result,
        titles=NAMES,
        asked=request.args,
    )


def _period() -> ModelsPeriod:
    """The days in UTC, `to` included."""
    given = {name: text for name, text in request.args.items() if text}
    try:
        days = Days.model_validate(given).period
        return ModelsPeriod.model_validate({"from": days.since, "to": days.until})
    except ValidationError:
        raise Refusal(422, "bad_period", _BAD_PERIOD) from None
