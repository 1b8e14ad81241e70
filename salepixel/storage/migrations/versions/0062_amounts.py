"""orders are found by amount with an index that cannot be taken for one by account"""

from alembic import op

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    op.drop_index("ix_orders_emp_id_amount", "orders")
    op.create_index("ix_orders_amount", "orders", ["amount"])
