"""Tables of alerts, of those who get them, and of canaries."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

alert_addresses = sa.Table(
    "alert_addresses",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),  # mailtos, slack ...
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),  # encrypted
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),  # of the last message: sent, or why not
    sa.Column("answered_at", UtcTime),
    sa.Index(None, "emp_id"),
)

alerts = sa.Table(
    "alerts",  # the last one of each kind
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("began_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),  # null: it lasts
)

alert_messages = sa.Table(
    "alert_messages",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # of address, kind, phase and time: so each is sent once
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("address_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),  # begin | end | test
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime),  # null: sent, or given up
    sa.Column("answer", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "next_at"),
    sa.Index(None, "address_id"),
)

looks = sa.Table(
    "looks",  # the last look at an account: whether an alert begins or ends
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("looked_at", UtcTime, nullable=False),
    sa.Column("since", UtcTime, nullable=False),  # looked at without a pause since then
    sa.Column("next_at", UtcTime, nullable=False),
)

canaries = sa.Table(
    "canaries",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),  # the account it watches
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("link_id", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),  # idle | clicked | ordered
    sa.Column("token", sa.Text, nullable=False),  # of the click of this run
    sa.Column("begun_at", UtcTime),
    sa.Column("result", sa.Text, nullable=False),  # of the last run; empty: well
    sa.Column("ended_at", UtcTime),  # the last run
    sa.Column("next_at", UtcTime, nullable=False),
)
