"""when each recipient got the e-mail of a flow"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    op.add_column("recipients", sa.Column("sent_at", sa.BigInteger()))
    op.add_column(
        "campaigns", sa.Column("sent_each", sa.Boolean(), nullable=False, server_default=sa.false())
    )
