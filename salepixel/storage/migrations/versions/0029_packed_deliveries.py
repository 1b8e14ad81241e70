"""compressed deliveries; the common end of two deliveries is stored once"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    # Packing stored deliveries here would keep an installation with millions of them down for an hour. The
    # worker's sweeps pack them.
    op.add_column("deliveries", sa.Column("form", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("deliveries", sa.Column("same_as", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("same_bytes", sa.Integer(), nullable=False, server_default="0"))
    plain = sa.text("form = 0")
    op.create_index(
        "ix_deliveries_plain", "deliveries", ["digest"], sqlite_where=plain, postgresql_where=plain
    )
