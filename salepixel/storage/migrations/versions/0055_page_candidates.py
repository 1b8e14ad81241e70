"""pages of dynamic links that have too few clicks for a link of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    op.create_table(
        "page_candidates",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "id", name=op.f("pk_page_candidates")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="fk_page_candidates_campaign_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
