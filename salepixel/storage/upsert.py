"""INSERT ... ON CONFLICT for both databases: SQLAlchemy has it per dialect only."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def took_effect(connection: sa.Connection, statement: Any) -> bool:
    """Execute an INSERT ... ON CONFLICT of one row; True when the row was written."""
    # Without the option the row count of an INSERT is not kept on PostgreSQL.
    result = connection.execute(statement, execution_options={"preserve_rowcount": True})
    return bool(result.rowcount == 1)
