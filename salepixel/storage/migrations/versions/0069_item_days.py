"""the kept sum of the items of an account by spans of days"""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"

_HALVES = [f"{name}_{half}" for name in ("quantity", "gross", "refunded") for half in ("high", "low")]


def upgrade() -> None:
    op.create_table(
        "item_days",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("span", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("item", "sku", "currency")),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _HALVES),
        sa.PrimaryKeyConstraint(
            *("emp_id", "span", "first", "item", "sku", "currency", "slot"), name=op.f("pk_item_days")
        ),
        sqlite_with_rowid=False,
    )
    halves = ", ".join(
        f"sum({value} / 1000000000), sum({value} % 1000000000)"
        for value in ("quantity", "amount", "refunded")
    )
    op.execute(
        "INSERT INTO item_days SELECT emp_id, 1, purchased_at / 86400000000, substr(item, 1, 255), "  # noqa: S608  # our names
        f"coalesce(sku, ''), currency, 0, {halves} FROM sales GROUP BY 1, 2, 3, 4, 5, 6"
    )
    sums = ", ".join(f"sum({name})" for name in _HALVES)
    for span, shorter in ((4, 1), (16, 4), (64, 16)):
        op.execute(
            f"INSERT INTO item_days SELECT emp_id, {span}, first - first % {span}, item, sku, "  # noqa: S608  # our names
            f"currency, 0, {sums} FROM item_days WHERE span = {shorter} GROUP BY 1, 2, 3, 4, 5, 6"
        )
