"""when an account was looked at"""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("emp_id", name=op.f("pk_looks")),
    )
