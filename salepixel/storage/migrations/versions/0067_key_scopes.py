"""API keys have a scope, an expiry and a last use; the present ones keep all their rights"""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("scope", sa.Text, nullable=False, server_default="write"))
    op.add_column("api_keys", sa.Column("expires_at", sa.BigInteger))
    op.add_column("api_keys", sa.Column("last_used_at", sa.BigInteger))
