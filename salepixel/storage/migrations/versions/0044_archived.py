"""campaigns that are left out of lists, and the mail of each campaign by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("archived_at", sa.BigInteger()))
    op.create_index(op.f("ix_mails_campaign_id"), "mails", ["campaign_id"])
