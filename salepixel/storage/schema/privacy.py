"""Tables of people who were erased: what must not come back, and the receipts; how long things are kept."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

erased = sa.Table(
    "erased",  # references, addresses and customers that were erased: nothing is stored with them again
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, primary_key=True),  # accounts.erased.digest: keyed, says nothing by itself
    sa.Column("erased_at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)

erasures = sa.Table(
    "erasures",  # receipts: what was erased, when and how much, and not of whom
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("begun_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),  # null: under way
    sa.Column("counts", sa.Text, nullable=False),  # JSON: table -> rows
    sa.Column("work", sa.Text, nullable=False),  # sealed: who, and how far it is; empty when it has ended
    sa.Index(None, "emp_id", "begun_at"),
    sa.Index(
        "ix_erasures_under_way",
        "begun_at",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)

retention = sa.Table(
    "retention",  # what an account chose, and how far it is carried out
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),  # privacy.retention.Kept
    sa.Column("days", sa.Integer),  # null: for ever
    sa.Column("ended_until", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
