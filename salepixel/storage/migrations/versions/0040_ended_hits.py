"""the time before which an account's ignored pixel hits are deleted, and an index to delete hits by"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("ignored_hits_ended_before", sa.BigInteger))
    op.create_index("ix_hits_emp_id_id", "hits", ["emp_id", "id"])
