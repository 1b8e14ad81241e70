"""first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tracking_host", sa.Text(), server_default="", nullable=False),
        sa.Column("site", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("window_days", sa.Integer(), server_default="7", nullable=False),
        sa.Column("pixel_amount", sa.Text(), server_default="line", nullable=False),
        sa.Column("pixel_secret", sa.Text(), server_default="", nullable=False),
        sa.Column("pixel_signed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hosted_pixel", sa.Text(), server_default="", nullable=False),
        sa.Column("hosted_emp_id", sa.Text(), server_default="", nullable=False),
        sa.Column("forward_url", sa.Text(), server_default="", nullable=False),
        sa.Column("forward_per", sa.Text(), server_default="line", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("emp_id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "api_keys",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("id", name=op.f("uq_api_keys_id")),
    )
    op.create_table(
        "bought",
        sa.Column("click_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("click_id", name=op.f("pk_bought")),
    )
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mailer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("contact_tag", sa.Text(), server_default="{contact}", nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index(
        op.f("ix_campaigns_emp_id_created_at"), "campaigns", ["emp_id", "created_at"], unique=False
    )
    op.create_table(
        "clicks",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("signals", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clicks")),
    )
    op.create_index(op.f("ix_clicks_campaign_id_id"), "clicks", ["campaign_id", "id"], unique=False)
    op.create_index(op.f("ix_clicks_emp_id_contact_id"), "clicks", ["emp_id", "contact", "id"], unique=False)
    op.create_index(
        "ix_clicks_not_final",
        "clicks",
        ["id"],
        unique=False,
        sqlite_where=sa.text("final = 0"),
        postgresql_where=sa.text("final = false"),
    )
    op.create_table(
        "contacts",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("email_hash", sa.Text(), nullable=True),
        sa.Column("consent", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("emp_id", "ref", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_emp_id_email_hash"), "contacts", ["emp_id", "email_hash"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name=op.f("pk_decisions")),
    )
    op.create_index(op.f("ix_decisions_emp_id_placed_at"), "decisions", ["emp_id", "placed_at"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("unread", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_deliveries")),
    )
    op.create_index(
        op.f("ix_deliveries_shop_id_received_at"), "deliveries", ["shop_id", "received_at"], unique=False
    )
    op.create_table(
        "hits",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("order_ref", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("click_token", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("signed", sa.Boolean(), nullable=False),
        sa.Column("ignored", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hits")),
    )
    op.create_index(op.f("ix_hits_emp_id_order_id"), "hits", ["emp_id", "order_id"], unique=False)
    op.create_index(op.f("ix_hits_emp_id_order_ref"), "hits", ["emp_id", "order_ref"], unique=False)
    op.create_table(
        "journals",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("folded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_journals")),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("sale_pixel", sa.Boolean(), nullable=False),
        sa.Column("new_url", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_campaign_id_position"), "links", ["campaign_id", "position"], unique=False)
    op.create_index(
        "ix_links_changed_at",
        "links",
        ["changed_at"],
        unique=False,
        sqlite_where=sa.text("changed_at IS NOT NULL"),
        postgresql_where=sa.text("changed_at IS NOT NULL"),
    )
    op.create_table(
        "losses",
        sa.Column("journal", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("to_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journal", "number", name=op.f("pk_losses")),
    )
    op.create_table(
        "orders",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("email_hash", sa.Text(), nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "id", name=op.f("pk_orders")),
    )
    op.create_index(
        "ix_orders_due",
        "orders",
        ["due"],
        unique=False,
        sqlite_where=sa.text("due = 1"),
        postgresql_where=sa.text("due"),
    )
    op.create_index(op.f("ix_orders_emp_id_email_hash"), "orders", ["emp_id", "email_hash"], unique=False)
    op.create_index(op.f("ix_orders_emp_id_placed_at"), "orders", ["emp_id", "placed_at"], unique=False)
    op.create_index(op.f("ix_orders_shop_id_number"), "orders", ["shop_id", "number"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_state_next_at"), "outbox", ["state", "next_at"], unique=False)
    op.create_table(
        "rejections",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "door", "reason", name=op.f("pk_rejections")),
    )
    op.create_table(
        "sales",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("click_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("purchased_at", sa.BigInteger(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "line_id", name=op.f("pk_sales")),
    )
    op.create_index(
        op.f("ix_sales_campaign_id_purchased_at"), "sales", ["campaign_id", "purchased_at"], unique=False
    )
    op.create_index(op.f("ix_sales_click_id"), "sales", ["click_id"], unique=False)
    op.create_table(
        "shops",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("jwks", sa.Text(), nullable=True),
        sa.Column("jwks_at", sa.BigInteger(), nullable=True),
        sa.Column("connected_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shops")),
        sa.UniqueConstraint("api_url", name=op.f("uq_shops_api_url")),
    )
    op.create_index(op.f("ix_shops_emp_id"), "shops", ["emp_id"], unique=False)
