"""Tracking health of an account: orders in its shops, how they arrived, and what the pixel missed."""

from datetime import UTC, date, datetime
from typing import Any

from pydantic import Field

from salepixel.report import use_cases
from salepixel.report.coverage import Seen
from salepixel.report.health import MAX_UNREAD, ShopHealth
from salepixel.shops.shop import State
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.explanations import explain_pixel_problem
from salepixel_plugin.languages import ENGLISH
from salepixel_plugin.schemas import CoverageDays
from salepixel_plugin.services import services


class DayOut(Output):
    """The orders of a day (UTC)."""

    day: date
    in_shop: int | None = Field(description="The number that the shops report; null if no shop was polled.")
    known: int = Field(description="Orders that were processed here: by_webhook + by_poll.")
    by_webhook: int = Field(description="Reported by a webhook or through the sales API.")
    by_poll: int = Field(description="Orders that the webhooks missed and a poll of the shop found.")
    missing: int | None = Field(
        description="Orders in the shop that were not here at the last poll; null if no shop was polled."
    )
    seen: int = Field(description="Orders that the pixel also saw.")
    attributed: int = Field(description="Orders that are attributed, or likely.")


class SeenOut(Output):
    """How many orders of a group the pixel saw."""

    name: str | None = Field(description="Null if unknown.")
    orders: int
    seen: int


class PixelProblemOut(Output):
    """Pixel hits that were ignored or partly unreadable."""

    reason: str
    hits: int
    ignored: int = Field(
        description="How many of them were ignored. The others count, without the unreadable values."
    )
    advice: str = Field(description="What it means and what to do, in English.")


class UnreadOut(Output):
    """An order in the shop that could not be read. It is requested again every hour."""

    order: str
    number: str | None
    reason: str = Field(description="The reason as in `GET /rejections`.")
    detail: str | None = Field(description="The shop's error message.")
    since: datetime


class PolledOut(Output):
    """Whether a shop's orders arrive here, and until when they were fetched."""

    shop: str
    api_url: str
    state: State
    known_until: datetime | None = Field(
        description="All changes until then were fetched; null if the shop was not polled yet."
    )
    missed_since: datetime | None = Field(
        description="Orders since then may be missing. They are fetched when the problem is solved."
    )
    problem: str | None = Field(
        description="Why the last poll failed: `app_inactive`, `permission_removed`, `token_refused`, or the "
        "shop's answer. The shop is polled again every five minutes."
    )
    problem_since: datetime | None
    unread: list[UnreadOut] = Field(description=f"The newest {MAX_UNREAD} unreadable orders of the account.")


class CoverageOut(Output):
    """Tracking health of an account."""

    days: list[DayOut] = Field(description="Newest first, without days that have no orders.")
    by_payment: list[SeenOut] = Field(description="Orders by the shop's name for the payment method.")
    by_browser: list[SeenOut] = Field(description="Orders with a known click, by the browser of the click.")
    pixel_problems: list[PixelProblemOut] = Field(description="Most hits first.")
    shops: list[PolledOut]


@blueprint.get("/accounts/<int:emp_id>/coverage")
@blueprint.input(CoverageDays, location="query", arg_name="asked")
@blueprint.output(CoverageOut)
@blueprint.doc(security="bearer")
def show_coverage(emp_id: int, asked: CoverageDays) -> dict[str, Any]:
    """The orders in the shop by day: how many arrived here, how, and how many the pixel saw."""
    first, last = asked.ends(datetime.now(UTC).date())
    with services().database.read() as connection:
        found = use_cases.read_coverage(connection, principal(), emp_id, first, last)
    return {
        "days": [{name: getattr(day, name) for name in DayOut.model_fields} for day in found.days],
        "by_payment": [_seen_as_json(one) for one in found.by_payment],
        "by_browser": [_seen_as_json(one) for one in found.by_browser],
        "pixel_problems": [
            {
                "reason": one.reason,
                "hits": one.hits,
                "ignored": one.ignored,
                "advice": explain_pixel_problem(one.reason, ENGLISH),
            }
            for one in found.pixel_problems
        ],
        "shops": [_health_as_json(health) for health in found.shops],
    }


def _health_as_json(health: ShopHealth) -> dict[str, Any]:
    poll = health.poll
    return {
        "shop": health.shop.id,
        "api_url": health.shop.api_url,
        "state": health.shop.state,
        "known_until": poll.mark if poll else None,
        "missed_since": health.missed_since,
        "problem": (poll.problem or None) if poll else None,
        "problem_since": poll.problem_since if poll else None,
        "unread": [
            {
                "order": order.order_id,
                "number": order.number or None,
                "reason": order.reason,
                "detail": order.detail or None,
                "since": order.since,
            }
            for order in health.unread
        ],
    }


def _seen_as_json(one: Seen) -> dict[str, Any]:
    return {"name": one.name or None, "orders": one.orders, "seen": one.seen}
