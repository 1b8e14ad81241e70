"""the addresses of a shop's Dashboards, which may show the report in a frame"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    op.add_column("shops", sa.Column("dashboards", sa.Text, nullable=False, server_default=""))
