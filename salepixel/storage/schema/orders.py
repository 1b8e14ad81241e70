"""Tables of deliveries and of the orders in them."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import HAS_CURRENCY, UtcTime, metadata

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column(
        "digest", sa.Text, primary_key=True
    ),  # SHA-256 of API URL, event and body: recognises a repeated delivery at any time
    sa.Column("shop_id", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("headers", sa.Text, nullable=False),  # JSON if `form` is 0; otherwise empty: `body` has them
    sa.Column("body", sa.LargeBinary, nullable=False),  # in the encoding `form`
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("unread", sa.Text, nullable=False),  # why it could not be parsed, or empty
    sa.Column("form", sa.SmallInteger, nullable=False, server_default="0"),  # orders.deliveries.Form
    sa.Column(
        "same_as", sa.Text
    ),  # digest of the delivery that stores the shared end of both bodies; null: stored whole
    sa.Column(
        "same_bytes", sa.Integer, nullable=False, server_default="0"
    ),  # the length of that end in bytes
    sa.Index(None, "shop_id", "received_at"),
    sa.Index(
        "ix_deliveries_plain",
        "digest",
        sqlite_where=sa.text("form = 0"),
        postgresql_where=sa.text("form = 0"),
    ),
)


def _where_given(name: str, owner: str, column: str) -> sa.Index:
    """A partial index: only rows with a value in `column`, which is null in most rows."""
    given = sa.text(f"{column} IS NOT NULL")
    return sa.Index(name, owner, column, sqlite_where=given, postgresql_where=given)


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
    sa.Column("delivery", sa.Text, nullable=False),  # digest of its delivery, or empty
    sa.Column("alias_hash", sa.Text),
    sa.Column("customer", sa.Text),  # the shop's own id of the buyer
    sa.Column("voucher", sa.Text),  # normalized by reading.names.name_key
    sa.Column("utm_campaign", sa.Text),  # likewise
    sa.Column("payment", sa.Text),  # payment method, as the shop names it; null: not reported
    sa.Column("open", sa.Boolean, nullable=False, server_default=sa.false()),  # neither paid nor cancelled
    sa.Column("healed_at", UtcTime),  # when a poll found the order; null: a webhook reported it first
    sa.Column("number_key", sa.Text, nullable=False, server_default=""),  # order_numbers.order_key of number
    sa.Column("erased_at", UtcTime),  # when a person named in it was erased; its decision no longer changes
    # Of `snapshot`, for lists: its total in ten-thousandths of a unit (money.amounts.to_comparable), and its
    # currency. Null: the snapshot is damaged, or its total is out of bounds.
    sa.Column("amount", sa.BigInteger),
    sa.Column("currency", sa.Text),
    sa.Index(None, "shop_id", "number"),
    sa.Index("ix_orders_shop_id_number_key", "shop_id", "number_key"),
    _where_given("ix_orders_alias_hash", "emp_id", "alias_hash"),
    _where_given("ix_orders_customer", "shop_id", "customer"),
    _where_given("ix_orders_voucher", "emp_id", "voucher"),
    _where_given("ix_orders_utm_campaign", "emp_id", "utm_campaign"),
    sa.Index("ix_orders_email_hash", "emp_id", "email_hash", "placed_at"),
    sa.Index(None, "emp_id", "placed_at"),
    # Not by account first: SQLite without statistics would use it to list the orders of an account by time.
    sa.Index("ix_orders_amount", "amount"),
    sa.Index(
        *("ix_orders_by_amount", "emp_id", "currency", "amount", "placed_at"),
        sqlite_where=sa.text(HAS_CURRENCY),
        postgresql_where=sa.text(HAS_CURRENCY),
    ),
    sa.Index(
        "ix_orders_open",
        "shop_id",
        "placed_at",
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    ),
)

due = sa.Table(
    "due",  # the queue of orders to decide: orders/queue.py
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("again", sa.Boolean, nullable=False),  # false: decision missing or outdated; true: may change
    sa.Column("next_attempt_at", UtcTime),  # null: parked
    sa.Column("because", sa.Text, nullable=False),  # requeue.DueReason; empty: not stored
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),  # failed attempts
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),  # without personal data
    sa.Column("failed_at", UtcTime),
    sa.ForeignKeyConstraint(
        ["shop_id", "order_id"], ["orders.shop_id", "orders.id"], "fk_due_order", ondelete="CASCADE"
    ),
    sa.Index("ix_due_next_attempt_at", "again", "next_attempt_at", "shop_id", "order_id"),
    # The exact text of the condition in queue.have_failed: SQLite compares the texts.
    sa.Index(
        "ix_due_failed",
        "failed_at",
        sqlite_where=sa.text("attempts > 0"),
        postgresql_where=sa.text("attempts > 0"),
    ),
    sqlite_with_rowid=False,
)

refunds = sa.Table(
    "refunds",  # the refunds in each snapshot of an order, kept for their dates
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("updated_at", UtcTime, primary_key=True),
    sa.Column("refunded", sa.BigInteger, primary_key=True, autoincrement=False),  # up to this snapshot
    sa.Column("cancelled", sa.Boolean, primary_key=True),
    sa.Column("issued_at", UtcTime, nullable=False),  # of the first snapshot with these values
    sa.Column("currency", sa.Text, primary_key=True, server_default=""),  # empty: the order's own
    sa.Column(
        "charged", sa.BigInteger
    ),  # orders.Order.charged; null: the shop reports only `paid` and `refunded`
    sa.Column("covers", sa.BigInteger),  # orders.Order.covers; null: not reported
)

drafts = sa.Table(
    "drafts",  # orders that staff created as drafts: placed when the draft was completed
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
