"""Tables of what the worker computes in steps: reports of large accounts, and files."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

UNDER_WAY = sa.text("state IN ('queued', 'running')")

computations = sa.Table(
    "computations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),  # of the parameters
    sa.Column("parameters", sa.Text, nullable=False),  # JSON
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("steps", sa.BigInteger, nullable=False),  # how many were done
    sa.Column("done", sa.BigInteger, nullable=False),  # of `total`, for the progress
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("place", sa.LargeBinary, nullable=False),  # packed JSON: where the next step begins
    sa.Column("requested_at", UtcTime, nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),  # the next step may begin; later while a worker has it
    sa.Column("as_of", UtcTime),  # when the first step began
    sa.Column("finished_at", UtcTime),
    sa.Column("result", sa.LargeBinary, nullable=False),  # packed JSON
    sa.Column("error", sa.Text, nullable=False),
    sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", "ck_computations_state"),
    sa.Index(None, "emp_id", "kind", "digest"),
    sa.Index(
        "ix_computations_one_under_way",
        "emp_id",
        "kind",
        "digest",
        unique=True,
        sqlite_where=UNDER_WAY,
        postgresql_where=UNDER_WAY,
    ),
    sa.Index("ix_computations_next_at", "next_at", sqlite_where=UNDER_WAY, postgresql_where=UNDER_WAY),
    sa.Index(None, "finished_at"),
)

computation_parts = sa.Table(
    "computation_parts",  # the pieces of a file, in sequence
    metadata,
    sa.Column("computation_id", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("content", sa.LargeBinary, nullable=False),  # compressed
    sa.ForeignKeyConstraint(["computation_id"], ["computations.id"], "fk_computation_parts_computation_id"),
)
