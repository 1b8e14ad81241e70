"""The use cases of flows. Each raises Declined."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record_about
from salepixel.accounts.declined import BadField, Conflict, Invalid, NotFound
from salepixel.accounts.principal import Principal
from salepixel.accounts.store import lock_account
from salepixel.accounts.use_cases import target_account
from salepixel.campaigns.store import Campaign
from salepixel.campaigns.use_cases import lock_campaign
from salepixel.flows import store
from salepixel.flows.store import Flow
from salepixel.storage.ids import is_id, new_id

MAX_PARTS = 100
"""The most e-mails of a flow. The longest that we know of have about 30."""


@dataclass(frozen=True, slots=True)
class FlowWithParts:
    """A flow, and its e-mails in their sequence."""

    flow: Flow
    parts: list[Campaign]


def create_flow(
    connection: sa.Connection, principal: Principal, emp_id: int, name: str, at: datetime
) -> FlowWithParts:
    """Create a flow without parts. Raises NotAllowed or UnknownAccount."""
    target_account(connection, principal, emp_id)
    flow = Flow(new_id(), emp_id, name, at)
    store.add_flow(connection, flow)
    record_about(connection, principal, Action.FLOW_CREATED, flow)
    return FlowWithParts(flow, [])


def see_flow(connection: sa.Connection, principal: Principal, flow_id: str) -> FlowWithParts:
    """A flow with its parts. Raises NotFound."""
    flow = store.get_flow(connection, flow_id) if is_id(flow_id) else None
    if flow is None or not principal.allows(flow.emp_id):
        raise NotFound("flow")
    return FlowWithParts(flow, store.parts_of(connection, flow.id))


def put_part(
    connection: sa.Connection,
    principal: Principal,
    flow_id: str,
    campaign_id: str,
    position: int | None = None,
) -> FlowWithParts:
    """Make a campaign a part of a flow, at a position from 1; None: where it is, or at the end. Idempotent.

    Raises NotFound; BadField for a campaign of another account; Conflict for a part of another flow; Invalid
    if there would be too many parts.
    """
    found = see_flow(connection, principal, flow_id)
    principal.require_change(found.flow.emp_id)
    # Nobody else changes flows of the account.
    campaign = lock_campaign(connection, principal, campaign_id, exclusive=True)
    if campaign.emp_id != found.flow.emp_id:
        raise BadField("campaign_id", "belongs to another account than the flow")
    other = store.flow_of(connection, campaign_id)
    if other is not None and other.id != flow_id:
        raise Conflict("part_of_another_flow", flow=other.name)
    before = [part.id for part in store.parts_of(connection, flow_id)]
    ids = [part for part in before if part != campaign_id]
    if position is None:
        position = before.index(campaign_id) + 1 if campaign_id in before else len(ids) + 1
    ids.insert(max(0, position - 1), campaign_id)
    if len(ids) > MAX_PARTS:
        raise Invalid("flow_too_many_parts", most=MAX_PARTS)
    if ids != before:
        store.set_parts(connection, flow_id, ids)
    return _changed(connection, principal, found)


def remove_part(
    connection: sa.Connection, principal: Principal, flow_id: str, campaign_id: str
) -> FlowWithParts:
    """Take a campaign out of a flow; the campaign and its results stay. Idempotent. Raises NotFound."""
    found = see_flow(connection, principal, flow_id)
    principal.require_change(found.flow.emp_id)
    lock_account(connection, found.flow.emp_id, exclusive=True)
    before = [part.id for part in store.parts_of(connection, flow_id)]
    if campaign_id in before:
        store.set_parts(connection, flow_id, [part for part in before if part != campaign_id])
    return _changed(connection, principal, found)


def campaigns_to_add(connection: sa.Connection, principal: Principal, flow_id: str) -> list[Campaign]:
    """The newest campaigns that can become parts of a flow. Raises NotFound."""
    flow = see_flow(connection, principal, flow_id).flow
    return store.campaigns_in_no_flow(connection, flow.emp_id, 100)


def _changed(connection: sa.Connection, principal: Principal, before: FlowWithParts) -> FlowWithParts:
    after = see_flow(connection, principal, before.flow.id)
    if after.parts != before.parts:
        names = [[part.name for part in found.parts] for found in (before, after)]
        record_about(connection, principal, Action.FLOW_CHANGED, after.flow, {"parts": (names[0], names[1])})
    return after
