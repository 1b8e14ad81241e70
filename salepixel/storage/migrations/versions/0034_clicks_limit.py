"""the limit on considered clicks that a decision reached"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("decisions", sa.Column("clicks_limit", sa.Integer))
