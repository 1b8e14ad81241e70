"""orders and sales are sorted by amount, however many there are"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"

_WHERE = sa.text("currency <> ''")


def upgrade() -> None:
    for table, owner, at in (("orders", "emp_id", "placed_at"), ("sales", "campaign_id", "purchased_at")):
        op.create_index(
            f"ix_{table}_by_amount",
            table,
            [owner, "currency", "amount", at],
            sqlite_where=_WHERE,
            postgresql_where=_WHERE,
        )
