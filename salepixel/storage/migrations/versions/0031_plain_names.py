"""rejections by `source`, and reasons `..._unavailable`, in place of `door` and `..._away`"""

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.execute("ALTER TABLE rejections RENAME COLUMN door TO source")
    for name in ("shop", "keys"):
        op.execute(
            f"UPDATE rejections SET reason = '{name}_unavailable' "  # noqa: S608  # our own names
            f"WHERE reason = '{name}_away'"
        )
