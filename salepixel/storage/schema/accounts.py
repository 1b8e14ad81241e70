"""Tables of the installation, of accounts, their settings, keys and sessions."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, Words, metadata

installation = sa.Table(
    "installation",  # one row: the fingerprint of the keys for links, tokens and hashes in this database
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # 1
    sa.Column("fingerprint", sa.Text, nullable=False),  # Keys.fingerprint
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("tracking_host", sa.Text, nullable=False, server_default=""),  # empty: any host
    sa.Column("site", sa.Text, nullable=False, server_default=""),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("window_days", sa.Integer, nullable=False, server_default="7"),
    sa.Column("pixel_amount", sa.Text, nullable=False, server_default="line"),  # line | order
    sa.Column("pixel_secret", sa.Text, nullable=False, server_default=""),  # hex
    sa.Column("pixel_signed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("hosted_pixel", sa.Text, nullable=False, server_default=""),  # url of a hosted pixel
    sa.Column("hosted_emp_id", sa.Text, nullable=False, server_default=""),
    sa.Column("forward_url", sa.Text, nullable=False, server_default=""),  # template
    sa.Column("forward_per", sa.Text, nullable=False, server_default="line"),  # line | order
    sa.Column("created_at", UtcTime, nullable=False),
    # The current policy, with window_days; all versions are in `policies`.
    sa.Column("policy_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("model", sa.Text, nullable=False, server_default="last"),
    sa.Column("alias_match", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("campaign_windows", sa.Text, nullable=False, server_default="{}"),  # JSON: campaign id -> days
    # Fixed once there are sales.
    sa.Column("sale_when", sa.Text, nullable=False, server_default="paid"),  # paid | placed
    sa.Column("tax", sa.Text, nullable=False, server_default="gross"),  # gross | net
    sa.Column("shipping", sa.Text, nullable=False, server_default="excluded"),  # excluded | included
    sa.Column("closed_before", UtcTime),  # reports of earlier times are final
    # Retention deletes older rows, and none are stored again. Written before the first deletion; null: none.
    sa.Column("clicks_ended_before", UtcTime),
    sa.Column("bot_clicks_ended_before", UtcTime),
    sa.Column("ignored_hits_ended_before", UtcTime),
    sa.Column(
        "utm", sa.Text, nullable=False, server_default=""
    ),  # JSON, campaigns.utm.Utm; for new campaigns
    sa.Column(
        "link_hosts", Words, nullable=False, server_default=""
    ),  # where dynamic links lead; empty: the site
    sa.Column("time_zone", sa.Text, nullable=False, server_default=""),  # IANA; empty: the installation's
    sa.CheckConstraint("pixel_amount IN ('line', 'order')", "ck_accounts_pixel_amount"),
    sa.CheckConstraint("forward_per IN ('line', 'order')", "ck_accounts_forward_per"),
    sa.CheckConstraint("model IN ('last', 'first', 'linear', 'position', 'decay')", "ck_accounts_model"),
    sa.CheckConstraint("sale_when IN ('paid', 'placed')", "ck_accounts_sale_when"),
    sa.CheckConstraint("tax IN ('gross', 'net')", "ck_accounts_tax"),
    sa.CheckConstraint("shipping IN ('excluded', 'included')", "ck_accounts_shipping"),
)

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("window_days", sa.Integer, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("alias_match", sa.Boolean, nullable=False),
    sa.Column("campaign_windows", sa.Text, nullable=False),  # JSON: campaign id -> days
    sa.Column("applied_at", UtcTime, nullable=False),
    sa.ForeignKeyConstraint(["emp_id"], ["accounts.emp_id"], "fk_policies_emp_id"),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # SHA-256 of the key, hex
    sa.Column("id", sa.Text, nullable=False),  # for revoking it; does not reveal the key
    sa.Column("emp_id", sa.BigInteger),  # null: all accounts
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("scope", sa.Text, nullable=False, server_default="write"),  # accounts.principal.KeyScope
    sa.Column("expires_at", UtcTime),  # null: never
    sa.Column("last_used_at", UtcTime),  # written at most once an hour
    sa.UniqueConstraint("id"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # SHA-256 of the id in the cookie, hex
    sa.Column("key_digest", sa.Text, nullable=False),  # of the key that signed in
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Index(None, "key_digest"),
    sa.Index(None, "expires_at"),
)
