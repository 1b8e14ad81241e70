"""the total that is paid for in each snapshot of an order; which orders were created as drafts"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("refunds", sa.Column("covers", sa.BigInteger()))
    op.create_table(
        "drafts",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name=op.f("pk_drafts")),
    )
