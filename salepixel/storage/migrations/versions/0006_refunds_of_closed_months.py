"""refunds of a sale after its month was closed"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Until now, no refund was added after a sale's month was closed: the last refund is in the sale's row.
    op.add_column("sales", sa.Column("refunded_at", sa.BigInteger(), nullable=True))
    op.execute(
        sa.text(
            "UPDATE sales SET refunded_at = (SELECT max(sale_refunds.refunded_at) FROM sale_refunds"
            " WHERE sale_refunds.shop_id = sales.shop_id AND sale_refunds.order_id = sales.order_id"
            " AND sale_refunds.line_id = sales.line_id AND sale_refunds.click_id = sales.click_id)"
            " WHERE refunded > 0"
        )
    )
    # The sweep adds refunds of closed months that are in no report to open months.
    op.execute(
        sa.text(
            "UPDATE orders SET due = true"
            " WHERE placed_at < (SELECT closed_before FROM accounts WHERE accounts.emp_id = orders.emp_id)"
            " AND (shop_id, id) IN (SELECT shop_id, order_id FROM sales)"
        )
    )
