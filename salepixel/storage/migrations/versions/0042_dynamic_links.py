"""dynamic links: the hosts where those of an account may lead, and the pages that were clicked"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("link_hosts", sa.Text, nullable=False, server_default=""))
    op.add_column("links", sa.Column("dynamic", sa.Boolean, nullable=False, server_default=sa.false()))
