"""Tracking health of an account: which orders arrived, how, and which the pixel missed."""

from datetime import timedelta

from flask import Response

from salepixel.accounts.use_cases import see_account
from salepixel.report import use_cases
from salepixel.report.coverage import DayCoverage
from salepixel.report.periods import Preset
from salepixel_plugin.access import principal
from salepixel_plugin.explanations import explain_pixel_problem
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.pages.periods import read_period
from salepixel_plugin.saleor.codes import manifest_url
from salepixel_plugin.schemas import MAX_PERIOD_DAYS
from salepixel_plugin.services import services


@blueprint.get("/accounts/<int:emp_id>/coverage")
def show_coverage(emp_id: int) -> Response:
    """Orders per day: in the shop, by webhook, fetched, missing, seen by the pixel, attributed."""
    here = services()
    with here.database.read() as connection:
        chosen = read_period(
            see_account(connection, principal(), emp_id), Preset.DAYS_28, longest=MAX_PERIOD_DAYS
        )
        first, last = chosen.range.first, chosen.range.last or chosen.today
        first = first or last - timedelta(days=MAX_PERIOD_DAYS - 1)
        found = use_cases.read_coverage(connection, principal(), emp_id, first, last)
    names = ("in_shop", "by_webhook", "by_poll", "missing", "seen", "attributed")
    problems = [(one, explain_pixel_problem(one.reason, language())) for one in found.pixel_problems]
    sums = {name: _sum_of(found.days, name) for name in names}
    manifests = {
        health.shop.id: manifest_url(here.settings.plugin_url, here.keys, health.shop.id)
        for health in found.shops
    }
    return page(
        "coverage.html",
        account=found.account,
        found=found,
        chosen=chosen,
        problems=problems,
        sums=sums,
        manifests=manifests,
    )


def _sum_of(days: list[DayCoverage], name: str) -> int | None:
    counts = [getattr(day, name) for day in days]
    # No sum if a day lacks this figure: a partial sum could not be compared with the other sums.
    return None if None in counts else sum(counts)
