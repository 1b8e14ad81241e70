"""recipients keep their lot, so that the share of the control group can change; the number of e-mails sent"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    op.add_column("recipients", sa.Column("lot", sa.Integer(), nullable=False, server_default="9999"))
    # The lots of earlier versions were not stored: these keep everybody in their group, whatever the share.
    op.execute("UPDATE recipients SET lot = 0 WHERE held_out")
    op.drop_column("recipients", "held_out")
    op.add_column("campaigns", sa.Column("sent_count", sa.BigInteger()))
    op.add_column("campaigns", sa.Column("listed", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("campaigns", sa.Column("held_out", sa.BigInteger(), nullable=False, server_default="0"))
    theirs = "SELECT count(*) FROM recipients WHERE recipients.campaign_id = campaigns.id"
    op.execute(f"UPDATE campaigns SET listed = ({theirs}), held_out = ({theirs} AND lot = 0)")  # noqa: S608
