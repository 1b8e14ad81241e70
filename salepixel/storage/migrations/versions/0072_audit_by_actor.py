"""the audit list of one actor, and of one action, is read in its sequence"""

from alembic import op

revision = "0072"
down_revision = "0071"


def upgrade() -> None:
    for columns in (["emp_id", "actor_kind", "actor_id", "at"], ["emp_id", "action", "at"]):
        op.drop_index(f"ix_audit_{'_'.join(columns)}", "audit")
        columns = [*columns, "id"]
        op.create_index(f"ix_audit_{'_'.join(columns)}", "audit", columns)
