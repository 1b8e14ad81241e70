"""a watermark shows which verdicts are final; a click's row is written once"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "watermarks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("click_id", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watermarks")),
    )
    op.create_table(
        "unsettled_clicks",
        sa.Column("click_id", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("click_id", name=op.f("pk_unsettled_clicks")),
    )
    connection = op.get_bind()
    newest = "SELECT id FROM clicks WHERE final ORDER BY id DESC LIMIT 1"
    settled: bytes = connection.scalar(sa.text(newest)) or bytes(16)
    # Not below the oldest verdict that is not final: one late click would cause millions to be judged again.
    late = "INSERT INTO unsettled_clicks SELECT id FROM clicks WHERE NOT final AND id < :settled"
    connection.execute(sa.text(late), {"settled": settled})
    mark = "INSERT INTO watermarks (name, click_id) VALUES ('verdicts', :settled)"
    connection.execute(sa.text(mark), {"settled": settled})
    op.drop_index("ix_clicks_not_final", table_name="clicks")
    op.drop_column("clicks", "final")
