"""The models side by side: what each credits every campaign of an account with."""

from flask import Response, request
from pydantic import ValidationError

from salepixel_plugin.access import Refusal
from salepixel_plugin.api.models import Period, compare
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.door import blueprint, page

NAMES = {
    "last": N_("Last click"),
    "first": N_("First click"),
    "linear": N_("Linear"),
    "position": N_("Position 40/20/40"),
    "decay": N_("Time decay"),
    "shapley": N_("Shapley"),
    "markov": N_("Markov"),
}

_BAD_PERIOD = N_(
    "This period cannot be read. Write dates such as 2026-11-23, the first one first, at most 366 days apart."
)


@blueprint.get("/accounts/<int:emp_id>/models")
def compare_models(emp_id: int) -> Response:
    """What each model credits every campaign with, in a period that the query names."""
    compared = compare(emp_id, _period())
    return page("models.html", compared=compared, titles=NAMES, asked=request.args)


def _period() -> Period:
    """Days stand for their midnight in UTC; `to` is the first day that is not in it any more."""
    told = {name: request.args[name].strip() for name in ("from", "to") if request.args.get(name)}
    times = {name: f"{text}T00:00:00Z" if len(text) == 10 else text for name, text in told.items()}
    try:
        return Period.model_validate_strings(times)
    except ValidationError:
        raise Refusal(422, "bad_period", _BAD_PERIOD) from None
