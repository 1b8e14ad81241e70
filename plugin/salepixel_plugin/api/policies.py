"""Attribution settings (policies): versions, preview of a change, closed months."""

from datetime import UTC, datetime
from typing import Any, Literal

from flask import Response
from pydantic import Field

from salepixel.accounts.policy import Model
from salepixel.attribution import use_cases
from salepixel.attribution.policies import Move, PolicyVersion, Preview, Sum, sums_of
from salepixel.money.amounts import from_minor
from salepixel.reading.times import rfc3339
from salepixel.wire import jobs
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.api.computations import ACCEPTED, not_computed_yet
from salepixel_plugin.computed import ask, tools
from salepixel_plugin.fields import Money
from salepixel_plugin.paging import Next, PageQuery, read_order_cursor, write_cursor
from salepixel_plugin.schemas import MonthIn, PolicyChange
from salepixel_plugin.services import services, writing


class PolicyOut(Output):
    """A version of the attribution settings."""

    version: int
    window_days: int
    model: Model
    alias_match: bool
    campaign_windows: dict[str, int]
    applied_at: datetime


class PoliciesOut(Output):
    """All versions, newest first. The first one is current."""

    policies: list[PolicyOut]
    closed_before: datetime | None = Field(
        description="Orders placed before it are closed and do not change."
    )


class AmountOut(Output):
    """The revenue that a campaign gets from an order."""

    campaign: str
    amount: Money


class MoveOut(Output):
    """An affected order: the new settings would decide it differently."""

    shop: str
    order_id: str
    order: str
    placed_at: datetime
    currency: str
    before: list[AmountOut]
    after: list[AmountOut]
    differs: list[Literal["campaign", "contact", "click", "amount"]] = Field(
        description="What would change: the credited campaign, contact or click, or the amount."
    )
    reason: str = Field(description="The reason of the new decision.")


class SumOut(Output):
    """The gain of a campaign from the orders of this page, in one currency. Negative: a loss."""

    campaign: str
    currency: str
    amount: str


class PreviewOut(Output):
    """The affected orders of this page, newest first."""

    moves: list[MoveOut]
    sums: list[SumOut]
    next: Next
    as_of: datetime = Field(description="Events after this time may be missing from the preview.")


class ClosedOut(Output):
    """The end of the closed months."""

    closed_before: datetime


@blueprint.get("/accounts/<int:emp_id>/policies")
@blueprint.output(PoliciesOut)
@blueprint.doc(security="bearer")
def list_policies(emp_id: int) -> dict[str, Any]:
    """The versions of an account's attribution settings."""
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
@blueprint.doc(security="bearer", responses=ACCEPTED)
def preview_policy(emp_id: int, change: PolicyChange, page: PageQuery) -> dict[str, Any] | Response:
    """Preview a change: which orders it would affect. One call checks `limit` orders. Nothing changes.

    If there are more than 20 orders, the worker checks them: 202 until the result is ready.
    """
    after, now = read_order_cursor(page.cursor), datetime.now(UTC)
    values = change.model_dump(exclude_unset=True, mode="json")
    found = ask(
        lambda connection: (
            use_cases.preview_policy_change(
                connection, principal(), emp_id, values, tools(), page.limit, after, now
            ).computed
        )
    )
    if found.result is None or found.computation is not None:
        return not_computed_yet(found)
    return _preview_as_json(found.result, found.as_of)


@blueprint.get("/campaigns/<campaign_id>/links/<link_id>/preview")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(PreviewOut)
@blueprint.doc(security="bearer", responses=ACCEPTED)
def preview_link(campaign_id: str, link_id: str, page: PageQuery) -> dict[str, Any] | Response:
    """Preview which orders would change if the link became a sales link, or no longer were one.

    As the preview of attribution settings.
    """
    after, now = read_order_cursor(page.cursor), datetime.now(UTC)
    found = ask(
        lambda connection: (
            use_cases.preview_link_switch(
                connection, principal(), campaign_id, link_id, tools(), page.limit, after, now
            ).computed
        )
    )
    if found.result is None or found.computation is not None:
        return not_computed_yet(found)
    return _preview_as_json(found.result, found.as_of)


@blueprint.post("/accounts/<int:emp_id>/policies")
@blueprint.input(PolicyChange, arg_name="change")
@blueprint.output(PolicyOut, 201)
@blueprint.doc(security="bearer")
def apply_policy(emp_id: int, change: PolicyChange) -> dict[str, Any]:
    """Change the attribution settings. The worker then attributes the orders of open months again."""
    values, now = change.model_dump(exclude_unset=True, mode="json"), datetime.now(UTC)
    with writing(wakes=True) as connection:
        return _policy_as_json(use_cases.change_policy(connection, principal(), emp_id, values, now))


@blueprint.post("/accounts/<int:emp_id>/closings")
@blueprint.input(MonthIn, arg_name="wanted")
@blueprint.output(ClosedOut)
@blueprint.doc(
    security="bearer", responses={409: "Orders are waiting or failed", 422: "The month has not ended"}
)
def close_month(emp_id: int, wanted: MonthIn) -> dict[str, Any]:
    """Close a month (UTC) and all earlier months. Their decisions and sales do not change after that."""
    services().job_queue.enqueue_once(jobs.DRAIN)  # decides the waiting orders that keep the month open
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


def _preview_as_json(preview: Preview, as_of: datetime | None) -> dict[str, Any]:
    return {
        "moves": [_move_as_json(move) for move in preview.moves],
        "sums": [_sum_as_json(total) for total in sums_of(preview.moves) if total.difference],
        "next": write_cursor(*preview.older) if preview.older else None,
        "as_of": as_of,
    }


def _sum_as_json(total: Sum) -> dict[str, str]:
    return {"campaign": total.campaign, "currency": total.currency, "amount": f"{total.difference:f}"}


def _policy_as_json(policy: PolicyVersion) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in PolicyOut.model_fields}


def _move_as_json(move: Move) -> dict[str, Any]:
    return {
        "shop": move.shop_id,
        "order_id": move.order_id,
        "order": move.number,
        "placed_at": rfc3339(move.placed_at),
        "currency": move.currency,
        "before": _amounts(move.before, move.currency),
        "after": _amounts(move.after, move.currency),
        "differs": list(move.differs),
        "reason": move.reason,
    }


def _amounts(amounts: Any, currency: str) -> list[dict[str, str]]:
    return [{"campaign": key, "amount": f"{from_minor(value, currency):f}"} for key, value in amounts.items()]
