"""The coverage of an account: which orders are known, by which way, and which the pixel missed."""

from flask import Response, request
from pydantic import ValidationError

from salepixel_plugin.access import Refusal
from salepixel_plugin.api.coverage import MOST_DAYS, CoverageDays, read_coverage
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.door import blueprint, language, page

_BAD_DAYS = N_("These are not days. Write them as 2026-11-23, at most %(days)s of them, or leave them empty.")


@blueprint.get("/accounts/<int:emp_id>/coverage")
def show_coverage(emp_id: int) -> Response:
    """Day by day: in the shop, by webhook, healed, missing, seen by the pixel, attributed."""
    told = {name: text for name, text in request.args.items() if text}
    try:
        asked = CoverageDays.model_validate(told)
    except ValidationError:
        message = language().text(_BAD_DAYS, days=language().number(MOST_DAYS))
        raise Refusal(422, "bad_days", message) from None
    found = read_coverage(emp_id, asked)
    sums = {
        name: sum(getattr(day, name) or 0 for day in found.days)
        for name in ("in_shop", "by_webhook", "healed", "missing", "seen", "attributed", "known")
    }
    return page("coverage.html", found=found, sums=sums)
