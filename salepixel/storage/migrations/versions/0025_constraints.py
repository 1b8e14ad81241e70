"""the database refuses unknown words, and rows whose campaign, shop or account is missing"""

from alembic import op

revision = "0025"
down_revision = "0024"

_MODELS = "model IN ('last', 'first', 'linear', 'position', 'decay')"
_WORDS = {  # before the references: SQLite copies these tables, and nothing may refer to one meanwhile
    "accounts": {
        "pixel_amount": "pixel_amount IN ('line', 'order')",
        "forward_per": "forward_per IN ('line', 'order')",
        "model": _MODELS,
        "sale_when": "sale_when IN ('paid', 'placed')",
        "tax": "tax IN ('gross', 'net')",
        "shipping": "shipping IN ('excluded', 'included')",
    },
    "shops": {"platform": "platform IN ('saleor', 'api', 'pixel')"},
    "campaigns": {"holdout_percent": "holdout_percent BETWEEN 0 AND 100"},
    "outbox": {"state": "state IN ('waiting', 'sent', 'dead')"},
}
_REFERENCES = (
    ("policies", "emp_id", "accounts", "emp_id"),
    ("links", "campaign_id", "campaigns", "id"),
    ("coupons", "campaign_id", "campaigns", "id"),
    ("recipients", "campaign_id", "campaigns", "id"),
    ("polls", "shop_id", "shops", "id"),
    ("shop_days", "shop_id", "shops", "id"),
    ("unread_orders", "shop_id", "shops", "id"),
)


def upgrade() -> None:
    for name, checks in _WORDS.items():
        with op.batch_alter_table(name) as table:
            for column, condition in checks.items():
                table.create_check_constraint(op.f(f"ck_{name}_{column}"), condition)
    for name, column, parent, key in _REFERENCES:
        # No version left such rows, and no page shows them: somebody changed the database by hand.
        op.execute(
            f"DELETE FROM {name} WHERE NOT EXISTS "  # noqa: S608  # our own names
            f"(SELECT 1 FROM {parent} WHERE {parent}.{key} = {name}.{column})"
        )
        with op.batch_alter_table(name) as table:
            table.create_foreign_key(op.f(f"fk_{name}_{column}"), parent, [column], [key])
