"""kept sums of all days, and of the time to purchase in all campaigns of an account"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"

_MONEY = ("gross_high", "gross_low", "refunded_high", "refunded_low")


def upgrade() -> None:
    _create("reason_sums", {"campaign_id": sa.Text(), "reasons": sa.Text()}, "clicks")
    _create("outcome_sums", {"emp_id": sa.BigInteger(), "outcome": sa.Text(), "reason": sa.Text()}, "orders")
    texts = dict.fromkeys(("campaign_id", "kind", "name", "currency"), sa.Text())
    _create("part_sums", texts, "orders", *_MONEY)
    _fill(
        "reason_sums (campaign_id, reasons, slot, clicks) "
        "SELECT campaign_id, reasons, 0, sum(clicks + ended) "
        "FROM click_sums WHERE reasons <> '' GROUP BY 1, 2 HAVING sum(clicks + ended) <> 0"
    )
    _fill(
        "outcome_sums (emp_id, outcome, reason, slot, orders) SELECT emp_id, outcome, reason, 0, count(*) "
        "FROM decisions GROUP BY 1, 2, 3"
    )
    _fill(
        "delay_sums (emp_id, campaign_id, day, step, slot, orders) "
        "SELECT emp_id, '', day, step, 0, sum(orders) FROM delay_sums GROUP BY 1, 3, 4"
    )
    # From the sums by day, which have few rows: an order has one day, one evidence and one currency.
    money = ", ".join(f"sum(s.{name})" for name in _MONEY)
    for kind, name, count in (("evidence", "evidence", "orders"), ("link", "link_id", "link_orders")):
        _fill(
            f"part_sums (campaign_id, kind, name, currency, slot, orders, {', '.join(_MONEY)}) "  # noqa: S608
            f"SELECT s.campaign_id, '{kind}', s.{name}, s.currency, 0, sum(s.{count}), {money} "
            "FROM sale_sums s GROUP BY 1, 3, 4"
        )


def _create(table: str, key: dict[str, Any], *measures: str) -> None:
    op.create_table(
        table,
        *(sa.Column(name, its_type, autoincrement=False, nullable=False) for name, its_type in key.items()),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in measures),
        sa.PrimaryKeyConstraint(*key, "slot", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _fill(rest: str) -> None:
    op.get_bind().exec_driver_sql(f"INSERT INTO {rest}")
