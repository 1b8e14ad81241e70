"""the amount of each order, and the indexes of the list of orders"""

import json
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic import op

from salepixel.money.amounts import to_comparable

revision = "0056"
down_revision = "0055"

_NEXT = """
SELECT shop_id, id, snapshot FROM orders WHERE (shop_id, id) > (:shop, :id) ORDER BY shop_id, id LIMIT 1000
"""
_SET = "UPDATE orders SET amount = :amount, currency = :currency WHERE shop_id = :shop AND id = :id"


def upgrade() -> None:
    op.add_column("orders", sa.Column("amount", sa.BigInteger()))
    op.add_column("orders", sa.Column("currency", sa.Text()))
    connection = op.get_bind()
    after = {"shop": "", "id": ""}
    while rows := connection.execute(sa.text(_NEXT), after).all():
        connection.execute(sa.text(_SET), [_columns(row) for row in rows])
        after = {"shop": rows[-1].shop_id, "id": rows[-1].id}
    op.create_index("ix_orders_emp_id_amount", "orders", ["emp_id", "amount"])
    op.create_index("ix_decisions_outcome", "decisions", ["emp_id", "outcome", "reason", "placed_at"])


def _columns(row: sa.Row[Any]) -> dict[str, object]:
    amount, currency = None, None
    try:
        order = json.loads(row.snapshot)
        amount, currency = to_comparable(Decimal(order["total"])), str(order["currency"])
    except (ValueError, ArithmeticError, KeyError, TypeError):  # damaged: only the shop can send a new one
        pass
    return {"shop": row.shop_id, "id": row.id, "amount": amount, "currency": currency}
