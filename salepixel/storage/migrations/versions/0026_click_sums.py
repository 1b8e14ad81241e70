"""kept sums of clicks"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

_DAY = {
    "sqlite": "json_extract('0x' || hex(substr(id, 1, 5)), '$') / 337500",
    "postgresql": "('x' || encode(substr(id, 1, 5), 'hex'))::bit(40)::bigint / 337500",
}


def upgrade() -> None:
    op.create_table(
        "click_sums",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign_id", "link_id", "day", "verdict", "reasons", "slot", name=op.f("pk_click_sums")
        ),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    connection.exec_driver_sql(
        "INSERT INTO click_sums (campaign_id, link_id, day, verdict, reasons, slot, clicks) "  # noqa: S608
        f"SELECT campaign_id, link_id, {_DAY[connection.dialect.name]}, verdict, reasons, 0, count(*) "
        "FROM clicks GROUP BY 1, 2, 3, 4, 5"
    )
