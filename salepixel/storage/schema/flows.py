"""Tables of flows and their parts."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

flows = sa.Table(
    "flows",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Index(None, "emp_id", "created_at"),
)

flow_parts = sa.Table(
    "flow_parts",
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),  # so a campaign is part of one flow at most
    sa.Column("flow_id", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),  # from 1
    sa.Index(None, "flow_id", "position"),
    sa.ForeignKeyConstraint(["flow_id"], ["flows.id"], "fk_flow_parts_flow_id"),
    # A campaign without clicks can be deleted; its row here is then deleted, too.
    sa.ForeignKeyConstraint(
        ["campaign_id"], ["campaigns.id"], "fk_flow_parts_campaign_id", ondelete="CASCADE"
    ),
)
