"""rejected deliveries by shop and reason"""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    op.create_table(
        "shop_rejections",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_shop_rejections_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "reason", name=op.f("pk_shop_rejections")),
    )
