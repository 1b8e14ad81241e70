"""Policies: the rule of an account has a number; a change is shown first, and closed months keep theirs."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import AfterValidator, Field

from salepixel.accounts.policy import Model
from salepixel.accounts.store import Account
from salepixel.attribution import policies
from salepixel.attribution.policies import Move, PolicyVersion, Preview
from salepixel.campaigns import store as campaigns
from salepixel.money.amounts import from_minor
from salepixel.money.rates import Rates
from salepixel.orders import queue
from salepixel.reading.times import rfc3339
from salepixel.wire import jobs
from salepixel_plugin.access import Refusal, is_id, see_account
from salepixel_plugin.api.accounts import Days
from salepixel_plugin.api.door import Input, Output, blueprint
from salepixel_plugin.api.fields import UNSET, Money
from salepixel_plugin.api.paging import Next, Page, read_cursor, read_time, write_cursor
from salepixel_plugin.languages import N_
from salepixel_plugin.services import services

MOST_NAMED = 10
"""Orders that keep a month open, of one answer."""

_FAILED = N_(
    "%(count)s orders of that period could not be processed: %(orders)s. Retry them on the page of failed"
    " orders, or close the month without them."
)
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)


def _month(text: str) -> str:
    if not _MONTH.fullmatch(text):
        raise ValueError("must be a month such as 2026-10")
    return text


class PolicyChange(Input):
    """What is to change; what is not named stays."""

    window_days: Days = Field(UNSET)
    model: Model = Field(UNSET, description="How several clicks of a contact share an order.")
    alias_match: bool = Field(UNSET, description="Match addresses that lead to the same mailbox.")
    campaign_windows: dict[str, Days] = Field(
        UNSET, description="Campaigns with another window, by id; replaces those of before.", max_length=1000
    )


class PolicyOut(Output):
    """A version of the policy."""

    version: int
    window_days: int
    model: Model
    alias_match: bool
    campaign_windows: dict[str, int]
    applied_at: datetime


class PoliciesOut(Output):
    """All versions, the newest first: it is in force."""

    policies: list[PolicyOut]
    closed_before: datetime | None = Field(description="What was placed before it never changes.")


class AmountOut(Output):
    """What a campaign gets of an order."""

    campaign: str
    amount: Money


class MoveOut(Output):
    """An order that a changed policy decides otherwise."""

    shop: str
    order_id: str
    order: str
    placed_at: datetime
    currency: str
    before: list[AmountOut]
    after: list[AmountOut]
    differs: list[Literal["campaign", "contact", "click", "amount"]] = Field(
        description="What is another one than before, of who is credited and with how much."
    )
    reason: str = Field(description="Of the new decision.")


class SumOut(Output):
    """What the orders of this page add to a campaign, in one currency; negative: take from it."""

    campaign: str
    currency: str
    amount: str


class PreviewOut(Output):
    """What would move among the orders of this page, newest first."""

    moves: list[MoveOut]
    sums: list[SumOut]
    next: Next


class MonthIn(Input):
    """A month to close, with all before it."""

    month: Annotated[str, AfterValidator(_month)] = Field(examples=["2026-10"])
    without_failed: bool = Field(
        False, description="Leave out the orders that could not be decided; they earn nothing later."
    )


class ClosedOut(Output):
    """Until when the account is closed."""

    closed_before: datetime


@dataclass(frozen=True, slots=True)
class Sum:
    """What a campaign gets of the orders that move, in one currency."""

    campaign: str
    currency: str
    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        """What is added; negative: taken."""
        return self.after - self.before


@blueprint.get("/accounts/<int:emp_id>/policies")
@blueprint.output(PoliciesOut)
@blueprint.doc(security="bearer")
def list_policies(emp_id: int) -> dict[str, Any]:
    """The versions of an account's policy."""
    with services().database.read() as connection:
        account = see_account(connection, emp_id)
        found = policies.list_policies(connection, emp_id)
    return {
        "policies": [_policy_as_json(policy) for policy in found],
        "closed_before": account.closed_before,
    }


@blueprint.post("/accounts/<int:emp_id>/policies/preview")
@blueprint.input(PolicyChange, arg_name="change")
@blueprint.input(Page, location="query", arg_name="page")
@blueprint.output(PreviewOut)
@blueprint.doc(security="bearer")
def preview_policy(emp_id: int, change: PolicyChange, page: Page) -> dict[str, Any]:
    """What a change would move, order by order; `limit` orders are looked at in a call. Nothing changes."""
    with services().database.read() as connection:
        account = see_account(connection, emp_id)
        changed = policies.with_policy(account, read_change(connection, account, change))
        preview = preview_change(connection, account, changed, page.limit, page.cursor)
    return {
        "moves": [_move_as_json(move) for move in preview.moves],
        "sums": [_sum_as_json(total) for total in sums_of(preview.moves) if total.difference],
        "next": write_cursor(*preview.older) if preview.older else None,
    }


def preview_change(
    connection: sa.Connection, account: Account, changed: Account, limit: int, cursor: str | None
) -> Preview:
    """What would move among `limit` orders, from where the cursor of the page before says."""
    after = None
    if cursor is not None:
        time, shop, order = read_cursor(cursor, 3)
        after = read_time(time), shop, order
    here = services()
    return policies.preview_policy(
        connection, here.clicks, account, changed, Rates(here.settings.data), limit, after
    )


@blueprint.post("/accounts/<int:emp_id>/policies")
@blueprint.input(PolicyChange, arg_name="change")
@blueprint.output(PolicyOut, 201)
@blueprint.doc(security="bearer")
def apply_policy(emp_id: int, change: PolicyChange) -> dict[str, Any]:
    """Put a changed policy in force; the orders of open months are decided again, which takes a while."""
    return _policy_as_json(apply_change(emp_id, change))


def apply_change(emp_id: int, change: PolicyChange, seen: int | None = None) -> PolicyVersion:
    """Put a changed policy in force; gives the one in force then.

    Raises a Refusal (409) when the number of the policy that was `seen` is told and is not in force any more.
    """
    here = services()
    with here.database.write() as connection:
        account = see_account(connection, emp_id)
        changes = read_change(connection, account, change)
        if not policies.apply_policy(connection, emp_id, changes, datetime.now(UTC), seen):
            raise Refusal(
                409, "policy_changed", "Another policy is in force by now; preview the change again."
            )
        newest = policies.list_policies(connection, emp_id)[0]
    here.bell.ring(jobs.SWEEP)
    return newest


@blueprint.post("/accounts/<int:emp_id>/closings")
@blueprint.input(MonthIn, arg_name="wanted")
@blueprint.output(ClosedOut)
@blueprint.doc(security="bearer", responses={409: "Orders are not decided", 422: "The month is not over yet"})
def close_month(emp_id: int, wanted: MonthIn) -> dict[str, Any]:
    """Close a month (UTC) and all before it: their decisions and sales never change again."""
    return {"closed_before": close_until(emp_id, wanted)}


def close_until(emp_id: int, wanted: MonthIn) -> datetime | None:
    """Close a month of an account that the request may see; gives until when the account is closed then.

    Raises a Refusal: 422 for a month that is not over, 409 while orders of that time are to be decided
    (`orders_waiting`), or could not be (`orders_failed`).
    """
    year, month = map(int, wanted.month.split("-"))
    until = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    if until > datetime.now(UTC):
        message = N_("%(month)s has not ended yet. Close it after its last day.")
        raise Refusal(422, "month_not_over", message, month=wanted.month)
    with services().database.write() as connection:
        see_account(connection, emp_id)
        waiting = policies.close_months(connection, emp_id, until, without_failed=wanted.without_failed)
        account = see_account(connection, emp_id)
        failed = [] if wanted.without_failed else queue.failed_before(connection, emp_id, until, waiting)
    if failed and len(failed) == waiting:
        named = ", ".join(order.number for order in failed[:MOST_NAMED])
        raise Refusal(
            409,
            "orders_failed",
            _FAILED,
            count=waiting,
            orders=named + (" …" if waiting > MOST_NAMED else ""),
        )
    if waiting:
        services().bell.ring(jobs.SWEEP)
        message = N_("%(waiting)s orders of that period are still being processed. Try again in a minute.")
        raise Refusal(409, "orders_waiting", message, waiting=waiting)
    return account.closed_before


def read_change(connection: sa.Connection, account: Account, change: PolicyChange) -> dict[str, Any]:
    """A change as columns of the account. Raises a Refusal for a campaign that is not the account's."""
    values = change.model_dump(exclude_unset=True, mode="json")
    if "campaign_windows" in values:
        for campaign_id in values["campaign_windows"]:
            campaign = campaigns.get_campaign(connection, campaign_id) if is_id(campaign_id) else None
            if campaign is None or campaign.emp_id != account.emp_id:
                said = f"the account has no campaign {campaign_id}"
                wrong = {f"campaign_windows.{campaign_id}": [said]}
                raise Refusal(422, "invalid", f"Correct campaign_windows: {said}.", wrong)
        values["campaign_windows"] = json.dumps(values["campaign_windows"], sort_keys=True)
    return values


def sums_of(moves: list[Move]) -> list[Sum]:
    """What each campaign gets of the orders that move, before and after, by campaign and currency."""
    sums: dict[tuple[str, str], list[int]] = {}
    for move in moves:
        currency = move.stored.order.currency
        for side, amounts in enumerate((move.before, move.after)):
            for campaign, amount in amounts.items():
                sums.setdefault((campaign, currency), [0, 0])[side] += amount
    return [
        Sum(campaign, currency, from_minor(before, currency), from_minor(after, currency))
        for (campaign, currency), (before, after) in sorted(sums.items())
    ]


def totals_of(sums: list[Sum]) -> list[Sum]:
    """What all campaigns together get, by currency."""
    totals: dict[str, Sum] = {}
    for one in sums:
        total = totals.get(one.currency, Sum("", one.currency, Decimal(0), Decimal(0)))
        totals[one.currency] = Sum("", one.currency, total.before + one.before, total.after + one.after)
    return list(totals.values())


def _sum_as_json(total: Sum) -> dict[str, str]:
    return {"campaign": total.campaign, "currency": total.currency, "amount": f"{total.difference:f}"}


def _policy_as_json(policy: PolicyVersion) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in PolicyOut.model_fields}


def _move_as_json(move: Move) -> dict[str, Any]:
    order = move.stored.order
    return {
        "shop": move.stored.shop_id,
        "order_id": order.id,
        "order": order.number,
        "placed_at": rfc3339(order.placed_at),
        "currency": order.currency,
        "before": _amounts(move.before, order.currency),
        "after": _amounts(move.after, order.currency),
        "differs": list(move.differs),
        "reason": move.reason,
    }


def _amounts(amounts: Any, currency: str) -> list[dict[str, str]]:
    return [{"campaign": key, "amount": f"{from_minor(value, currency):f}"} for key, value in amounts.items()]
