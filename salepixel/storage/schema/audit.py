"""The table of the audit list."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),  # EVERYWHERE: the installation
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor_kind", sa.Text, nullable=False),  # accounts.principal.ActorKind
    sa.Column("actor_id", sa.Text, nullable=False),  # of a person or a key, or else empty
    sa.Column("actor", sa.Text, nullable=False),  # the name as it was; never an e-mail address
    sa.Column("action", sa.Text, nullable=False),  # accounts.audit.Action
    sa.Column("subject_id", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),  # the name as it was
    sa.Column("changes", sa.Text, nullable=False),  # JSON: field -> [before, after]
    sa.Index(None, "emp_id", "at", "id"),
    # With the id, or a planner takes the first one, which is sorted, and reads all rows for a rare actor.
    sa.Index(None, "emp_id", "actor_kind", "actor_id", "at", "id"),
    sa.Index(None, "emp_id", "action", "at", "id"),
)
