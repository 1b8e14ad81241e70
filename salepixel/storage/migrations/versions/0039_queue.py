"""the queue of orders is a table; indexes leave out orders without a value in their column"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"

_OPTIONAL = (
    ("emp_id", "alias_hash"),
    ("shop_id", "customer"),
    ("emp_id", "voucher"),
    ("emp_id", "utm_campaign"),
)
_MOVED = ("due", "next_attempt_at", "attempts", "last_error", "failed_at", "due_because")


def upgrade() -> None:
    op.create_table(
        "due",
        sa.Column("shop_id", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("emp_id", sa.BigInteger, nullable=False),
        sa.Column("again", sa.Boolean, nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text, nullable=False, server_default=""),
        sa.Column("failed_at", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id"], ["orders.shop_id", "orders.id"], "fk_due_order", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO due (shop_id, order_id, emp_id, again, next_attempt_at, because, attempts, last_error, "
        "failed_at) SELECT shop_id, id, emp_id, due_because NOT IN ('new_order', 'order_changed'), "
        "next_attempt_at, due_because, attempts, last_error, failed_at FROM orders WHERE due"
    )
    op.create_index("ix_due_next_attempt_at", "due", ["again", "next_attempt_at", "shop_id", "order_id"])
    op.create_index(
        "ix_due_failed",
        "due",
        ["failed_at"],
        sqlite_where=sa.text("attempts > 0"),
        postgresql_where=sa.text("attempts > 0"),
    )
    op.drop_index("ix_orders_due", "orders")
    op.drop_index("ix_orders_failed", "orders")
    for name in _MOVED:
        op.drop_column("orders", name)
    for columns in _OPTIONAL:
        name, given = f"ix_orders_{columns[1]}", sa.text(f"{columns[1]} IS NOT NULL")
        op.drop_index(name, "orders")
        op.create_index(name, "orders", list(columns), sqlite_where=given, postgresql_where=given)
