"""Tables of decisions and of the sales that follow from them."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import HAS_CURRENCY, Quantity, UtcTime, metadata

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("placed_at", UtcTime, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("policy", sa.Integer, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    # About the credited click; `evidence` is empty if no click gets the credit.
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),  # 0: no credit
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("click_id", sa.LargeBinary(16)),  # null: only the campaign, or the contact, is known
    sa.Column("forwarded", sa.Boolean, nullable=False),
    sa.Column("agreeing", sa.Text, nullable=False),  # names of evidence separated by spaces
    sa.Column("conflicting", sa.Text, nullable=False),  # likewise
    sa.Column("clicks_limit", sa.Integer),  # only this many clicks, the newest, were considered; null: all
    sa.Column("buyer", sa.Text, nullable=False),  # the contact in the order's own evidence, or empty
    # For tracking health. Stored here, so that its sums need no clicks and hits, which retention deletes.
    sa.Column("payment", sa.Text, nullable=False, server_default=""),  # as the shop calls it, or empty
    sa.Column("browser", sa.Text, nullable=False, server_default=""),  # of its last click; empty: not known
    sa.Column("seen", sa.Boolean, nullable=False, server_default=sa.false()),  # by the pixel
    sa.Column("healed", sa.Boolean, nullable=False, server_default=sa.false()),  # first found by a poll
    # What it is worth as the account counts it (attribution.worth), in minor units.
    sa.Column("currency", sa.Text, nullable=False, server_default=""),
    sa.Column("gross", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("buyer_is", sa.Text, nullable=False, server_default=""),  # attribution.worth.BuyerIs
    sa.ForeignKeyConstraint(["shop_id", "order_id"], ["orders.shop_id", "orders.id"], "fk_decisions_order"),
    sa.CheckConstraint(
        "outcome IN ('attributed', 'likely', 'unattributed', 'pending')", "ck_decisions_outcome"
    ),
    sa.CheckConstraint("confidence BETWEEN 0 AND 1", "ck_decisions_confidence"),
    sa.CheckConstraint(
        "evidence <> '' OR (campaign_id = '' AND contact = '' AND click_id IS NULL AND NOT forwarded)",
        "ck_decisions_credited",
    ),
    sa.Index(None, "emp_id", "placed_at"),
    sa.Index("ix_decisions_outcome", "emp_id", "outcome", "reason", "placed_at"),
    sa.Index("ix_decisions_buyer", "emp_id", "buyer"),
)

NAMED_BY_ORDER = sa.text("evidence IN ('token', 'cookie')")
"""True for candidates by the order's own evidence. Written literally, or SQLite does not use the index."""

BY_A_BOT = sa.text("verdict = 'bot'")
"""True of candidates whose click is a bot's; literally, as above."""

candidates = sa.Table(
    "candidates",  # the clicks considered for a decision, the credited one first
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column(
        "click_id", sa.LargeBinary(16)
    ),  # may be unknown here; null: the evidence names only a campaign or a contact
    sa.Column("campaign_id", sa.Text, nullable=False),  # empty: unknown
    sa.Column("link_id", sa.Text),  # null: no click
    sa.Column("contact", sa.Text, nullable=False),  # empty: unknown, or opted out
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("passed_over", sa.Text),  # why it gets no credit; null: it qualifies
    sa.Column("opted_out", sa.Boolean, nullable=False),  # passed over because its contact opted out
    sa.Column("share", sa.Float, nullable=False),  # of the order, given to this click by the model
    sa.ForeignKeyConstraint(
        ["shop_id", "order_id"],
        ["decisions.shop_id", "decisions.order_id"],
        "fk_candidates_decision",
        ondelete="CASCADE",
    ),
    sa.CheckConstraint("confidence BETWEEN 0 AND 1", "ck_candidates_confidence"),
    sa.CheckConstraint("share BETWEEN 0 AND 1", "ck_candidates_share"),
    sa.CheckConstraint("NOT opted_out OR contact = ''", "ck_candidates_opted_out"),
    sa.Index(
        "ix_candidates_click_id", "click_id", sqlite_where=NAMED_BY_ORDER, postgresql_where=NAMED_BY_ORDER
    ),
    sa.Index(
        "ix_candidates_bots",  # a bot click that a decision shows is kept as long as human clicks
        "click_id",
        sqlite_where=BY_A_BOT,
        postgresql_where=BY_A_BOT,
    ),
    sa.Index(
        "ix_candidates_contact",
        "emp_id",
        "contact",
        sqlite_where=sa.text("contact <> ''"),
        postgresql_where=sa.text("contact <> ''"),
    ),
    sa.Index(
        "ix_candidates_opted_out",
        "emp_id",
        sqlite_where=sa.text("opted_out = 1"),
        postgresql_where=sa.text("opted_out"),
    ),
    sqlite_with_rowid=False,  # stores an order's candidates together, and their key once
)

sales = sa.Table(
    "sales",
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("line_id", sa.Text, primary_key=True),
    sa.Column("click_id", sa.LargeBinary(16), primary_key=True),  # empty: only the campaign is known
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("link_id", sa.Text, nullable=False),  # empty: only the campaign is known
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("sku", sa.Text),
    sa.Column("quantity", Quantity, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("refunded", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("purchased_at", UtcTime, nullable=False),
    sa.Column("order_number", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column(
        "share", sa.Float, nullable=False, server_default="1"
    ),  # of the line, given to this click by the model
    # In the account's currency, at the rate of the day of the sale; null: no rate.
    sa.Column("converted", sa.BigInteger),
    sa.Column("converted_refunded", sa.BigInteger),
    sa.Column("converted_currency", sa.Text),
    sa.Column("rate", sa.Text),  # decimal
    sa.Column("rate_date", sa.Text),  # 2026-11-23
    sa.Column("refunded_at", UtcTime),  # the last refund in `refunded`
    sa.Index(None, "campaign_id", "purchased_at"),
    sa.Index(
        *("ix_sales_by_amount", "campaign_id", "currency", "amount", "purchased_at"),
        sqlite_where=sa.text(HAS_CURRENCY),
        postgresql_where=sa.text(HAS_CURRENCY),
    ),
    sa.Index(None, "click_id"),
)

sale_refunds = sa.Table(
    "sale_refunds",  # the refunds of each sale, by time, also after its month was closed
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("line_id", sa.Text, primary_key=True),
    sa.Column("click_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("refunded_at", UtcTime, primary_key=True),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("converted", sa.BigInteger),
    sa.Index(None, "campaign_id", "refunded_at"),
)
