"""life of an order: which amounts an account counts, the dates of refunds, exchange rates"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name, default in (("sale_when", "paid"), ("tax", "gross"), ("shipping", "excluded")):
        op.add_column("accounts", sa.Column(name, sa.Text(), server_default=default, nullable=False))
    op.add_column("sales", sa.Column("converted", sa.BigInteger(), nullable=True))
    op.add_column("sales", sa.Column("converted_refunded", sa.BigInteger(), nullable=True))
    for name in ("converted_currency", "rate", "rate_date"):
        op.add_column("sales", sa.Column(name, sa.Text(), nullable=True))
    op.create_table(
        "refunds",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "shop_id", "order_id", "updated_at", "refunded", "cancelled", name=op.f("pk_refunds")
        ),
    )
    op.create_table(
        "sale_refunds",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("click_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("refunded_at", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("converted", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "shop_id", "order_id", "line_id", "click_id", "refunded_at", name=op.f("pk_sale_refunds")
        ),
    )
    op.create_index(
        op.f("ix_sale_refunds_campaign_id_refunded_at"),
        "sale_refunds",
        ["campaign_id", "refunded_at"],
        unique=False,
    )
    # Stored orders were decided without rates and dates of refunds; the sweep decides them again.
    op.execute(
        sa.text("UPDATE orders SET due = true WHERE (shop_id, id) IN (SELECT shop_id, order_id FROM sales)")
    )
