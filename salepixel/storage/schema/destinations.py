"""Table of forwards."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # also the idempotency key: digest of sale and destination
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("shop_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # waiting | sent | dead
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),  # the next attempt; if sent or dead: the last one
    sa.Column("answer", sa.Text, nullable=False),  # of the last attempt
    sa.Index(None, "state", "next_at"),
    sa.Index("ix_outbox_order", "shop_id", "order_id"),
    sa.CheckConstraint("state IN ('waiting', 'sent', 'dead')", "ck_outbox_state"),
)
