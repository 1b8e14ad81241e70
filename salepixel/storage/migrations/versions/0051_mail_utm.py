"""UTM parameters of a draft"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    op.add_column("mails", sa.Column("utm", sa.Text()))
