"""Tables of kept sums: a key that ends with the writer's slot, then measures that are added up.

See salepixel/sums/. `ended` in a measure's name: rows that retention has deleted; no other measure has them.
"""

import sqlalchemy as sa

from salepixel.storage.schema.columns import metadata

click_sums = sa.Table(
    "click_sums",
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("link_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  # UTC, since 1970-01-01
    sa.Column("verdict", sa.Text, primary_key=True),
    sa.Column("reasons", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("clicks", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)
