"""Tracking health of an account: which orders arrived, how, and which the pixel missed."""

from datetime import UTC, datetime

from flask import Response, request
from pydantic import ValidationError

from salepixel.report import use_cases
from salepixel.report.coverage import DayCoverage
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.explanations import explain_pixel_problem
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.saleor.codes import manifest_url
from salepixel_plugin.schemas import MAX_PERIOD_DAYS, CoverageDays
from salepixel_plugin.services import services

_BAD_DAYS = N_(
    "Enter dates such as 2026-11-23, with From not later than To and at most %(days)s days, "
    "or leave both empty."
)


@blueprint.get("/accounts/<int:emp_id>/coverage")
def show_coverage(emp_id: int) -> Response:
    """Orders per day: in the shop, by webhook, fetched, missing, seen by the pixel, attributed."""
    chosen = {name: text for name, text in request.args.items() if text}
    try:
        asked = CoverageDays.model_validate(chosen)
    except ValidationError:
        message = language().text(_BAD_DAYS, days=language().number(MAX_PERIOD_DAYS))
        raise Refusal(422, "bad_days", message) from None
    first, last = asked.ends(datetime.now(UTC).date())
    here = services()
    with here.database.read() as connection:
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
        problems=problems,
        sums=sums,
        manifests=manifests,
    )


def _sum_of(days: list[DayCoverage], name: str) -> int | None:
    counts = [getattr(day, name) for day in days]
    # No sum if a day lacks this figure: a partial sum could not be compared with the other sums.
    return None if None in counts else sum(counts)
