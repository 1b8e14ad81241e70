"""refunds of each snapshot with their currency, and charges"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Empty: stored before this column existed; probably in the order's currency.
    currency = sa.Column("currency", sa.Text(), server_default="", nullable=False)
    key = ["shop_id", "order_id", "updated_at", "refunded", "cancelled", "currency"]
    with op.batch_alter_table("refunds") as table:
        table.add_column(currency)
        table.add_column(sa.Column("charged", sa.BigInteger()))
        table.drop_constraint("pk_refunds", type_="primary")
        table.create_primary_key("pk_refunds", key)
