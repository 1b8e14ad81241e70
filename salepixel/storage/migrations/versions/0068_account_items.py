"""the kept sum of the items of a whole account"""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"

_HALVES = [f"{name}_{half}" for name in ("quantity", "gross", "refunded") for half in ("high", "low")]


def upgrade() -> None:
    op.create_table(
        "account_items",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("item", "sku", "currency")),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _HALVES),
        sa.PrimaryKeyConstraint("emp_id", "item", "sku", "currency", "slot", name=op.f("pk_account_items")),
        sqlite_with_rowid=False,
    )
    sums = ", ".join(f"sum({name})" for name in _HALVES)
    op.execute(
        f"INSERT INTO account_items SELECT c.emp_id, i.item, i.sku, i.currency, 0, {sums} "  # noqa: S608  # our names
        "FROM item_sums i JOIN campaigns c ON c.id = i.campaign_id GROUP BY 1, 2, 3, 4"
    )
