"""verdict `bot` and reasons `bot_click`, `opted_out`, `pixel_only`, in place of earlier names"""

from alembic import op

revision = "0024"
down_revision = "0023"

_REASONS = {
    "machine_click": "bot_click",
    "refused_consent": "opted_out",
    "pixel_is_no_proof": "pixel_only",
}


def upgrade() -> None:
    for table in ("clicks", "candidates"):
        op.execute(f"UPDATE {table} SET verdict = 'bot' WHERE verdict = 'machine'")  # noqa: S608  # our own names
    for table, column in (("decisions", "reason"), ("candidates", "passed_over")):
        for before, now in _REASONS.items():
            op.execute(f"UPDATE {table} SET {column} = '{now}' WHERE {column} = '{before}'")  # noqa: S608
