"""one Saleor may serve several accounts; a shop may be paused or removed, its app deleted or inactive"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_WITHOUT_APP = """
UPDATE shops SET disconnected_at = (
    SELECT max(received_at) FROM deliveries
    WHERE deliveries.shop_id = shops.id AND deliveries.event = 'app_deleted'
) WHERE token IS NULL AND connected_at IS NOT NULL
"""


def upgrade() -> None:
    with op.batch_alter_table("shops") as shops:  # SQLite cannot drop a constraint: the table is copied
        shops.add_column(sa.Column("name", sa.Text(), server_default="", nullable=False))
        shops.add_column(sa.Column("disconnected_at", sa.BigInteger()))
        shops.add_column(sa.Column("app_active", sa.Boolean(), server_default=sa.true(), nullable=False))
        shops.add_column(sa.Column("app_status_at", sa.BigInteger()))
        shops.add_column(sa.Column("paused_at", sa.BigInteger()))
        shops.add_column(sa.Column("removed_at", sa.BigInteger()))
        shops.drop_constraint(op.f("uq_shops_api_url"), type_="unique")
        shops.create_unique_constraint(op.f("uq_shops_api_url_emp_id"), ["api_url", "emp_id"])
    op.execute(_WITHOUT_APP)
