"""why an erasure does not continue"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.add_column("erasures", sa.Column("error", sa.Text, nullable=False, server_default=""))
    op.add_column("erasures", sa.Column("failed_at", sa.BigInteger))
