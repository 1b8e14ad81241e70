"""quantities in thousandths, because goods sold by weight have decimals"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("UPDATE hits SET quantity = quantity * 1000")
    op.execute("UPDATE sales SET quantity = quantity * 1000")
