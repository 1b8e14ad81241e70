"""The coverage of an account: what its shops sold, what is known of it and how, and what the pixel missed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

import sqlalchemy as sa
from pydantic import Field, model_validator

from salepixel.accounts.store import Account
from salepixel.orders.unread import UnreadOrder, list_unread
from salepixel.report import coverage
from salepixel.report.coverage import DayCoverage, PixelProblem, Seen
from salepixel.shops import polls
from salepixel.shops import store as shops
from salepixel.shops.polls import Poll
from salepixel.shops.shop import Shop, State
from salepixel_plugin.access import see_account
from salepixel_plugin.api.door import Output, blueprint
from salepixel_plugin.api.paging import Days
from salepixel_plugin.explanations import explain_pixel_problem
from salepixel_plugin.languages import ENGLISH
from salepixel_plugin.saleor.codes import manifest_url
from salepixel_plugin.services import services

MOST_DAYS = 92
MOST_UNREAD = 20
"""Orders that could not be read, of one answer or page."""

_REFUSALS = ("app_inactive", "permission_removed", "token_refused")
SHOWN_DAYS = 14


class CoverageDays(Days):
    """Of which days (UTC), at most 92; nothing told: the last 14."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.ends(datetime.now(UTC).date())
        if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
            raise ValueError(f"`to` must not be before `from`, nor {MOST_DAYS} days or more after it")
        return self

    def ends(self, today: date) -> tuple[date, date]:
        """The first and the last day, those that were not told filled in."""
        last = self.to or today
        return self.since or last - timedelta(days=SHOWN_DAYS - 1), last


class DayOut(Output):
    """The orders of a day (UTC)."""

    day: date
    in_shop: int | None = Field(description="As the shops say themselves; null where none was asked.")
    known: int = Field(description="by_webhook + healed.")
    by_webhook: int = Field(description="Told by a webhook, or by the sales API.")
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
    """Pixel hits that were ignored, or of which something could not be read."""

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


@dataclass(frozen=True)
class ShopHealth:
    """Whether a shop's orders reach us. `poll` is None until it is first asked."""

    shop: Shop
    poll: Poll | None
    unread: list[UnreadOrder]
    manifest_url: str

    @property
    def cause(self) -> str:
        """What keeps its orders away: the name of its state or of its problem, empty for nothing."""
        if self.shop.state is not State.CONNECTED:
            return str(self.shop.state)
        problem = self.poll.problem if self.poll else ""
        return problem if problem in ("", *_REFUSALS) else "away"

    @property
    def missed_since(self) -> datetime | None:
        """Since when (UTC) orders are missing, or may be; None while nothing keeps them away."""
        shop, known_until = self.shop, self.poll.mark if self.poll else None
        since = {
            State.PAUSED: shop.paused_at,
            State.REMOVED: shop.removed_at,
            State.DISCONNECTED: shop.disconnected_at,
            State.INACTIVE: shop.app_status_at,
        }
        # Why a token is refused, webhooks stop as well; when that was, nobody said.
        return since.get(shop.state) or (known_until if self.cause not in ("", State.WAITING) else None)


@dataclass(frozen=True)
class Coverage:
    """The coverage of an account over some days, and how its shops are."""

    account: Account
    first: date
    last: date
    days: list[DayCoverage]
    by_payment: list[Seen]
    by_browser: list[Seen]
    pixel_problems: list[PixelProblem]
    shops: list[ShopHealth]


@blueprint.get("/accounts/<int:emp_id>/coverage")
@blueprint.input(CoverageDays, location="query", arg_name="asked")
@blueprint.output(CoverageOut)
@blueprint.doc(security="bearer")
def show_coverage(emp_id: int, asked: CoverageDays) -> dict[str, Any]:
    """Of the orders in the shop, how many are known, by which way, and how many the pixel saw."""
    found = read_coverage(emp_id, asked)
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


def read_coverage(emp_id: int, asked: CoverageDays) -> Coverage:
    """The coverage of an account that this request may see."""
    first, last = asked.ends(datetime.now(UTC).date())
    period = Days.model_validate({"from": first, "to": last}).period
    with services().database.read() as connection:
        return Coverage(
            see_account(connection, emp_id),
            first,
            last,
            coverage.coverage_by_day(connection, emp_id, period),
            coverage.seen_by_payment(connection, emp_id, period),
            coverage.seen_by_browser(connection, emp_id, period),
            coverage.pixel_problems(connection, emp_id, period),
            _list_health(connection, emp_id),
        )


def _list_health(connection: sa.Connection, emp_id: int) -> list[ShopHealth]:
    its_polls = {poll.shop.id: poll for poll in polls.list_polls(connection, emp_id)}
    its_unread = list_unread(connection, emp_id, MOST_UNREAD)
    return [
        ShopHealth(
            shop,
            its_polls.get(shop.id),
            [order for order in its_unread if order.shop_id == shop.id],
            manifest_url(services().settings.plugin_url, services().keys, shop.id),
        )
        for shop in shops.list_shops(connection, emp_id)
        if shop.platform == "saleor"
    ]


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
