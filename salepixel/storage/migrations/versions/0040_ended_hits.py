"""until when the ignored pixel hits of an account have ended, and by which index hits end"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("ignored_hits_ended_before", sa.BigInteger))
    op.create_index("ix_hits_emp_id_id", "hits", ["emp_id", "id"])
