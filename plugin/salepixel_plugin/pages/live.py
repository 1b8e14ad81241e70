"""What happens in an account right now, and a trial that is followed from step to step.

Both pages ask for their rows again every few seconds with a short script, or reload themselves without it.
No request waits for something to happen: a stream would hold one of the few threads that answer shops
(docs/adr/0059-orders-and-live.md).
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from flask import Response, make_response, redirect, render_template, request, url_for
from pydantic import ValidationError

from salepixel.accounts.use_cases import see_account
from salepixel.campaigns.links import Link, edge_url, tracked_url
from salepixel.campaigns.store import links_of
from salepixel.live.trial import Trial, campaigns_of, new_reference
from salepixel.live.use_cases import Live, begin_trial, follow_trial, read_live
from salepixel_plugin import explanations
from salepixel_plugin.access import principal
from salepixel_plugin.fields import Url
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, with_script
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, tracking, writing

EACH = 20
"""The clicks, hits, deliveries and orders that are shown, of each."""

SECONDS = 4
"""Between two requests of one reader."""

MINUTES = 15
"""A page that nobody touched for so long no longer asks."""

_NO_SITE = N_("Enter the address of a page of your shop, such as https://shop.example/.")


class Event(NamedTuple):
    """Something that happened; `thing` is a value of report.live, or a ListedOrder."""

    at: datetime
    kind: str
    thing: Any


class _Site(Input):
    url: Url


@blueprint.get("/accounts/<int:emp_id>/live")
def show_live(emp_id: int) -> Response:
    """The newest clicks, pixel hits, deliveries and orders, with what became of each."""
    found = _read(emp_id)
    return _refreshing("live.html", **_live_values(found))


@blueprint.get("/accounts/<int:emp_id>/live/rows")
def show_live_rows(emp_id: int) -> Response:
    """The rows of `show_live` alone, for its script; 304 if they are the same as before."""
    found = _read(emp_id)
    return _rows("live_rows.html", found, _live_values(found))


@blueprint.get("/accounts/<int:emp_id>/trial")
def show_trials(emp_id: int) -> Response:
    """The form to begin a trial."""
    return _form(emp_id)


@blueprint.post("/accounts/<int:emp_id>/trial")
def start_trial(emp_id: int) -> Response:
    """Make the link of a trial, unless there is one, and go to the page that follows it."""
    now = datetime.now(UTC)
    try:
        url = _Site.model_validate({"url": request.form.get("url", "").strip()}).url
    except ValidationError:
        answer = _form(emp_id, request.form.get("url", ""), language().text(_NO_SITE))
        answer.status_code = 422
        return answer
    parameter = services().settings.click_parameter
    with writing(publishes=True) as connection:
        campaign, link = begin_trial(connection, principal(), emp_id, url, parameter, now)
    ref = new_reference(now)
    there = url_for("pages.show_trial", emp_id=emp_id, trial=ref, campaign=campaign.id, link=link.id)
    return cast(Response, redirect(there, 303))


@blueprint.get("/accounts/<int:emp_id>/trial/<trial>")
def show_trial(emp_id: int, trial: str) -> Response:
    """The steps of a trial, as far as they are done."""
    return _refreshing("trial.html", **_trial_values(emp_id, trial))


@blueprint.get("/accounts/<int:emp_id>/trial/<trial>/rows")
def show_trial_rows(emp_id: int, trial: str) -> Response:
    """The steps of `show_trial` alone, for its script."""
    values = _trial_values(emp_id, trial)
    return _rows("trial_rows.html", values["trial"], values)


def _form(emp_id: int, url: str = "", wrong: str = "") -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    site = f"https://{account.site}/" if account.site else ""
    return page("trial_new.html", account=account, url=url or site, wrong=wrong)


def _read(emp_id: int) -> Live:
    with services().database.read() as connection:
        return read_live(connection, principal(), emp_id, EACH)


def _live_values(found: Live) -> dict[str, Any]:
    events = [
        *(Event(click.at, "click", click) for click in found.clicks),
        *(Event(hit.at, "hit", hit) for hit in found.hits),
        *(Event(delivery.at, "delivery", delivery) for delivery in found.deliveries),
        *(Event(order.placed_at, "order", order) for order in found.orders),
    ]
    return {
        "account": found.account,
        "events": sorted(events, key=lambda event: event.at, reverse=True),
        "rejections": found.rejections,
        "shops": {shop.id: shop.name or shop.api_url or shop.platform for shop in found.shops},
        "contacts_hidden": found.contacts_hidden,
        "explain_hit": lambda reason: explanations.explain_pixel_problem(reason, language()),
        "rows_of": url_for("pages.show_live_rows", emp_id=found.account.emp_id),
    }


def _trial_values(emp_id: int, ref: str) -> dict[str, Any]:
    here, campaign_id, link_id = services(), request.args.get("campaign", ""), request.args.get("link", "")
    with here.database.read() as connection:
        account, found = follow_trial(connection, principal(), here.clicks, emp_id, ref)
        link = next(
            (
                link
                for campaign in campaigns_of(connection, emp_id)
                for link in links_of(connection, campaign.id)
                if (campaign.id, link.id) == (campaign_id, link_id)
            ),
            None,
        )
    address = ""
    if link is not None:
        sealed = tracking().sealer.seal(Link(emp_id, campaign_id, link_id, link.url))
        address = tracked_url(edge_url(here.settings.edge_url, account.tracking_host), sealed, ref)
    return {
        "account": account,
        "trial": found,
        "address": address,
        "is_late": datetime.now(UTC) - found.began_at > timedelta(minutes=2),
        "explain_hit": lambda reason: explanations.explain_pixel_problem(reason, language()),
        "rows_of": url_for(
            "pages.show_trial_rows", emp_id=emp_id, trial=ref, campaign=campaign_id, link=link_id
        ),
    }


def _refreshing(template: str, **values: Any) -> Response:
    """A page with the script that refreshes its rows; without script it reloads, if the reader wants that."""
    seconds = SECONDS if "still" not in request.args else 0
    answer = page(template, seconds=seconds, minutes=MINUTES, **values)
    answer.headers["Content-Security-Policy"] = f"{with_script()}; connect-src 'self'"
    return answer


def _rows(template: str, found: Live | Trial, values: dict[str, Any]) -> Response:
    """The rows of a page. Unchanged rows are answered with 304, without rendering them."""
    shown = repr((found, values.get("is_late"), language().code, datetime.now(UTC).date()))
    tag = f'"{hashlib.blake2b(shown.encode(), digest_size=12).hexdigest()}"'
    answer = make_response(("", 304))
    if request.headers.get("If-None-Match") != tag:
        answer = make_response(
            render_template(f"pages/{template}", language=language(), words=explanations, **values)
        )
    # Not an ETag: a compressed answer has other bytes, so it loses its ETag (compressed.py).
    answer.headers |= {"X-Rows": tag, "Cache-Control": "no-store"}
    return answer
