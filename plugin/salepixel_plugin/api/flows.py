"""Flows: series of e-mails that never end. Each of their e-mails is a campaign."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from salepixel.flows import store, use_cases
from salepixel.flows.store import Flow
from salepixel.report import use_cases as report
from salepixel.report.results import FlowReport
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.api.report import TotalOut, total_as_json
from salepixel_plugin.fields import EmpId, Id, Name
from salepixel_plugin.paging import Next, PageQuery, read_dated_cursor, write_cursor
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class FlowIn(Input):
    """A new flow."""

    emp_id: EmpId = Field(alias="empId")
    name: Name


class PartIn(Input):
    """The place of an e-mail in a flow."""

    position: Annotated[int, Field(ge=1, le=use_cases.MAX_PARTS)] | None = Field(
        None, description="From 1. Null: where it is, or at the end."
    )


class FlowOut(Output):
    """A flow."""

    id: Id
    emp_id: EmpId = Field(alias="empId")
    name: str
    created_at: datetime


class PartOut(Output):
    """An e-mail of a flow, with its own numbers."""

    campaign_id: Id
    name: str
    position: int = Field(description="From 1.")
    sent_at: datetime | None
    human_clicks: int
    bot_clicks: int
    totals: list[TotalOut]


class FlowWithParts(FlowOut):
    """A flow: the numbers of each e-mail, and their sums."""

    parts: list[PartOut]
    human_clicks: int
    bot_clicks: int
    totals: list[TotalOut] = Field(
        description="An order that several e-mails share counts in each of them; its revenue is divided."
    )


class FlowsOut(Output):
    """Flows, newest first."""

    flows: list[FlowOut]
    next: Next


@blueprint.post("/flows")
@blueprint.input(FlowIn, arg_name="wanted")
@blueprint.output(FlowOut, 201)
@blueprint.doc(security="bearer", responses={403: "A foreign account", 404: "No such account"})
def add_flow(wanted: FlowIn) -> dict[str, Any]:
    """Create a flow, such as a welcome series or mails for abandoned baskets."""
    with services().database.write() as connection:
        made = use_cases.create_flow(connection, principal(), wanted.emp_id, wanted.name, datetime.now(UTC))
    return _as_json(made.flow)


@blueprint.get("/flows")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(FlowsOut)
@blueprint.doc(security="bearer")
def list_flows(page: PageQuery) -> dict[str, Any]:
    """The flows that the API key can read, newest first."""
    before = read_dated_cursor(page.cursor)
    with services().database.read() as connection:
        found = store.list_flows(connection, principal().accounts, page.limit + 1, before)
    shown = found[: page.limit]
    more = len(found) > page.limit
    return {
        "flows": [_as_json(flow) for flow in shown],
        "next": write_cursor(shown[-1].created_at, shown[-1].id) if more else None,
    }


@blueprint.get("/flows/<flow_id>")
@blueprint.output(FlowWithParts)
@blueprint.doc(security="bearer")
def get_flow(flow_id: str) -> dict[str, Any]:
    """A flow: the clicks and sales of each of its e-mails, and their sums."""
    with services().database.read() as connection:
        return _with_parts(report.read_flow(connection, principal(), flow_id))


@blueprint.put("/flows/<flow_id>/parts/<campaign_id>")
@blueprint.input(PartIn, arg_name="wanted")
@blueprint.output(FlowWithParts)
@blueprint.doc(security="bearer", responses={409: "It is an e-mail of another flow"})
def put_part(flow_id: str, campaign_id: str, wanted: PartIn) -> dict[str, Any]:
    """Make a campaign an e-mail of a flow, or move it. Idempotent: safe to retry."""
    with services().database.write() as connection:
        use_cases.put_part(connection, principal(), flow_id, campaign_id, wanted.position)
        return _with_parts(report.read_flow(connection, principal(), flow_id))


@blueprint.delete("/flows/<flow_id>/parts/<campaign_id>")
@blueprint.output(FlowWithParts)
@blueprint.doc(security="bearer")
def remove_part(flow_id: str, campaign_id: str) -> dict[str, Any]:
    """Take a campaign out of a flow. The campaign stays, with its results. Idempotent: safe to retry."""
    with services().database.write() as connection:
        use_cases.remove_part(connection, principal(), flow_id, campaign_id)
        return _with_parts(report.read_flow(connection, principal(), flow_id))


def _as_json(flow: Flow) -> dict[str, Any]:
    return {"id": flow.id, "empId": flow.emp_id, "name": flow.name, "created_at": flow.created_at}


def _with_parts(found: FlowReport) -> dict[str, Any]:
    return _as_json(found.flow) | {
        "parts": [
            {
                "campaign_id": part.campaign.id,
                "name": part.campaign.name,
                "position": position,
                "sent_at": part.campaign.sent_at,
                "human_clicks": part.clicks.human,
                "bot_clicks": part.clicks.bot,
                "totals": [total_as_json(total) for total in part.sold],
            }
            for position, part in enumerate(found.parts, 1)
        ],
        "human_clicks": found.human,
        "bot_clicks": found.bot,
        "totals": [total_as_json(total) for total in found.sold],
    }
