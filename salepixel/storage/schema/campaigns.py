"""Tables of campaigns, links, contacts, coupons and recipients."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mailer", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("contact_tag", sa.Text, nullable=False, server_default="{contact}"),
    sa.Column("sent_at", UtcTime),  # when sending began; null: not given
    sa.Column("utm_campaign", sa.Text, nullable=False, server_default=""),
    sa.Column("holdout_percent", sa.Integer, nullable=False, server_default="0"),  # random holdout
    sa.Index(None, "emp_id", "created_at"),
    sa.Column(
        "utm_key", sa.Text, nullable=False, server_default=""
    ),  # reading.names.name_key of utm_campaign
    sa.Index("ix_campaigns_utm_key", "emp_id", "utm_key"),
    sa.Column("archived_at", UtcTime),  # left out of lists since then; null: not archived
    sa.Column("utm", sa.Text, nullable=False, server_default=""),  # JSON, campaigns.utm.Utm
    sa.CheckConstraint("holdout_percent BETWEEN 0 AND 100", "ck_campaigns_holdout_percent"),
    sa.Column("sent_count", sa.BigInteger),  # e-mails sent, as typed; null: as the list says
    sa.Column("listed", sa.BigInteger, nullable=False, server_default="0"),  # rows in `recipients`
    sa.Column("held_out", sa.BigInteger, nullable=False, server_default="0"),  # those in the control group
    sa.Column("sent_each", sa.Boolean, nullable=False, server_default=sa.false()),  # `recipients.sent_at`
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("url", sa.Text, nullable=False),  # the destination in the link's token
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("sale_pixel", sa.Boolean, nullable=False),
    sa.Column("new_url", sa.Text, nullable=False, server_default=""),  # the destination; empty: `url`
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("changed_at", UtcTime),  # when `new_url` or `active` changed; null: never
    sa.Column("dynamic", sa.Boolean, nullable=False, server_default=sa.false()),  # see campaigns/pages.py
    sa.Index(None, "campaign_id", "position"),
    sa.Index(
        "ix_links_changed_at",
        "changed_at",
        sqlite_where=sa.text("changed_at IS NOT NULL"),
        postgresql_where=sa.text("changed_at IS NOT NULL"),
    ),
    sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], "fk_links_campaign_id"),
)

page_candidates = sa.Table(
    "page_candidates",  # pages of dynamic links with too few clicks for a link of their own
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),  # the id that their link would have
    sa.Column("clicks", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(
        ["campaign_id"], ["campaigns.id"], "fk_page_candidates_campaign_id", ondelete="CASCADE"
    ),
    sqlite_with_rowid=False,
)

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("email_hash", sa.Text),
    sa.Column("consent", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("alias_hash", sa.Text),  # of the mailbox: the address without tags and dots
    sa.Index(None, "emp_id", "email_hash"),
    sa.Index("ix_contacts_alias_hash", "emp_id", "alias_hash"),
    sa.Index(
        "ix_contacts_refused",
        "emp_id",
        "ref",
        sqlite_where=sa.text("consent = 0"),
        postgresql_where=sa.text("NOT consent"),
    ),
)

coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, primary_key=True),  # in upper case
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column(
        "contact", sa.Text, nullable=False
    ),  # the only contact with this code; empty: a code for everybody
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Index(None, "campaign_id"),
    sa.Index("ix_coupons_contact", "emp_id", "contact"),
    sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], "fk_coupons_campaign_id"),
)

recipients = sa.Table(
    "recipients",
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("contact", sa.Text, primary_key=True),
    # 0 to 9999, see campaigns/holdout.py: the least ones, as many as the campaign's share says, get no mail
    sa.Column("lot", sa.Integer, nullable=False, server_default="9999"),
    sa.Column("sent_at", UtcTime),  # when this contact got the e-mail of a flow; null: as the campaign says
    sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], "fk_recipients_campaign_id"),
)
