"""the contacts that each decision names, to repeat it if one opts out; forwarded sales by their order"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "decision_contacts",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "contact", name=op.f("pk_decision_contacts")),
    )
    op.create_index("ix_decision_contacts_contact", "decision_contacts", ["emp_id", "contact"])
    op.create_index("ix_outbox_order", "outbox", ["shop_id", "order_id"])
    # Contacts other than the buyer are added when the order is decided again.
    op.execute(
        "INSERT INTO decision_contacts (shop_id, order_id, contact, emp_id) "
        "SELECT shop_id, order_id, buyer, emp_id FROM decisions WHERE buyer <> ''"
    )
