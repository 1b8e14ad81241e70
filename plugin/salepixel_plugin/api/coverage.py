"""The coverage of an account: what its shops sold, what is known of it and how, and what the pixel missed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from pydantic import Field, model_validator

from salepixel.storage import coverage, polls, shops
from salepixel.storage.accounts import Account
from salepixel.storage.coverage import DayCoverage, Seen
from salepixel.storage.polls import Poll
from salepixel_plugin.access import see_account
from salepixel_plugin.api.door import Output, blueprint
from salepixel_plugin.api.paging import Days
from salepixel_plugin.services import services

MOST_DAYS = 92
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
    missing: int = Field(description="In the shop, and not known here (yet).")
    seen: int = Field(description="Also seen by the pixel.")
    attributed: int = Field(description="Credited to a campaign, surely or likely.")


class SeenOut(Output):
    """How many orders of a kind the pixel has seen."""

    name: str | None = Field(description="Null where it is not known.")
    orders: int
    seen: int


class PolledOut(Output):
    """How far a shop was asked for its orders."""

    shop: str
    api_url: str
    known_until: datetime = Field(description="All that changed until then is known.")
    problem: str | None = Field(description="Why the last poll failed; it is tried again every five minutes.")
    problem_since: datetime | None


class CoverageOut(Output):
    """The coverage of an account."""

    days: list[DayOut] = Field(description="Newest first; days without orders are left out.")
    by_payment: list[SeenOut] = Field(description="By how the orders were paid, as the shop calls it.")
    by_browser: list[SeenOut] = Field(description="Of the orders whose click is known, by its browser.")
    shops: list[PolledOut]


@dataclass(frozen=True)
class Coverage:
    """The coverage of an account over some days; `waiting`: addresses of shops that are not connected yet."""

    account: Account
    first: date
    last: date
    days: list[DayCoverage]
    by_payment: list[Seen]
    by_browser: list[Seen]
    polls: list[Poll]
    waiting: list[str]


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
        "shops": [
            {
                "shop": poll.shop.id,
                "api_url": poll.shop.api_url,
                "known_until": poll.mark,
                "problem": poll.problem or None,
                "problem_since": poll.problem_since,
            }
            for poll in found.polls
        ],
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
            polls.list_polls(connection, emp_id),
            [
                shop.api_url
                for shop in shops.list_shops(connection, emp_id)
                if shop.platform == "saleor" and shop.connected_at is None
            ],
        )


def _seen_as_json(one: Seen) -> dict[str, Any]:
    return {"name": one.name or None, "orders": one.orders, "seen": one.seen}
