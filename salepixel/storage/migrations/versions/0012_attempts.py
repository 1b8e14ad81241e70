"""due orders have a sequence; orders that cannot be decided are retried later"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("orders", sa.Column("next_attempt_at", sa.BigInteger(), nullable=True))
    op.add_column("orders", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("last_error", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("failed_at", sa.BigInteger(), nullable=True))
    # Until now, due orders had no date: all of them get the present time.
    now = sa.text("UPDATE orders SET next_attempt_at = :now WHERE due")
    op.execute(now.bindparams(sa.bindparam("now", time.time_ns() // 1000, sa.BigInteger())))
    op.drop_index("ix_orders_due", "orders")
    op.create_index(
        "ix_orders_due",
        "orders",
        ["next_attempt_at"],
        sqlite_where=sa.text("due = 1"),
        postgresql_where=sa.text("due"),
    )
    op.create_index(
        "ix_orders_failed",
        "orders",
        ["failed_at"],
        sqlite_where=sa.text("attempts > 0"),
        postgresql_where=sa.text("attempts > 0"),
    )
