"""Policies: the rule of an account has a number; a change is shown first, and closed months keep theirs."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from salepixel.accounts.policy import Model
from salepixel.attribution import use_cases
from salepixel.attribution.policies import Move, PolicyVersion, Sum, sums_of
from salepixel.money.amounts import from_minor
from salepixel.money.rates import Rates
from salepixel.reading.times import rfc3339
from salepixel.wire import jobs
from salepixel_plugin.access import principal
from salepixel_plugin.api.door import Output, blueprint
from salepixel_plugin.fields import Money
from salepixel_plugin.paging import Next, PageQuery, read_order_cursor, write_cursor
from salepixel_plugin.schemas import MonthIn, PolicyChange
from salepixel_plugin.services import services, writing


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


class ClosedOut(Output):
    """Until when the account is closed."""

    closed_before: datetime


@blueprint.get("/accounts/<int:emp_id>/policies")
@blueprint.output(PoliciesOut)
@blueprint.doc(security="bearer")
def list_policies(emp_id: int) -> dict[str, Any]:
    """The versions of an account's policy."""
    with services().database.read() as connection:
        account, found = use_cases.see_policies(connection, principal(), emp_id)
    return {
        "policies": [_policy_as_json(policy) for policy in found],
        "closed_before": account.closed_before,
    }


@blueprint.post("/accounts/<int:emp_id>/policies/preview")
@blueprint.input(PolicyChange, arg_name="change")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(PreviewOut)
@blueprint.doc(security="bearer")
def preview_policy(emp_id: int, change: PolicyChange, page: PageQuery) -> dict[str, Any]:
    """What a change would move, order by order; `limit` orders are looked at in a call. Nothing changes."""
    here, after = services(), read_order_cursor(page.cursor)
    with here.database.read() as connection:
        preview = use_cases.preview_policy_change(
            connection,
            principal(),
            emp_id,
            change.model_dump(exclude_unset=True, mode="json"),
            here.clicks,
            Rates(here.settings.data),
            page.limit,
            after,
        ).preview
    return {
        "moves": [_move_as_json(move) for move in preview.moves],
        "sums": [_sum_as_json(total) for total in sums_of(preview.moves) if total.difference],
        "next": write_cursor(*preview.older) if preview.older else None,
    }


@blueprint.post("/accounts/<int:emp_id>/policies")
@blueprint.input(PolicyChange, arg_name="change")
@blueprint.output(PolicyOut, 201)
@blueprint.doc(security="bearer")
def apply_policy(emp_id: int, change: PolicyChange) -> dict[str, Any]:
    """Put a changed policy in force; the orders of open months are decided again, which takes a while."""
    values, now = change.model_dump(exclude_unset=True, mode="json"), datetime.now(UTC)
    with writing(wakes=True) as connection:
        return _policy_as_json(use_cases.change_policy(connection, principal(), emp_id, values, now))


@blueprint.post("/accounts/<int:emp_id>/closings")
@blueprint.input(MonthIn, arg_name="wanted")
@blueprint.output(ClosedOut)
@blueprint.doc(security="bearer", responses={409: "Orders are not decided", 422: "The month is not over yet"})
def close_month(emp_id: int, wanted: MonthIn) -> dict[str, Any]:
    """Close a month (UTC) and all before it: their decisions and sales never change again."""
    services().job_queue.enqueue_once(jobs.DRAIN)  # what keeps the month open is decided by the next try
    with services().database.write() as connection:
        until = use_cases.close_month(
            connection,
            principal(),
            emp_id,
            wanted.month,
            datetime.now(UTC),
            without_failed=wanted.without_failed,
        )
    return {"closed_before": until}


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
