"""kept sums of sales, items, buyers and decisions; decisions store what tracking health counts"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

_DAY = 86_400_000_000

# Statements that both databases understand; each reads its tables once, and hits by one index for each name.
# With an OR, SQLite read all hits of the account for each decision: hours for 100,000 orders.
_OBSERVE = """
UPDATE decisions SET
payment = coalesce((SELECT substr(o.payment, 1, 255) FROM orders o
    WHERE o.shop_id = decisions.shop_id AND o.id = decisions.order_id), ''),
healed = coalesce((SELECT o.healed_at IS NOT NULL FROM orders o
    WHERE o.shop_id = decisions.shop_id AND o.id = decisions.order_id), false),
seen = EXISTS (SELECT 1 FROM orders o JOIN shops s ON s.id = o.shop_id AND s.platform <> 'pixel'
    WHERE o.shop_id = decisions.shop_id AND o.id = decisions.order_id AND (
        EXISTS (SELECT 1 FROM hits h WHERE h.emp_id = o.emp_id AND h.order_ref = o.id
            AND h.ignored = '' AND h.order_ref <> '')
        OR EXISTS (SELECT 1 FROM hits h WHERE h.emp_id = o.emp_id AND h.order_key = o.number_key
            AND h.ignored = '' AND h.order_ref <> ''))),
browser = coalesce((SELECT CASE c.signals & 14336
        WHEN 2048 THEN 'Chromium' WHEN 4096 THEN 'Firefox' WHEN 8192 THEN 'Safari' ELSE 'other' END
    FROM clicks c WHERE c.id = (SELECT s.click_id FROM sales s
        WHERE s.shop_id = decisions.shop_id AND s.order_id = decisions.order_id
        ORDER BY s.click_id DESC LIMIT 1)), '')
"""

_SALES = f"""
SELECT campaign_id, purchased_at / {_DAY} AS day, link_id, shop_id, evidence, currency,
    coalesce(converted_currency, '') AS converted_currency,
    CASE WHEN row_number() OVER (PARTITION BY shop_id, order_id, campaign_id ORDER BY click_id, link_id) = 1
        THEN 1 ELSE 0 END AS orders,
    CASE WHEN row_number() OVER (PARTITION BY shop_id, order_id, campaign_id, link_id ORDER BY click_id) = 1
        THEN 1 ELSE 0 END AS link_orders,
    quantity, amount AS gross, refunded, 0 AS refunded_on, coalesce(converted, 0) AS converted,
    coalesce(converted_refunded, 0) AS converted_refunded
FROM sales
UNION ALL
SELECT r.campaign_id, r.refunded_at / {_DAY}, coalesce(s.link_id, ''), r.shop_id, coalesce(s.evidence, ''),
    r.currency, coalesce(s.converted_currency, ''), 0, 0, 0, 0, 0, r.amount, 0, 0
FROM sale_refunds r LEFT JOIN sales s ON s.shop_id = r.shop_id AND s.order_id = r.order_id
    AND s.line_id = r.line_id AND s.click_id = r.click_id
"""  # noqa: S608  # our own number

_BUYERS = """
SELECT campaign_id, contact, currency, amount AS gross, refunded,
    CASE WHEN row_number() OVER (PARTITION BY shop_id, order_id, campaign_id, contact ORDER BY click_id) = 1
        THEN 1 ELSE 0 END AS orders
FROM sales WHERE contact <> ''
"""

_ITEMS = """
SELECT campaign_id, substr(item, 1, 255) AS item, coalesce(sku, '') AS sku, currency, quantity,
    amount AS gross, refunded
FROM sales
"""

_DECISIONS = f"""
SELECT emp_id, placed_at / {_DAY} AS day, shop_id, outcome, reason, payment, browser, 1 AS orders,
    CASE WHEN seen THEN 1 ELSE 0 END AS seen, CASE WHEN healed THEN 1 ELSE 0 END AS healed
FROM decisions
"""  # noqa: S608  # our own number


def upgrade() -> None:
    for name in ("payment", "browser"):
        op.add_column("decisions", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in ("seen", "healed"):
        op.add_column("decisions", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    _create_tables()
    op.execute(_OBSERVE)
    money = ("quantity", "gross", "refunded", "refunded_on", "converted", "converted_refunded")
    by_campaign = ("campaign_id", "day", "currency", "converted_currency")
    by_all = ("campaign_id", "day", "link_id", "shop_id", "evidence", "currency", "converted_currency")
    _fill("campaign_sums", _SALES, by_campaign, ("orders",), money)
    _fill("sale_sums", _SALES, by_all, ("orders", "link_orders"), money)
    _fill("item_sums", _ITEMS, ("campaign_id", "item", "sku", "currency"), (), money[:3])
    _fill("buyers", _BUYERS, ("campaign_id", "contact", "currency"), ("orders",), money[1:3], slot=False)
    op.execute(
        "INSERT INTO buyers (campaign_id, contact, currency, orders, gross_high, gross_low, refunded_high, "
        "refunded_low) SELECT campaign_id, contact, '', sum(orders), 0, 0, 0, 0 FROM buyers GROUP BY 1, 2"
    )
    by_outcome = ("emp_id", "day", "shop_id", "outcome", "reason")
    _fill("decision_sums", _DECISIONS, by_outcome, ("orders", "seen", "healed"), ())
    by_name = ("emp_id", "kind", "day", "shop_id", "name")
    for kind in ("payment", "browser"):
        rows = f"SELECT *, '{kind}' AS kind, {kind} AS name FROM ({_DECISIONS}) of_{kind}"  # noqa: S608
        its = rows if kind == "payment" else f"{rows} WHERE browser <> ''"
        _fill("seen_sums", its, by_name, ("orders", "seen"), ())


def _fill(
    table: str,
    rows: str,
    key: tuple[str, ...],
    counts: tuple[str, ...],
    great: tuple[str, ...],
    *,
    slot: bool = True,
) -> None:
    names = [*key, *counts, *(f"{name}_{half}" for name in great for half in ("high", "low"))]
    halves = (half for name in great for half in (f"sum({name} / 1000000000)", f"sum({name} % 1000000000)"))
    values = [*key, *(f"sum({name})" for name in counts), *halves]
    if slot:
        names, values = [*names, "slot"], [*values, "0"]
    statement = (
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} "  # noqa: S608  # our own names
        f"FROM ({rows}) of_orders GROUP BY {', '.join(key)}"
    )
    op.get_bind().execute(sa.text(statement))


def _create_tables() -> None:
    money = ("quantity", "gross", "refunded", "refunded_on", "converted", "converted_refunded")
    texts = _texts("currency", "converted_currency")
    _create("campaign_sums", [*_texts("campaign_id"), _day(), *texts, _slot()], ("orders",), money)
    filters = [*_texts("campaign_id"), _day(), *_texts("link_id", "shop_id", "evidence")]
    key = [*filters, *_texts("currency", "converted_currency"), _slot()]
    _create("sale_sums", key, ("orders", "link_orders"), money)
    _create("item_sums", [*_texts("campaign_id", "item", "sku", "currency"), _slot()], (), money[:3])
    _create("buyers", [*_texts("campaign_id", "contact", "currency")], ("orders",), money[1:3])
    account: sa.Column[Any] = sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False)
    key = [account, _day(), *_texts("shop_id", "outcome", "reason"), _slot()]
    _create("decision_sums", key, ("orders", "seen", "healed"), ())
    account = sa.Column("emp_id", sa.BigInteger(), autoincrement=False, nullable=False)
    key = [account, *_texts("kind"), _day(), *_texts("shop_id", "name"), _slot()]
    _create("seen_sums", key, ("orders", "seen"), ())


def _create(table: str, key: list[sa.Column[Any]], counts: tuple[str, ...], great: tuple[str, ...]) -> None:
    names = [*counts, *(f"{name}_{half}" for name in great for half in ("high", "low"))]
    op.create_table(
        table,
        *key,
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in names),
        sa.PrimaryKeyConstraint(*(column.name for column in key), name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _texts(*names: str) -> Iterator[sa.Column[Any]]:
    return (sa.Column(name, sa.Text(), nullable=False) for name in names)


def _day() -> sa.Column[Any]:
    return sa.Column("day", sa.Integer(), autoincrement=False, nullable=False)


def _slot() -> sa.Column[Any]:
    return sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False)
