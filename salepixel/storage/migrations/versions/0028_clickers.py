"""kept sums of clickers, and of clicks per campaign and link"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

_TIME = {
    "sqlite": "json_extract('0x' || hex(substr(id, 1, 6)), '$')",
    "postgresql": "('x' || encode(substr(id, 1, 6), 'hex'))::bit(48)::bigint",
}

_ALL_LINKS = "''"


def _clicks(link: str) -> str:
    return (
        f"SELECT campaign_id, {link} AS link_id, CASE verdict WHEN 'human' THEN clicks ELSE 0 END AS human, "  # noqa: S608
        "CASE verdict WHEN 'unknown' THEN clicks ELSE 0 END AS unknown, "
        "CASE verdict WHEN 'bot' THEN clicks ELSE 0 END AS bot, 0 AS clickers FROM click_sums"
    )


def upgrade() -> None:
    op.create_table(
        "clickers",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("human", sa.BigInteger(), nullable=False),
        sa.Column("bot", sa.BigInteger(), nullable=False),
        sa.Column("first_click", sa.BigInteger(), nullable=False),
        sa.Column("last_click", sa.BigInteger(), nullable=False),
        sa.Column("links", sa.Text(), nullable=False),
        sa.Column("human_ended", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bot_ended", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "contact", name=op.f("pk_clickers")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "link_sums",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("human", sa.BigInteger(), nullable=False),
        sa.Column("unknown", sa.BigInteger(), nullable=False),
        sa.Column("bot", sa.BigInteger(), nullable=False),
        sa.Column("clickers", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "link_id", "slot", name=op.f("pk_link_sums")),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    time = _TIME[connection.dialect.name]
    each = "json_each(links)" if connection.dialect.name == "sqlite" else "json_each(links::json)"
    connection.exec_driver_sql(
        "INSERT INTO clickers (campaign_id, contact, human, bot, first_click, last_click, links) "  # noqa: S608
        "SELECT campaign_id, contact, sum(human), sum(bot), min(first), max(last), "
        "'{' || coalesce(string_agg('\"' || link_id || '\":' || human, ',' ORDER BY link_id) "
        "FILTER (WHERE human > 0), '') || '}' FROM ("
        "SELECT campaign_id, contact, link_id, count(*) FILTER (WHERE verdict <> 'bot') AS human, "
        f"count(*) FILTER (WHERE verdict = 'bot') AS bot, min({time}) AS first, max({time}) AS last "
        "FROM clicks WHERE contact <> '' GROUP BY campaign_id, contact, link_id"
        ") by_link GROUP BY campaign_id, contact"
    )
    connection.exec_driver_sql(
        "INSERT INTO link_sums (campaign_id, link_id, slot, human, unknown, bot, clickers) "  # noqa: S608
        "SELECT campaign_id, link_id, 0, sum(human), sum(unknown), sum(bot), sum(clickers) FROM ("
        f"{_clicks('link_id')} UNION ALL {_clicks(_ALL_LINKS)} UNION ALL "
        "SELECT campaign_id, '', 0, 0, 0, 1 FROM clickers WHERE human > 0 UNION ALL "
        f"SELECT campaign_id, each_link.key, 0, 0, 0, 1 FROM clickers, {each} AS each_link"
        ") cells GROUP BY campaign_id, link_id"
    )
