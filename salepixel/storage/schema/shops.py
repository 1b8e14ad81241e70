"""Tables of shops and how they are polled."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

shops = sa.Table(
    "shops",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("platform", sa.Text, nullable=False),  # saleor | api | pixel
    sa.Column("api_url", sa.Text, nullable=False),  # of a Saleor; for other platforms: platform and empId
    sa.Column("app_id", sa.Text),
    sa.Column("token", sa.Text),
    sa.Column("jwks", sa.Text),
    sa.Column("jwks_at", UtcTime),
    sa.Column("connected_at", UtcTime),  # the first time; never cleared
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("disconnected_at", UtcTime),  # when its app was deleted in the shop
    sa.Column("app_active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("app_status_at", UtcTime),  # when the shop reported app_active; null: never
    sa.Column("paused_at", UtcTime),
    sa.Column("removed_at", UtcTime),
    sa.Column("dashboards", sa.Text, nullable=False, server_default=""),  # addresses, separated by spaces
    sa.UniqueConstraint("api_url", "emp_id"),  # one Saleor may serve several accounts
    sa.Index(None, "emp_id"),
    sa.CheckConstraint("platform IN ('saleor', 'api', 'pixel')", "ck_shops_platform"),
)

polls = sa.Table(
    "polls",  # the progress of polling each shop
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("mark", UtcTime, nullable=False),  # all changes until then are stored
    sa.Column("next_at", UtcTime, nullable=False),  # the next poll; during a poll: the end of its claim
    sa.Column("problem", sa.Text, nullable=False, server_default=""),  # why the last poll failed, or empty
    sa.Column("problem_since", UtcTime),
    sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], "fk_polls_shop_id"),
)

shop_days = sa.Table(
    "shop_days",  # the shop's own count of orders per day
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),  # UTC, 2026-11-23
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.Column("counted_at", UtcTime, nullable=False),
    sa.Column("known", sa.BigInteger),  # of these, the orders known here at counted_at; null: not counted
    sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], "fk_shop_days_shop_id"),
)

shop_rejections = sa.Table(
    "shop_rejections",  # rejected deliveries that name a known shop: shops/rejected.py
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("last_at", UtcTime, nullable=False),
    sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], "fk_shop_rejections_shop_id"),
)

unread_orders = sa.Table(
    "unread_orders",  # orders of a shop that could not be read in a poll
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Text, nullable=False),  # empty: not given
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),  # the shop's message, or empty
    sa.Column("since", UtcTime, nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),  # the next attempt
    sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], "fk_unread_orders_shop_id"),
)
