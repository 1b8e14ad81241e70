"""evidence of contacts, coupons and campaigns; numbered policies; sales shared by clicks"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("policy_version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("accounts", sa.Column("model", sa.Text(), server_default="last", nullable=False))
    op.add_column(
        "accounts", sa.Column("alias_match", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("accounts", sa.Column("campaign_windows", sa.Text(), server_default="{}", nullable=False))
    op.add_column("accounts", sa.Column("closed_before", sa.BigInteger(), nullable=True))
    op.create_table(
        "policies",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("alias_match", sa.Boolean(), nullable=False),
        sa.Column("campaign_windows", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("emp_id", "version", name=op.f("pk_policies")),
    )
    op.execute(
        "INSERT INTO policies"
        " (emp_id, version, window_days, model, alias_match, campaign_windows, applied_at)"
        " SELECT emp_id, 1, window_days, model, alias_match, campaign_windows, created_at FROM accounts"
    )
    op.add_column("campaigns", sa.Column("utm_campaign", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_campaigns_utm_campaign", "campaigns", ["emp_id", "utm_campaign"], unique=False)
    op.add_column("contacts", sa.Column("alias_hash", sa.Text(), nullable=True))
    op.create_index("ix_contacts_alias_hash", "contacts", ["emp_id", "alias_hash"], unique=False)
    op.create_index(
        "ix_contacts_refused",
        "contacts",
        ["emp_id", "ref"],
        unique=False,
        sqlite_where=sa.text("consent = 0"),
        postgresql_where=sa.text("NOT consent"),
    )
    op.create_table(
        "coupons",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("emp_id", "code", name=op.f("pk_coupons")),
    )
    op.create_index(op.f("ix_coupons_campaign_id"), "coupons", ["campaign_id"], unique=False)
    op.create_index("ix_coupons_contact", "coupons", ["emp_id", "contact"], unique=False)
    for name in ("alias_hash", "customer", "voucher", "utm_campaign"):
        op.add_column("orders", sa.Column(name, sa.Text(), nullable=True))
    op.create_index("ix_orders_alias_hash", "orders", ["emp_id", "alias_hash"], unique=False)
    op.create_index("ix_orders_customer", "orders", ["shop_id", "customer"], unique=False)
    op.create_index("ix_orders_voucher", "orders", ["emp_id", "voucher"], unique=False)
    op.create_index("ix_orders_utm_campaign", "orders", ["emp_id", "utm_campaign"], unique=False)
    op.add_column("decisions", sa.Column("details", sa.Text(), server_default="{}", nullable=False))
    op.add_column("decisions", sa.Column("buyer", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_decisions_buyer", "decisions", ["emp_id", "buyer"], unique=False)
    _share_sales()


def _share_sales() -> None:
    """One row per click. SQLite cannot change a primary key, so the rows move to a new table."""
    with op.batch_alter_table("sales") as sales:
        sales.add_column(sa.Column("share", sa.Float(), server_default="1", nullable=False))
        sales.drop_constraint("pk_sales", type_="primary")
        sales.create_primary_key("pk_sales", ["shop_id", "order_id", "line_id", "click_id"])
