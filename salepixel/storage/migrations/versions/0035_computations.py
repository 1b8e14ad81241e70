"""what the worker computes in steps, with its results and the pieces of files"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_table(
        "computations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("steps", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", "ck_computations_state"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_computations")),
    )
    of_kind = ["emp_id", "kind", "digest"]
    under_way = sa.text("state IN ('queued', 'running')")
    op.create_index(op.f("ix_computations_emp_id_kind_digest"), "computations", of_kind)
    op.create_index(
        "ix_computations_one_under_way",
        "computations",
        of_kind,
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
    op.create_index(
        "ix_computations_next_at",
        "computations",
        ["next_at"],
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
    op.create_index(op.f("ix_computations_finished_at"), "computations", ["finished_at"])
    op.create_table(
        "computation_parts",
        sa.Column("computation_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["computation_id"], ["computations.id"], "fk_computation_parts_computation_id"
        ),
        sa.PrimaryKeyConstraint("computation_id", "number", name=op.f("pk_computation_parts")),
    )
