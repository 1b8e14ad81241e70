"""Stored flows, and the campaigns that are their parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.scope import Scope, in_scope
from salepixel.campaigns.store import Campaign
from salepixel.storage.schema import campaigns, flow_parts, flows


@dataclass(frozen=True, slots=True)
class Flow:
    """A series of e-mails that never ends."""

    id: str
    emp_id: int
    name: str
    created_at: datetime


_FLOW = [flows.c[name] for name in Flow.__slots__]


def add_flow(connection: sa.Connection, flow: Flow) -> None:
    """Store a flow without parts."""
    connection.execute(sa.insert(flows).values({name: getattr(flow, name) for name in Flow.__slots__}))


def get_flow(connection: sa.Connection, flow_id: str) -> Flow | None:
    """The flow, or None."""
    row = connection.execute(sa.select(*_FLOW).where(flows.c.id == flow_id)).first()
    return None if row is None else Flow(**row._mapping)


def list_flows(
    connection: sa.Connection, scope: Scope, limit: int, before: tuple[datetime, str] | None
) -> list[Flow]:
    """Flows of one account or of all, newest first; `before`: time and id of the last one seen."""
    query = sa.select(*_FLOW).order_by(flows.c.created_at.desc(), flows.c.id.desc()).limit(limit)
    query = query.where(in_scope(flows.c.emp_id, scope))
    if before is not None:
        query = query.where(sa.tuple_(flows.c.created_at, flows.c.id) < before)
    return [Flow(**row._mapping) for row in connection.execute(query)]


def parts_of(connection: sa.Connection, flow_id: str) -> list[Campaign]:
    """The parts of a flow, in their sequence."""
    query = (
        sa.select(*(campaigns.c[name] for name in Campaign.__slots__))
        .join(flow_parts, flow_parts.c.campaign_id == campaigns.c.id)
        .where(flow_parts.c.flow_id == flow_id)
        .order_by(flow_parts.c.position, campaigns.c.id)
    )
    return [Campaign(**row._mapping) for row in connection.execute(query)]


def flow_of(connection: sa.Connection, campaign_id: str) -> Flow | None:
    """The flow that a campaign is a part of, or None."""
    its = sa.select(flow_parts.c.flow_id).where(flow_parts.c.campaign_id == campaign_id)
    row = connection.execute(sa.select(*_FLOW).where(flows.c.id == its.scalar_subquery())).first()
    return None if row is None else Flow(**row._mapping)


def set_parts(connection: sa.Connection, flow_id: str, ids: Sequence[str]) -> None:
    """Make these campaigns the parts of a flow, in this sequence. They are parts of no other flow."""
    connection.execute(sa.delete(flow_parts).where(flow_parts.c.flow_id == flow_id))
    rows = [
        {"campaign_id": campaign_id, "flow_id": flow_id, "position": position}
        for position, campaign_id in enumerate(ids, 1)
    ]
    if rows:
        connection.execute(sa.insert(flow_parts), rows)


def campaigns_in_no_flow(connection: sa.Connection, emp_id: int, limit: int) -> list[Campaign]:
    """The newest campaigns of an account that are listed and parts of no flow."""
    is_part = sa.exists().where(flow_parts.c.campaign_id == campaigns.c.id)
    query = sa.select(*(campaigns.c[name] for name in Campaign.__slots__)).where(
        campaigns.c.emp_id == emp_id, campaigns.c.archived_at.is_(None), ~is_part
    )
    newest = query.order_by(campaigns.c.created_at.desc(), campaigns.c.id.desc()).limit(limit)
    return [Campaign(**row._mapping) for row in connection.execute(newest)]
