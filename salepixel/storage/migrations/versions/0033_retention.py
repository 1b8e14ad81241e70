"""how long an account keeps deliveries, sent forwards and ignored pixel hits"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "retention",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer()),
        sa.Column("ended_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("emp_id", "kind", name=op.f("pk_retention")),
        sqlite_with_rowid=False,
    )
