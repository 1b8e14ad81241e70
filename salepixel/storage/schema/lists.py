"""Tables of uploaded lists, which are kept until they are imported, or for a day."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

lists = sa.Table(
    "lists",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("campaign_id", sa.Text),  # of its recipients; null: a list of contacts
    sa.Column("name", sa.Text, nullable=False),  # of the file
    sa.Column("encoding", sa.Text, nullable=False),  # for people
    sa.Column("size", sa.BigInteger, nullable=False),  # in bytes, of what is stored
    sa.Column("lines", sa.BigInteger, nullable=False),
    sa.Column("pieces", sa.BigInteger, nullable=False),  # 0 while the file arrives
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("ends_at", UtcTime, nullable=False),  # its pieces are deleted then
    sa.Column("import_id", sa.Text),  # the computation that imports it
    sa.Index(None, "ends_at"),
    sa.Index(None, "emp_id", "created_at"),
    sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], "fk_lists_campaign_id", ondelete="CASCADE"),
)

list_pieces = sa.Table(
    "list_pieces",
    metadata,
    sa.Column("list_id", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("content", sa.LargeBinary, nullable=False),  # compressed and sealed
    sa.ForeignKeyConstraint(["list_id"], ["lists.id"], "fk_list_pieces_list_id", ondelete="CASCADE"),
)
