"""What happens in an account right now, and trials of the whole way from a click to an order."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from salepixel.accounts.use_cases import see_account
from salepixel.campaigns.links import Link, edge_url, tracked_url
from salepixel.clicks.tokens import Verdict
from salepixel.live.newest import LiveClick, LiveHit
from salepixel.live.trial import new_reference
from salepixel.live.use_cases import begin_trial, follow_trial, read_live
from salepixel.orders.outcome import Outcome
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.api.orders import ListedOrderOut, listed_as_json
from salepixel_plugin.fields import Id, Money, Url
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, tracking, writing


class Newest(BaseModel):
    """How many of each."""

    model_config = ConfigDict(extra="ignore")
    limit: int = Field(20, ge=1, le=100, description="The clicks, hits, deliveries and orders, of each.")


class LiveClickOut(Output):
    """A click."""

    clicked_at: datetime
    campaign: Id
    link: str = Field(description="The link's label, or its address.")
    contact: str | None = Field(description="Null if unknown, or if the API key may not see contacts.")
    verdict: Verdict
    reasons: list[str]
    sale_pixel: bool = Field(description="True: its link is a sales link.")


class LiveHitOut(Output):
    """A pixel hit."""

    hit_at: datetime
    order: str
    product: str
    amount: Money | None
    currency: str
    ignored: str = Field(description="Why it does not count; empty if it counts.")
    problem: str = Field(description="`ignored`, or the name of a value that could not be read.")
    has_click: bool = Field(description="True: it came with the cookie of a click.")


class LiveDeliveryOut(Output):
    """A verified delivery."""

    received_at: datetime
    shop: Id
    event: str
    unread: str = Field(description="Why no order was read from it; empty if one was.")
    order: str | None


class RejectionsOut(Output):
    """Rejected deliveries that name a shop of the account."""

    shop: Id
    reason: str
    count: int
    last_at: datetime


class LiveOut(Output):
    """What happened last, each list newest first."""

    clicks: list[LiveClickOut]
    hits: list[LiveHitOut]
    deliveries: list[LiveDeliveryOut]
    orders: list[ListedOrderOut]
    rejections: list[RejectionsOut]


class TrialIn(Input):
    """A trial: one click on a link to this page of the shop, then a purchase."""

    url: Url


class TrialLinkOut(Output):
    """The link of a trial."""

    trial: str
    url: str = Field(description="The tracked link to click.")


class TrialOut(Output):
    """What has arrived of a trial."""

    began_at: datetime
    click: LiveClickOut | None
    hits: list[LiveHitOut] = Field(description="With the cookie of the trial's click.")
    other_hits: list[LiveHitOut] = Field(description="Since the start, without it.")
    orders: list[ListedOrderOut] = Field(description="With the trial's click.")
    other_orders: list[ListedOrderOut] = Field(description="The newest since the start, without it.")
    outcome: Outcome | None = Field(description="Of the trial's order.")


@blueprint.get("/accounts/<int:emp_id>/live")
@blueprint.input(Newest, location="query", arg_name="asked")
@blueprint.output(LiveOut)
@blueprint.doc(security="bearer", responses={404: "No such account"})
def show_live(emp_id: int, asked: Newest) -> dict[str, Any]:
    """The newest clicks, pixel hits, deliveries and orders of an account, with what became of each."""
    with services().database.read() as connection:
        found = read_live(connection, principal(), emp_id, asked.limit)
    return {
        "clicks": [_click(click) for click in found.clicks],
        "hits": [_hit(hit) for hit in found.hits],
        "deliveries": [
            {
                "received_at": one.at,
                "shop": one.shop_id,
                "event": one.event,
                "unread": one.unread,
                "order": one.number or None,
            }
            for one in found.deliveries
        ],
        "orders": [listed_as_json(order) for order in found.orders],
        "rejections": [
            {"shop": one.shop_id, "reason": one.reason, "count": one.deliveries, "last_at": one.last_at}
            for one in found.rejections
        ],
    }


@blueprint.post("/accounts/<int:emp_id>/trials")
@blueprint.input(TrialIn, arg_name="wanted")
@blueprint.output(TrialLinkOut)
@blueprint.doc(security="bearer", responses={404: "No such account"})
def start_trial(emp_id: int, wanted: TrialIn) -> dict[str, Any]:
    """A tracked link to try the whole way. Its clicks and sales count for a campaign of their own."""
    here, now = services(), datetime.now(UTC)
    with writing(publishes=True) as connection:
        account = see_account(connection, principal(), emp_id)
        parameter = here.settings.click_parameter
        campaign, link = begin_trial(connection, principal(), emp_id, wanted.url, parameter, now)
    ref, sealed = new_reference(now), tracking().sealer.seal(Link(emp_id, campaign.id, link.id, link.url))
    return {
        "trial": ref,
        "url": tracked_url(edge_url(here.settings.edge_url, account.tracking_host), sealed, ref),
    }


@blueprint.get("/accounts/<int:emp_id>/trials/<trial>")
@blueprint.output(TrialOut)
@blueprint.doc(security="bearer", responses={404: "No such account or trial"})
def show_trial(emp_id: int, trial: str) -> dict[str, Any]:
    """What has arrived of a trial so far."""
    with services().database.read() as connection:
        _, found = follow_trial(connection, principal(), services().clicks, emp_id, trial)
    return {
        "began_at": found.began_at,
        "click": found.click and _click(found.click),
        "hits": [_hit(hit) for hit in found.hits],
        "other_hits": [_hit(hit) for hit in found.other_hits],
        "orders": [listed_as_json(order) for order in found.orders],
        "other_orders": [listed_as_json(order) for order in found.other_orders],
        "outcome": found.orders[0].outcome if found.orders else None,
    }


def _click(click: LiveClick) -> dict[str, Any]:
    return {
        "clicked_at": click.at,
        "campaign": click.campaign_id,
        "link": click.link,
        "contact": click.contact or None,
        "verdict": click.verdict,
        "reasons": list(click.reasons),
        "sale_pixel": click.sells,
    }


def _hit(hit: LiveHit) -> dict[str, Any]:
    return {
        "hit_at": hit.at,
        "order": hit.order_ref,
        "product": hit.product,
        "amount": None if hit.amount is None else f"{hit.amount:f}",
        "currency": hit.currency,
        "ignored": hit.ignored,
        "problem": hit.problem,
        "has_click": bool(hit.click_token),
    }
