"""the recipients of a campaign, and the random holdout"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("holdout_percent", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "recipients",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("held_out", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "contact", name=op.f("pk_recipients")),
    )
