"""The coverage of an account: what its shops sold, what is known of it and how, and what the pixel missed."""

from datetime import UTC, date, datetime
from typing import Any

from pydantic import Field

from salepixel.report import use_cases
from salepixel.report.coverage import Seen
from salepixel.report.health import MOST_UNREAD, ShopHealth
from salepixel.shops.shop import State
from salepixel_plugin.access import principal
from salepixel_plugin.api.door import Output, blueprint
from salepixel_plugin.explanations import explain_pixel_problem
from salepixel_plugin.languages import ENGLISH
from salepixel_plugin.schemas import CoverageDays
from salepixel_plugin.services import services


class DayOut(Output):
    """The orders of a day (UTC)."""

    day: date
    in_shop: int | None = Field(description="As the shops say themselves; null where none was asked.")
    known: int = Field(description="Orders that have been processed: by_webhook + healed.")
    by_webhook: int = Field(description="Reported by a webhook or through the sales API.")
    healed: int = Field(description="Of these a webhook was lost; the poll of the shop found it.")
    missing: int | None = Field(
        description="In the shop, and not known here when the shop was last asked; null where none was asked."
    )
    seen: int = Field(description="Also seen by the pixel.")
    attributed: int = Field(description="Credited to a campaign, surely or likely.")


class SeenOut(Output):
    """How many orders of a kind the pixel has seen."""

    name: str | None = Field(description="Null where it is not known.")
    orders: int
    seen: int


class PixelProblemOut(Output):
    """Pixel hits that were ignored or partly unreadable."""

    reason: str
    hits: int
    ignored: int = Field(description="Of these; the others count, without what could not be read.")
    advice: str = Field(description="What it means and what to do, in English.")


class UnreadOut(Output):
    """An order that the shop has and that could not be read; it is asked for again every hour."""

    order: str
    number: str | None
    reason: str = Field(description="As it is counted by `GET /rejections`.")
    detail: str | None = Field(description="What the shop said.")
    since: datetime


class PolledOut(Output):
    """Whether a shop's orders reach us, and how far it was asked for them."""

    shop: str
    api_url: str
    state: State
    known_until: datetime | None = Field(
        description="All that changed until then is known; null: it was not asked yet."
    )
    missed_since: datetime | None = Field(
        description="Orders since then are missing, or may be, until what keeps them away is mended. "
        "Then they are asked for."
    )
    problem: str | None = Field(
        description="Why the last poll failed; it is tried again every five minutes. `app_inactive`, "
        "`permission_removed`, `token_refused`, or what the shop answered."
    )
    problem_since: datetime | None
    unread: list[UnreadOut] = Field(description=f"The newest {MOST_UNREAD} of the account.")


class CoverageOut(Output):
    """The coverage of an account."""

    days: list[DayOut] = Field(description="Newest first; days without orders are left out.")
    by_payment: list[SeenOut] = Field(description="By how the orders were paid, as the shop calls it.")
    by_browser: list[SeenOut] = Field(description="Of the orders whose click is known, by its browser.")
    pixel_problems: list[PixelProblemOut] = Field(description="Most hits first.")
    shops: list[PolledOut]


@blueprint.get("/accounts/<int:emp_id>/coverage")
@blueprint.input(CoverageDays, location="query", arg_name="asked")
@blueprint.output(CoverageOut)
@blueprint.doc(security="bearer")
def show_coverage(emp_id: int, asked: CoverageDays) -> dict[str, Any]:
    """Of the orders in the shop, how many are known, by which way, and how many the pixel saw."""
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
