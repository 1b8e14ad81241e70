"""flows, and the campaigns that are their parts"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    op.create_table(
        "flows",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flows")),
    )
    op.create_index(op.f("ix_flows_emp_id_created_at"), "flows", ["emp_id", "created_at"])
    op.create_table(
        "flow_parts",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("flow_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_flow_parts")),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.id"], name="fk_flow_parts_flow_id"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="fk_flow_parts_campaign_id", ondelete="CASCADE"
        ),
    )
    op.create_index(op.f("ix_flow_parts_flow_id_position"), "flow_parts", ["flow_id", "position"])
