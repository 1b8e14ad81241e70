"""The link map: a campaign's e-mail with a number at each link, and a list of what each link brought."""

from flask import Response, make_response

from salepixel.report import use_cases
from salepixel_plugin.access import principal
from salepixel_plugin.pages.blueprint import blueprint, policy_with
from salepixel_plugin.pages.campaigns import show_tab
from salepixel_plugin.services import services, tracking

# The e-mail is written by others. Without `allow-scripts` and `allow-same-origin` it can neither run scripts
# nor read our pages, even outside the frame. Its pictures are at outside addresses: not loaded.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "frame-ancestors 'self'; base-uri 'none'; sandbox"
)


@blueprint.get("/campaigns/<campaign_id>/map")
def show_link_map(campaign_id: str) -> Response:
    """The link map of a campaign."""
    with services().database.read() as connection:
        found = use_cases.read_link_map(connection, principal(), tracking(), campaign_id)
        most = max((one.counts.human_clicks for one in found.links), default=0)
        answer = show_tab(connection, found.campaign, "map", "link_map.html", links=found.links, most=most)
    answer.headers["Content-Security-Policy"] = policy_with("frame-src 'self'")
    return answer


@blueprint.get("/campaigns/<campaign_id>/map/mail")
def show_marked_mail(campaign_id: str) -> Response:
    """The e-mail with its markers, for the frame in the link map."""
    with services().database.read() as connection:
        found = use_cases.read_link_map(connection, principal(), tracking(), campaign_id)
    answer = make_response(found.page)
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Cache-Control"] = "no-store"
    return answer
