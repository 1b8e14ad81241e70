"""reports by e-mail"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("email_hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_start", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint(
            "emp_id",
            "email_hash",
            "what",
            "campaign_id",
            name=op.f("uq_subscriptions_emp_id_email_hash_what_campaign_id"),
        ),
    )
    op.create_table(
        "report_mails",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_mails")),
    )
    op.create_index("ix_report_mails_next_at", "report_mails", ["next_at"])
    op.create_index("ix_report_mails_subscription_id", "report_mails", ["subscription_id"])
