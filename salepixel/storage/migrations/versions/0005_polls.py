"""the orders that polls of a shop found, the progress of polling, and the shop's number of orders per day"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("orders", sa.Column("payment", sa.Text()))
    op.add_column("orders", sa.Column("open", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("orders", sa.Column("healed_at", sa.BigInteger()))
    op.create_index(
        "ix_orders_open",
        "orders",
        ["shop_id", "placed_at"],
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "polls",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("problem_since", sa.BigInteger()),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_polls")),
    )
    op.create_table(
        "shop_days",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "day", name=op.f("pk_shop_days")),
    )
