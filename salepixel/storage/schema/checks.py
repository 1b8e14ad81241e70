"""The table of what checks of an account found outside of this installation."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

findings = sa.Table(
    "findings",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, primary_key=True),  # host | page | browser
    sa.Column("target", sa.Text, nullable=False),  # the host or address that was tried
    sa.Column("reason", sa.Text, nullable=False),  # empty: all is well
    sa.Column("found_at", UtcTime, nullable=False),
)
