"""Tables of clicks, pixel hits and the journals that they come from."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import Quantity, UtcTime, metadata

journals = sa.Table(
    "journals",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("mark", sa.BigInteger, nullable=False),  # number of the last folded record
    sa.Column("folded_at", UtcTime, nullable=False),
)

losses = sa.Table(
    "losses",
    metadata,
    sa.Column("journal", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("from_at", UtcTime, nullable=False),
    sa.Column("to_at", UtcTime, nullable=False),
)

clicks = sa.Table(
    "clicks",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("link_id", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),  # empty: unknown
    sa.Column("signals", sa.Integer, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),  # names separated by spaces
    sa.Column("score", sa.Float, nullable=False),
    sa.Index(None, "emp_id", "contact", "id"),
    sa.Index(None, "campaign_id", "id"),
)

watermarks = sa.Table(
    "watermarks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("click_id", sa.LargeBinary(16), nullable=False),  # final up to this click, inclusive
)

unsettled_clicks = sa.Table(
    "unsettled_clicks",  # clicks below the watermark of verdicts that must be judged again
    metadata,
    sa.Column("click_id", sa.LargeBinary(16), primary_key=True),
)

bought = sa.Table(
    "bought",  # clicks with their token on a paid order: human, whatever their signals
    metadata,
    sa.Column("click_id", sa.LargeBinary(16), primary_key=True),
)

hits = sa.Table(
    "hits",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("order_ref", sa.Text, nullable=False),  # the order number that the pixel sent, or empty
    sa.Column("order_id", sa.Text, nullable=False),  # of its order in an account without a shop, or empty
    sa.Column("click_token", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("quantity", Quantity, nullable=False),
    sa.Column("amount", sa.Text, nullable=False),  # decimal, empty: not given
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("signed", sa.Boolean, nullable=False),
    sa.Column("ignored", sa.Text, nullable=False),  # reason, or empty
    sa.Column(
        "order_key", sa.Text, nullable=False, server_default=""
    ),  # reading.order_numbers.order_key of order_ref
    sa.Column(
        "problem", sa.Text, nullable=False, server_default=""
    ),  # `ignored`, or the name of an unreadable value
    sa.Index(None, "emp_id", "order_ref"),
    sa.Index("ix_hits_emp_id_id", "emp_id", "id"),
    sa.Index("ix_hits_emp_id_order_key", "emp_id", "order_key"),
    sa.Index(None, "emp_id", "order_id"),
    sa.Index(
        "ix_hits_problems",
        "emp_id",
        "id",
        sqlite_where=sa.text("problem != ''"),
        postgresql_where=sa.text("problem != ''"),
    ),
)
