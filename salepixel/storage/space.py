"""Space on the disk: SQLite gives back what deleted rows leave free, a little at a time.

PostgreSQL needs no help: its autovacuum reuses the space. A SQLite file that was made without `auto_vacuum`
cannot shrink: docs/how-to/operate.md says how it gets it.
"""

import sqlalchemy as sa

PAGES_AT_ONCE = 250
"""1 MB in about 10 ms: a fold or a webhook waits no longer than that for the database's only writer."""

_KEPT = 10
"""A tenth of the file may stay free: new rows take it, and shrinking only to grow again costs twice."""


def spare_pages(connection: sa.Connection) -> int:
    """How many pages can be cut off the file now."""
    if connection.dialect.name != "sqlite" or _read(connection, "auto_vacuum") == 0:
        return 0
    return max(0, _read(connection, "freelist_count") - _read(connection, "page_count") // _KEPT)


def cut_spare_pages(connection: sa.Connection) -> int:
    """Cut up to PAGES_AT_ONCE of the spare pages off the file; gives how many."""
    count = min(spare_pages(connection), PAGES_AT_ONCE)
    if count == 0:
        return 0
    # It cuts off one page for each row that is fetched. Rows without columns: SQLAlchemy would fetch none.
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA incremental_vacuum({count})")
    return len(cursor.fetchall())


def _read(connection: sa.Connection, pragma: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())
