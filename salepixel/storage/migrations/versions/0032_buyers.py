"""how many contacts bought in each campaign"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    buyers = sa.Column("buyers", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("link_sums", buyers)
    op.execute(
        "INSERT INTO link_sums (campaign_id, link_id, slot, human, unknown, bot, clickers, buyers) "
        "SELECT campaign_id, '', 0, 0, 0, 0, 0, count(*) FROM buyers WHERE currency = '' "
        "GROUP BY campaign_id "
        "ON CONFLICT (campaign_id, link_id, slot) DO UPDATE SET buyers = excluded.buyers"
    )
