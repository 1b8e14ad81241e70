"""names of campaigns in addresses, and codes, are compared by one key"""

import sqlalchemy as sa
from alembic import op

from salepixel.reading.names import name_key

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("utm_key", sa.Text(), server_default="", nullable=False))
    _fill("campaigns", "utm_campaign", "utm_key")
    op.drop_index("ix_campaigns_utm_campaign", "campaigns")
    op.create_index("ix_campaigns_utm_key", "campaigns", ["emp_id", "utm_key"])
    _fill("orders", "utm_campaign", "utm_campaign")
    _fill("orders", "voucher", "voucher")


def _fill(table: str, source: str, target: str) -> None:
    """Names repeat, so each key is computed once."""
    names = sa.table(table, sa.column(source), sa.column(target))
    known = sa.select(names.c[source]).where(names.c[source] > "").distinct()
    for name in op.get_bind().scalars(known).all():
        new = sa.update(names).where(names.c[source] == name).values({target: name_key(name)})
        op.get_bind().execute(new)
