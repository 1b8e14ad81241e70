"""e-mails of campaigns, and how each of their links is used"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mailer", sa.Text(), nullable=False),
        sa.Column("contact_tag", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("merged", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_mails_campaign_id"),
    )
    draft = sa.text("campaign_id IS NULL")
    op.create_index(
        "ix_mails_drafts", "mails", ["emp_id", "created_at"], sqlite_where=draft, postgresql_where=draft
    )
    op.create_table(
        "mail_links",
        sa.Column("mail_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text()),
        sa.PrimaryKeyConstraint("mail_id", "part", "start", name=op.f("pk_mail_links")),
        sa.ForeignKeyConstraint(["mail_id"], ["mails.id"], name="fk_mail_links_mail_id"),
        sqlite_with_rowid=False,
    )
