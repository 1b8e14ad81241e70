"""Tables of deliveries and of the orders in them."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column(
        "digest", sa.Text, primary_key=True
    ),  # of api url, event and body: the key without a time window
    sa.Column("shop_id", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("headers", sa.Text, nullable=False),  # JSON where `form` is 0; otherwise empty, see `body`
    sa.Column("body", sa.LargeBinary, nullable=False),  # as `form` says
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("unread", sa.Text, nullable=False),  # why no order was read from it, or empty
    sa.Column("form", sa.SmallInteger, nullable=False, server_default="0"),  # orders.deliveries.Form
    sa.Column("same_as", sa.Text),  # digest of the delivery whose body ends as this one's does
    sa.Column(
        "same_bytes", sa.Integer, nullable=False, server_default="0"
    ),  # so many bytes of both are alike
    sa.Index(None, "shop_id", "received_at"),
    sa.Index(
        "ix_deliveries_plain",
        "digest",
        sqlite_where=sa.text("form = 0"),
        postgresql_where=sa.text("form = 0"),
    ),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("placed_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("issued_at", UtcTime, nullable=False),
    sa.Column("email_hash", sa.Text),
    sa.Column("snapshot", sa.Text, nullable=False),  # JSON of orders.Order
    sa.Column("delivery", sa.Text, nullable=False),  # digest of the delivery it came with, or empty
    sa.Column("due", sa.Boolean, nullable=False),  # to be reconciled; this and the next are of queue.py
    sa.Column("next_attempt_at", UtcTime),  # when its turn is; null: parked, or not due
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),  # that failed
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),  # names no person
    sa.Column("failed_at", UtcTime),
    sa.Column(
        "due_because", sa.Text, nullable=False, server_default=""
    ),  # requeue.DueReason; empty: not noted
    sa.Column("alias_hash", sa.Text),
    sa.Column("customer", sa.Text),  # the shop's own id of the buyer
    sa.Column("voucher", sa.Text),  # as reading.names.name_key has it
    sa.Column("utm_campaign", sa.Text),  # likewise
    sa.Column("payment", sa.Text),  # how it was paid, as the shop calls it; null: not given
    sa.Column("open", sa.Boolean, nullable=False, server_default=sa.false()),  # neither paid nor cancelled
    sa.Column("healed_at", UtcTime),  # when a poll first found what no webhook had reported
    sa.Column("number_key", sa.Text, nullable=False, server_default=""),  # reading.orders.order_key of number
    sa.Column("erased_at", UtcTime),  # when a person that it named was erased: its decision stays as it is
    sa.Index(None, "shop_id", "number"),
    sa.Index("ix_orders_shop_id_number_key", "shop_id", "number_key"),
    sa.Index("ix_orders_alias_hash", "emp_id", "alias_hash"),
    sa.Index("ix_orders_customer", "shop_id", "customer"),
    sa.Index("ix_orders_voucher", "emp_id", "voucher"),
    sa.Index("ix_orders_utm_campaign", "emp_id", "utm_campaign"),
    sa.Index(None, "emp_id", "email_hash"),
    sa.Index(None, "emp_id", "placed_at"),
    # As the question is put: SQLite compares the texts.
    sa.Index(
        "ix_orders_due",
        "next_attempt_at",
        sqlite_where=sa.text("due = 1"),
        postgresql_where=sa.text("due"),
    ),
    sa.Index(
        "ix_orders_failed",
        "failed_at",
        sqlite_where=sa.text("attempts > 0"),
        postgresql_where=sa.text("attempts > 0"),
    ),
    sa.Index(
        "ix_orders_open",
        "shop_id",
        "placed_at",
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    ),
)

refunds = sa.Table(
    "refunds",  # the refunds in each snapshot of an order, kept for their dates
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("updated_at", UtcTime, primary_key=True),
    sa.Column("refunded", sa.BigInteger, primary_key=True, autoincrement=False),  # so far, of the total
    sa.Column("cancelled", sa.Boolean, primary_key=True),
    sa.Column("issued_at", UtcTime, nullable=False),  # of the first snapshot that had this
    sa.Column("currency", sa.Text, primary_key=True, server_default=""),  # empty: the order's own
    sa.Column("charged", sa.BigInteger),  # ever; null: the shop said itself whether it was paid, or nothing
    sa.Column("covers", sa.BigInteger),  # the total that was paid for; null: not given, or kept before it was
)

drafts = sa.Table(
    "drafts",  # orders that staff wrote as drafts first: they were placed when they were completed
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
)

rejections = sa.Table(
    "rejections",
    metadata,
    sa.Column("day", sa.Text, primary_key=True),  # UTC, 2026-11-23
    sa.Column("source", sa.Text, primary_key=True),  # saleor_webhook, saleor_register ...
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)
