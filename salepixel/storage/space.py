"""Disk space: shrinks the SQLite file after rows were deleted, a little at a time.

PostgreSQL needs no help: its autovacuum reuses the space. A SQLite file created without `auto_vacuum` cannot
shrink: docs/how-to/operate.md says how to change that.
"""

import sqlalchemy as sa

PAGES_AT_ONCE = 250
"""1 MB in about 10 ms: folds and webhooks wait no longer than this for the only writer."""

_KEPT = 10
"""A tenth of the file may stay free for new rows, because shrinking and growing again costs twice."""


def removable_pages(connection: sa.Connection) -> int:
    """The number of pages that can be removed from the file now."""
    if connection.dialect.name != "sqlite" or _read(connection, "auto_vacuum") == 0:
        return 0
    return max(0, _read(connection, "freelist_count") - _read(connection, "page_count") // _KEPT)


def remove_free_pages(connection: sa.Connection) -> int:
    """Remove up to PAGES_AT_ONCE spare pages from the file; returns the number."""
    count = min(removable_pages(connection), PAGES_AT_ONCE)
    if count == 0:
        return 0
    # It removes one page per fetched row. The rows have no columns, so SQLAlchemy would fetch none.
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA incremental_vacuum({count})")
    return len(cursor.fetchall())


def _read(connection: sa.Connection, pragma: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())
