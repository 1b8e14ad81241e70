"""Tracking health of an account: which orders arrived, how, and which the pixel missed."""

from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Response, redirect, url_for

from salepixel.accounts.principal import Change
from salepixel.accounts.use_cases import see_account
from salepixel.report import use_cases
from salepixel.report.coverage import DayCoverage
from salepixel.report.periods import Preset
from salepixel.shops.use_cases import edit_shop
from salepixel.watch.use_cases import see_watch
from salepixel_plugin.access import principal
from salepixel_plugin.explanations import explain_pixel_problem
from salepixel_plugin.pages.alerts import KINDS
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.pages.periods import read_period
from salepixel_plugin.saleor.codes import manifest_url
from salepixel_plugin.schemas import MAX_PERIOD_DAYS
from salepixel_plugin.services import services, writing


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
        watched = see_watch(connection, principal(), emp_id)
    names = ("in_shop", "by_webhook", "by_poll", "missing", "seen", "attributed")
    problems = [(one, explain_pixel_problem(one.reason, language())) for one in found.pixel_problems]
    sums = {name: _sum_of(found.days, name) for name in names}
    manifests = {
        health.shop.id: manifest_url(here.settings.plugin_url, here.keys, health.shop.id)
        for health in found.shops
        if principal().may_change(emp_id, Change.ACCESS)
    }
    return page(
        "coverage.html",
        account=found.account,
        found=found,
        chosen=chosen,
        problems=problems,
        sums=sums,
        manifests=manifests,
        watched=watched,
        kinds=KINDS,
    )


@blueprint.post("/accounts/<int:emp_id>/shops/<shop_id>/resume")
def resume_shop(emp_id: int, shop_id: str) -> Response:
    """End the pause of a shop: its orders are fetched, and arrive again."""
    with writing() as connection:
        edit_shop(connection, principal(), shop_id, datetime.now(UTC), paused=False)
    return cast(Response, redirect(url_for("pages.show_coverage", emp_id=emp_id), 303))


def _sum_of(days: list[DayCoverage], name: str) -> int | None:
    counts = [getattr(day, name) for day in days]
    # No sum if a day lacks this figure: a partial sum could not be compared with the other sums.
    return None if None in counts else sum(counts)
