"""the time zone of an account"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("time_zone", sa.Text(), nullable=False, server_default=""))
