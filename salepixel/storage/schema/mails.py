"""Tables of the e-mails of campaigns, with the links in them."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

mails = sa.Table(
    "mails",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mailer", sa.Text, nullable=False),
    sa.Column("contact_tag", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # mails.mail.Kind
    sa.Column("body", sa.LargeBinary, nullable=False),  # as it was given, packed with zlib
    sa.Column("merged", sa.Boolean, nullable=False),  # equal destinations are one link
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.Column("campaign_id", sa.Text),  # null: a draft
    sa.Column("utm", sa.Text),  # null: that of the account
    sa.Index(
        "ix_mails_drafts",
        "emp_id",
        "created_at",
        sqlite_where=sa.text("campaign_id IS NULL"),
        postgresql_where=sa.text("campaign_id IS NULL"),
    ),
    sa.Index(None, "campaign_id"),
    sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], "fk_mails_campaign_id"),
)

mail_links = sa.Table(
    "mail_links",
    metadata,
    sa.Column("mail_id", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),  # mails.mail.Mail.parts
    sa.Column("start", sa.Integer, primary_key=True, autoincrement=False),  # in the text of the part
    sa.Column("usage", sa.Text, nullable=False),  # mails.proposals.Use
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("link_id", sa.Text),  # null: not tracked, or a draft
    sa.ForeignKeyConstraint(["mail_id"], ["mails.id"], "fk_mail_links_mail_id"),
    sqlite_with_rowid=False,
)
