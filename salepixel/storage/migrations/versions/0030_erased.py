"""keyed hashes of erased persons, receipts of erasures, orders of erased persons"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("emp_id", "digest", name=op.f("pk_erased")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("work", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_emp_id_begun_at"), "erasures", ["emp_id", "begun_at"])
    under_way = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_erasures_under_way", "erasures", ["begun_at"], sqlite_where=under_way, postgresql_where=under_way
    )
    op.add_column("orders", sa.Column("erased_at", sa.BigInteger()))
