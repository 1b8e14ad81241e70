"""Tables of erasures (the list of the erased, receipts) and of retention settings."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

erased = sa.Table(
    "erased",  # the list of the erased: references, addresses and customers that are not stored again
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, primary_key=True),  # keyed hash, see accounts/erased.py
    sa.Column("erased_at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)

erasures = sa.Table(
    "erasures",  # receipts, without the person
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("begun_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),  # null: not finished
    sa.Column("counts", sa.Text, nullable=False),  # JSON: table -> rows
    sa.Column("work", sa.Text, nullable=False),  # encrypted: the person and the progress; empty if finished
    sa.Column("error", sa.Text, nullable=False, server_default=""),  # of the last step; names no person
    sa.Column("failed_at", UtcTime),  # when this error first occurred; null: no error
    sa.Index(None, "emp_id", "begun_at"),
    sa.Index(
        "ix_erasures_under_way",
        "begun_at",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)

retention = sa.Table(
    "retention",  # the settings of an account, and the progress of the deletion
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),  # privacy.retention.Kept
    sa.Column("days", sa.Integer),  # null: for ever
    sa.Column("ended_until", UtcTime, nullable=False),
    # While clicks are deleted: the campaign and the click id (hex) where the next step continues.
    sa.Column("place", sa.Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
