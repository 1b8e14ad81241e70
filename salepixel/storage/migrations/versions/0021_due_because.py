"""why an order is on the queue"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("orders", sa.Column("due_because", sa.Text(), nullable=False, server_default=""))
