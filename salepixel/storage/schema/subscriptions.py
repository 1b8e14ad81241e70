"""Tables of reports by e-mail."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("what", sa.Text, nullable=False),  # campaigns | campaign | months
    sa.Column("campaign_id", sa.Text, nullable=False),  # of "campaign"; otherwise empty
    sa.Column("address", sa.Text, nullable=False),  # encrypted
    sa.Column("email_hash", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    # A month that was closed before the subscription began is not sent.
    sa.Column("closed_at_start", UtcTime),
    sa.UniqueConstraint("emp_id", "email_hash", "what", "campaign_id"),
)

report_mails = sa.Table(
    "report_mails",  # each report that was or will be sent; the rows stay, so that none is sent twice
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # of account, kind, campaign or month, and person
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("subscription_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # day_1 | day_3 | day_7 | month
    sa.Column("about", sa.Text, nullable=False),  # a campaign's id, or a month
    sa.Column("written_at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime),  # null: sent, or given up
    sa.Column("answer", sa.Text, nullable=False),  # of the last attempt: empty, sent, or why not
    sa.Column("answered_at", UtcTime),
    sa.Index(None, "next_at"),
    sa.Index(None, "subscription_id"),
)
