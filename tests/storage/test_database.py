"""The database keeps its promise, or does not open."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from salepixel.storage.database import (
    Database,
    UnsafeDatabase,
    check_sqlite,
    is_current,
    migrate,
    open_database,
)
from salepixel.storage.schema import UtcTime, metadata


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_a_sqlite_that_corrupts_files_is_refused(version: tuple[int, int, int], good: bool) -> None:
    module = cast(
        ModuleType,
        SimpleNamespace(sqlite_version_info=version, sqlite_version=".".join(map(str, version))),
    )
    if good:
        check_sqlite(module)
        return
    with pytest.raises(UnsafeDatabase, match="pysqlite3"):
        check_sqlite(module)


def test_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeDatabase, match="postgresql"):
        open_database("mysql://localhost/x", tmp_path)


def test_sqlite_commits_are_on_disk(sqlite: Database) -> None:
    with sqlite.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_the_migrations_make_the_tables_of_the_code(database: Database) -> None:
    assert is_current(database)
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    # Times are integers underneath; Alembic compares the wrapper.
    assert [d for d in differences if not (d[0] == "modify_type" and isinstance(d[-1], UtcTime))] == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    assert is_current(database)


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    table = metadata.tables["rejections"]
    row = {"day": "2026-11-23", "door": "a", "reason": "b", "count": 1}

    def write_twice() -> None:
        with database.write() as connection:
            connection.execute(sa.insert(table).values(**row))
            connection.execute(sa.insert(table).values(**row))

    with pytest.raises(sa.exc.IntegrityError):
        write_twice()
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
