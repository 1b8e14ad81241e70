"""Model comparison: the credit that each model gives to each campaign of an account."""

from datetime import UTC, datetime

from flask import Response

from salepixel.accounts.use_cases import see_account
from salepixel.report import use_cases
from salepixel.report.periods import Preset
from salepixel_plugin.access import principal
from salepixel_plugin.computed import ask, tools
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, page
from salepixel_plugin.pages.periods import read_period
from salepixel_plugin.schemas import MAX_DAYS
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


@blueprint.get("/accounts/<int:emp_id>/models")
def compare_models(emp_id: int) -> Response:
    """The credit that each model gives to each campaign, in the period of the query."""
    now = datetime.now(UTC)
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    chosen = read_period(account, Preset.DAYS_90, longest=MAX_DAYS)
    period = chosen.range.period
    found = ask(
        lambda connection: use_cases.compare_models(
            connection, principal(), emp_id, period.since, period.until, tools(), now
        )
    )
    return page(
        "models.html",
        account=account,
        chosen=chosen,
        computed=found,
        compared=found.result,
        titles=NAMES,
    )
