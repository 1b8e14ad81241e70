"""UTM parameters that destinations of new campaigns get"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("utm", sa.Text, nullable=False, server_default=""))
    op.add_column("campaigns", sa.Column("utm", sa.Text, nullable=False, server_default=""))
