"""uploaded lists of contacts and recipients"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    op.create_table(
        "lists",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="fk_lists_campaign_id", ondelete="CASCADE"
        ),
    )
    op.create_index(op.f("ix_lists_ends_at"), "lists", ["ends_at"])
    op.create_index(op.f("ix_lists_emp_id_created_at"), "lists", ["emp_id", "created_at"])
    op.create_table(
        "list_pieces",
        sa.Column("list_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "number", name=op.f("pk_list_pieces")),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name="fk_list_pieces_list_id", ondelete="CASCADE"),
    )
