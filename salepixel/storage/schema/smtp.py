"""The table of the SMTP settings of accounts."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

smtp_servers = sa.Table(
    "smtp_servers",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("encryption", sa.Text, nullable=False),  # starttls | tls | none
    sa.Column("user", sa.Text, nullable=False),  # empty: no password
    sa.Column("password", sa.Text, nullable=False),  # encrypted
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("sender_name", sa.Text, nullable=False),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),  # of the last mail: sent, or why not
    sa.Column("answered_at", UtcTime),
)
