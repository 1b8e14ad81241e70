"""the kept sum of the orders of a campaign by whether their buyers bought before"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"


def upgrade() -> None:
    op.create_table(
        "returning_sums",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("buyer_is", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("campaign_id", "day", "currency", "buyer_is", "slot"), name=op.f("pk_returning_sums")
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO returning_sums SELECT campaign_id, day, currency, buyer_is, 0, count(*) FROM "
        "(SELECT DISTINCT s.campaign_id, s.purchased_at / 86400000000 AS day, s.currency, d.buyer_is, "
        "s.shop_id, s.order_id FROM sales s "
        "JOIN decisions d ON d.shop_id = s.shop_id AND d.order_id = s.order_id) bought GROUP BY 1, 2, 3, 4"
    )
