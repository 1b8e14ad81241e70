"""the unreadable value of a pixel hit, or why the hit is ignored: counted by account and time"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("hits", sa.Column("problem", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE hits SET problem = ignored WHERE ignored != ''")
    op.create_index(
        "ix_hits_problems",
        "hits",
        ["emp_id", "id"],
        unique=False,
        sqlite_where=sa.text("problem != ''"),
        postgresql_where=sa.text("problem != ''"),
    )
