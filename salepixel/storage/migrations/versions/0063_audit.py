"""an audit list: who changed what, and when"""

import sqlalchemy as sa
from alembic import op

from salepixel.storage.schema.columns import UtcTime

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("emp_id", sa.BigInteger, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_emp_id_at_id", "audit", ["emp_id", "at", "id"])
    op.create_index(
        "ix_audit_emp_id_actor_kind_actor_id_at", "audit", ["emp_id", "actor_kind", "actor_id", "at"]
    )
    op.create_index("ix_audit_emp_id_action_at", "audit", ["emp_id", "action", "at"])
