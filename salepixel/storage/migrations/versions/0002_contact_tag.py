"""the merge tag of a campaign's mailer"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "campaigns", sa.Column("contact_tag", sa.Text(), server_default="{contact}", nullable=False)
    )
