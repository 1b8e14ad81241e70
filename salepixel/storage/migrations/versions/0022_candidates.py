"""decisions in typed columns, a row for each candidate; removes the JSON, and two tables with parts of it"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_DECISIONS = 100  # read at once: however many candidates they have, they fit into memory
_CANDIDATES = 5_000  # written at once

_NEXT = """
SELECT shop_id, order_id, emp_id, placed_at, outcome, reason, policy, candidates, details, buyer
FROM decisions_before
WHERE (shop_id, order_id) > (:shop, :order)
AND EXISTS (SELECT 1 FROM orders WHERE orders.shop_id = decisions_before.shop_id AND orders.id = order_id)
ORDER BY shop_id, order_id LIMIT :limit
"""


def upgrade() -> None:
    connection = op.get_bind()
    op.drop_index("ix_decisions_buyer", "decisions")
    op.drop_index("ix_decisions_emp_id_placed_at", "decisions")
    op.rename_table("decisions", "decisions_before")
    if connection.dialect.name == "postgresql":  # its names of keys are unique in a schema
        op.execute("ALTER TABLE decisions_before RENAME CONSTRAINT pk_decisions TO pk_decisions_before")
    decisions, candidates = _create_decisions(), _create_candidates()
    for rows in _read_in_chunks(connection):
        connection.execute(sa.insert(decisions), [_decision(row) for row in rows])
        examined = (values for row in rows for values in _candidates(row))
        while chunk := list(islice(examined, _CANDIDATES)):
            connection.execute(sa.insert(candidates), chunk)
    _create_indexes()
    for table in ("decisions_before", "decision_contacts", "order_clicks"):
        op.drop_table(table)


def _read_in_chunks(connection: sa.Connection) -> Iterator[list[sa.RowMapping]]:
    """The decisions of existing orders, sorted by their keys."""
    after = {"shop": "", "order": ""}
    while rows := list(connection.execute(sa.text(_NEXT), {**after, "limit": _DECISIONS}).mappings()):
        yield rows
        after = {"shop": rows[-1]["shop_id"], "order": rows[-1]["order_id"]}


def _decision(row: sa.RowMapping) -> dict[str, Any]:
    details = json.loads(row["details"])  # {}: the decision is older than its details
    credited = details.get("credited") or {}
    return {
        **{name: row[name] for name in ("shop_id", "order_id", "emp_id", "placed_at", "outcome", "reason")},
        "policy": row["policy"],
        "buyer": row["buyer"],
        "model": details.get("model", "last"),
        "evidence": credited.get("evidence", ""),
        "confidence": credited.get("confidence", 0.0),
        "campaign_id": credited.get("campaign", ""),
        "contact": credited.get("contact") or "",
        "click_id": _bytes(credited.get("click")),
        "forwarded": credited.get("forwarded", False),
        "agreeing": " ".join(details.get("agreeing", ())),
        "conflicting": " ".join(details.get("conflicting", ())),
    }


def _candidates(row: sa.RowMapping) -> Iterator[dict[str, Any]]:
    for position, candidate in enumerate(json.loads(row["candidates"])):
        opted_out = candidate["passed_over"] == "refused_consent"
        yield {
            "shop_id": row["shop_id"],
            "order_id": row["order_id"],
            "position": position,
            "emp_id": row["emp_id"],
            "click_id": _bytes(candidate["click"]),
            "campaign_id": candidate["campaign"] or "",
            "link_id": candidate["link"],
            "contact": "" if opted_out else candidate["contact"] or "",
            "evidence": candidate["evidence"],
            "verdict": candidate["verdict"],
            "confidence": candidate["confidence"],
            "passed_over": candidate["passed_over"],
            "opted_out": opted_out,
            "share": candidate.get("share", 0.0),
        }


def _bytes(click: str | None) -> bytes | None:
    return None if click is None else bytes.fromhex(click)


def _create_decisions() -> sa.Table:
    return op.create_table(
        "decisions",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("click_id", sa.LargeBinary(16)),
        sa.Column("forwarded", sa.Boolean(), nullable=False),
        sa.Column("agreeing", sa.Text(), nullable=False),
        sa.Column("conflicting", sa.Text(), nullable=False),
        sa.Column("buyer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name=op.f("pk_decisions")),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id"], ["orders.shop_id", "orders.id"], name=op.f("fk_decisions_order")
        ),
        sa.CheckConstraint(
            "outcome IN ('attributed', 'likely', 'unattributed', 'pending')",
            name=op.f("ck_decisions_outcome"),
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_decisions_confidence")),
        sa.CheckConstraint(
            "evidence <> '' OR (campaign_id = '' AND contact = '' AND click_id IS NULL AND NOT forwarded)",
            name=op.f("ck_decisions_credited"),
        ),
    )


def _create_candidates() -> sa.Table:
    return op.create_table(
        "candidates",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("emp_id", sa.BigInteger(), nullable=False),
        sa.Column("click_id", sa.LargeBinary(16)),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text()),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("passed_over", sa.Text()),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "position", name=op.f("pk_candidates")),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id"],
            ["decisions.shop_id", "decisions.order_id"],
            name=op.f("fk_candidates_decision"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_candidates_confidence")),
        sa.CheckConstraint("share BETWEEN 0 AND 1", name=op.f("ck_candidates_share")),
        sa.CheckConstraint("NOT opted_out OR contact = ''", name=op.f("ck_candidates_opted_out")),
        sqlite_with_rowid=False,
    )


def _create_indexes() -> None:
    """Create the indexes after the rows: this is faster than adding rows to indexes one by one."""
    op.create_index("ix_decisions_emp_id_placed_at", "decisions", ["emp_id", "placed_at"])
    op.create_index("ix_decisions_buyer", "decisions", ["emp_id", "buyer"])
    for name, columns, on_sqlite, on_postgresql in (
        ("click_id", ["click_id"], "evidence IN ('token', 'cookie')", "evidence IN ('token', 'cookie')"),
        ("contact", ["emp_id", "contact"], "contact <> ''", "contact <> ''"),
        ("opted_out", ["emp_id"], "opted_out = 1", "opted_out"),
    ):
        op.create_index(
            f"ix_candidates_{name}",
            "candidates",
            columns,
            sqlite_where=sa.text(on_sqlite),
            postgresql_where=sa.text(on_postgresql),
        )
