"""INSERT ... ON CONFLICT for both databases: SQLAlchemy has a separate function for each."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_into(connection.dialect.name, table)


def insert_into(dialect: str, table: sa.Table) -> Any:
    """The same, given the name of the dialect: for a statement that is built once and cached."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def took_effect(connection: sa.Connection, statement: Any, values: Mapping[str, Any] | None = None) -> bool:
    """Execute an INSERT ... ON CONFLICT of one row; True if the row was written."""
    # Without this option, SQLAlchemy does not keep the row count of an INSERT on PostgreSQL.
    result = connection.execute(statement, values, execution_options={"preserve_rowcount": True})
    return bool(result.rowcount == 1)
