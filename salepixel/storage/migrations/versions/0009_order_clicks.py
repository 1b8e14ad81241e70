"""the clicks that each order names: the order is decided again when one arrives or its verdict changes"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_KNOWN = """
INSERT INTO order_clicks (click_id, shop_id, order_id)
SELECT click_id, shop_id, order_id FROM bought
UNION SELECT click_id, shop_id, order_id FROM sales WHERE evidence IN ('token', 'cookie')
"""


def upgrade() -> None:
    op.create_table(
        "order_clicks",
        sa.Column("click_id", sa.LargeBinary(16), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("click_id", "shop_id", "order_id", name=op.f("pk_order_clicks")),
    )
    op.execute(_KNOWN)
