"""kept sums of clicks by hour and by account, and of the time from click to order"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"

_MS = {
    "sqlite": "json_extract('0x' || hex(substr({}, 1, 6)), '$')",
    "postgresql": "('x' || encode(substr({}, 1, 6), 'hex'))::bit(48)::bigint",
}
_STEPS = [minutes * 60_000 for minutes in (10, 30, 60, 180, 360, 720, 1440, 2880, 4320, 10_080)]


def upgrade() -> None:
    _create("click_hours", "campaign_id", "hour")
    _create("click_days", "emp_id", "day")
    op.create_table(
        "delay_sums",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("emp_id", "campaign_id", "day", "step", "slot", name=op.f("pk_delay_sums")),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    clicked, credited = (_MS[connection.dialect.name].format(name) for name in ("id", "click_id"))
    _fill("click_hours", "campaign_id", "hour", f"{clicked} / 3600000", "campaign_id, day * 24")
    _fill("click_days", "emp_id", "day", f"{clicked} / 86400000", "emp_id, day")
    step = " ".join(f"WHEN placed_at / 1000 - {credited} < {end} THEN {n}" for n, end in enumerate(_STEPS))
    connection.exec_driver_sql(
        "INSERT INTO delay_sums (emp_id, campaign_id, day, step, slot, orders) "  # noqa: S608
        "SELECT emp_id, campaign_id, placed_at / 86400000000, "
        f"CASE {step} ELSE {len(_STEPS)} END, 0, count(*) "
        "FROM decisions WHERE click_id IS NOT NULL GROUP BY 1, 2, 3, 4"
    )


def _create(table: str, owner: str, unit: str) -> None:
    its_type = sa.BigInteger() if owner == "emp_id" else sa.Text()
    op.create_table(
        table,
        sa.Column(owner, its_type, autoincrement=False, nullable=False),
        sa.Column(unit, sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(owner, unit, "verdict", "slot", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _fill(table: str, owner: str, unit: str, time: str, ended_by: str) -> None:
    names = f"{owner}, {unit}, verdict, slot, clicks"
    connection = op.get_bind()
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}) SELECT {owner}, {time}, verdict, 0, count(*) "  # noqa: S608
        "FROM clicks GROUP BY 1, 2, 3"
    )
    # Of clicks that retention has deleted, only the day is known. They count in its first hour.
    joined = "click_sums" if owner == "campaign_id" else "click_sums JOIN campaigns ON id = campaign_id"
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}, ended) SELECT {ended_by}, verdict, 0, 0, sum(ended) "  # noqa: S608
        f"FROM {joined} WHERE ended <> 0 GROUP BY 1, 2, 3 "
        f"ON CONFLICT ({owner}, {unit}, verdict, slot) DO UPDATE SET ended = excluded.ended"
    )
