"""order numbers are compared by a key: "#77", "077" and 77 are equal"""

import sqlalchemy as sa
from alembic import op

from salepixel.reading.order_numbers import order_key

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("orders", sa.Column("number_key", sa.Text(), nullable=False, server_default=""))
    op.add_column("hits", sa.Column("order_key", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE orders SET number_key = number")
    op.execute("UPDATE hits SET order_key = order_ref")
    connection = op.get_bind()
    numbers = connection.execute(sa.text("SELECT shop_id, id, number FROM orders"))
    _set_keys(
        "UPDATE orders SET number_key = :key WHERE shop_id = :shop AND id = :id",
        [
            {"key": key, "shop": row.shop_id, "id": row.id}
            for row in numbers
            if (key := order_key(row.number)) != row.number
        ],
    )
    refs = connection.execute(sa.text("SELECT id, order_ref FROM hits WHERE order_ref != ''"))
    _set_keys(
        "UPDATE hits SET order_key = :key WHERE id = :id",
        [{"key": key, "id": row.id} for row in refs if (key := order_key(row.order_ref)) != row.order_ref],
    )
    op.create_index(op.f("ix_orders_shop_id_number_key"), "orders", ["shop_id", "number_key"], unique=False)
    op.create_index(op.f("ix_hits_emp_id_order_key"), "hits", ["emp_id", "order_key"], unique=False)


def _set_keys(statement: str, rows: list[dict[str, object]]) -> None:
    if rows:
        op.get_bind().execute(sa.text(statement), rows)
