"""the time before which an account's clicks are deleted, and the progress of the deletion"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("clicks_ended_before", sa.BigInteger))
    op.add_column("accounts", sa.Column("bot_clicks_ended_before", sa.BigInteger))
    op.add_column("retention", sa.Column("place", sa.Text, nullable=False, server_default=""))
    by_a_bot = sa.text("verdict = 'bot'")
    op.create_index(
        "ix_candidates_bots", "candidates", ["click_id"], sqlite_where=by_a_bot, postgresql_where=by_a_bot
    )
