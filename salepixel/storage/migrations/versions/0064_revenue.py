"""what each order is worth, whether its buyer bought before, and the kept sums of both"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from pydantic import TypeAdapter, ValidationError

from salepixel.accounts.policy import Terms
from salepixel.money.amounts import from_minor, to_minor
from salepixel.orders.order import Order, RefundState
from salepixel.orders.sold import sold_lines
from salepixel.storage.schema.columns import UtcTime

revision = "0064"
down_revision = "0063"

_PAGE = 500
_ORDER = TypeAdapter(Order)

_OF_SALES = """
UPDATE decisions SET
currency = coalesce((SELECT max(s.currency) FROM sales s
    WHERE s.shop_id = decisions.shop_id AND s.order_id = decisions.order_id), ''),
gross = coalesce((SELECT sum(s.amount) FROM sales s
    WHERE s.shop_id = decisions.shop_id AND s.order_id = decisions.order_id), 0),
refunded = coalesce((SELECT sum(s.refunded) FROM sales s
    WHERE s.shop_id = decisions.shop_id AND s.order_id = decisions.order_id), 0)
WHERE outcome IN ('attributed', 'likely')
"""

_BUYERS = """
WITH bought AS (
    SELECT d.shop_id, d.order_id, row_number() OVER (
        PARTITION BY o.emp_id, o.email_hash ORDER BY o.placed_at, o.shop_id, o.id) AS place
    FROM decisions d JOIN orders o ON o.shop_id = d.shop_id AND o.id = d.order_id
    WHERE o.email_hash IS NOT NULL AND d.outcome IN ('attributed', 'likely', 'unattributed')
        AND d.reason NOT IN ('pixel_only', 'replacement', 'cancelled')
)
UPDATE decisions SET buyer_is = CASE WHEN bought.place = 1 THEN 'first' ELSE 'returning' END
FROM bought WHERE bought.shop_id = decisions.shop_id AND bought.order_id = decisions.order_id
"""

_NEXT = sa.text(
    "SELECT o.shop_id, o.id, o.emp_id, o.snapshot, o.placed_at FROM decisions d "
    "JOIN orders o ON o.shop_id = d.shop_id AND o.id = d.order_id "
    "WHERE d.currency = '' AND (d.shop_id, d.order_id) > (:shop, :id) "
    "ORDER BY d.shop_id, d.order_id LIMIT :most"
).columns(placed_at=UtcTime())
_STATES = sa.text(
    "SELECT * FROM refunds WHERE (shop_id, order_id) > (:shop, :id) "
    "AND (shop_id, order_id) <= (:shop_to, :id_to)"
).columns(updated_at=UtcTime(), issued_at=UtcTime(), cancelled=sa.Boolean())
_SET = sa.text(
    "UPDATE decisions SET currency = :currency, gross = :gross, refunded = :refunded "
    "WHERE shop_id = :shop AND order_id = :id"
)

_SUMS = """
INSERT INTO revenue_sums
SELECT emp_id, placed_at / 86400000000, currency, outcome IN ('attributed', 'likely'), buyer_is, 0, count(*),
    sum(gross / 1000000000), sum(gross % 1000000000), sum(refunded / 1000000000), sum(refunded % 1000000000)
FROM decisions
WHERE outcome IN ('attributed', 'likely', 'unattributed')
    AND reason NOT IN ('pixel_only', 'replacement', 'cancelled')
GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    for name in ("currency", "buyer_is"):
        op.add_column("decisions", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in ("gross", "refunded"):
        op.add_column("decisions", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "revenue_sums",
        sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("earned", sa.Boolean(), nullable=False),
        sa.Column("buyer_is", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("orders", "gross_high", "gross_low", "refunded_high", "refunded_low")
        ),
        sa.PrimaryKeyConstraint(
            *("emp_id", "day", "currency", "earned", "buyer_is", "slot"), name=op.f("pk_revenue_sums")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_orders_email_hash", "orders", ["emp_id", "email_hash", "placed_at"])
    op.drop_index("ix_orders_emp_id_email_hash", "orders")
    op.execute(_OF_SALES)
    _fill_from_snapshots(op.get_bind())
    op.execute(_BUYERS)
    op.execute(_SUMS)


def _fill_from_snapshots(connection: sa.Connection) -> None:
    """Orders without sales: the amounts of their lines. Those of closed months as far as then refunded."""
    columns = sa.text("SELECT emp_id, tax, shipping, closed_before FROM accounts").columns(
        closed_before=UtcTime()
    )
    accounts = {row.emp_id: row for row in connection.execute(columns)}
    after = {"shop": "", "id": ""}
    while rows := connection.execute(_NEXT, after | {"most": _PAGE}).all():
        last = {"shop_to": rows[-1].shop_id, "id_to": rows[-1].id}
        states: dict[tuple[str, str], list[sa.Row[Any]]] = {}
        for state in connection.execute(_STATES, after | last):
            states.setdefault((state.shop_id, state.order_id), []).append(state)
        found = [_worth(row, accounts.get(row.emp_id), states.get((row.shop_id, row.id), [])) for row in rows]
        connection.execute(_SET, found)
        after = {"shop": rows[-1].shop_id, "id": rows[-1].id}


def _worth(row: sa.Row[Any], account: sa.Row[Any] | None, states: list[sa.Row[Any]]) -> dict[str, object]:
    nothing = {"shop": row.shop_id, "id": row.id, "currency": "", "gross": 0, "refunded": 0}
    try:
        order = _ORDER.validate_json(row.snapshot)
    except ValidationError:  # damaged: only the shop can send a new one
        return nothing
    history = [one for state in states if (one := _state(state, order.currency))]
    terms = Terms(account.tax, account.shipping) if account else Terms()
    lines = sold_lines(order, terms, history)
    closed = account.closed_before if account else None
    is_closed = closed is not None and row.placed_at < closed
    refunds = [
        one for line in lines for one in line.refunds if closed is None or not is_closed or one.at < closed
    ]
    return nothing | {
        "currency": order.currency,
        "gross": sum(to_minor(line.amount, order.currency) for line in lines),
        "refunded": sum(to_minor(one.amount, order.currency) for one in refunds),
    }


def _state(row: sa.Row[Any], currency: str) -> RefundState | None:
    """As orders.refunds reads it."""
    refunded, charged, covers = row.refunded, row.charged, row.covers
    if row.currency not in ("", currency):
        if refunded and not row.cancelled:
            return None
        refunded, charged, covers = 0, None, None
    return RefundState(
        row.updated_at,
        row.issued_at,
        from_minor(refunded, currency),
        row.cancelled,
        None if charged is None else from_minor(charged, currency),
        None if covers is None else from_minor(covers, currency),
    )
