"""The database commits durably, or does not open."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from salepixel.storage.database import (
    Database,
    DatabaseUnavailable,
    UnsafeDatabase,
    check_sqlite,
    is_current,
    migrate,
    open_database,
)
from salepixel.storage.schema import UtcTime, metadata, rejections
from tests.databases import new_postgresql_database


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
def test_a_sqlite_version_that_corrupts_files_is_refused(version: tuple[int, int, int], good: bool) -> None:
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


def test_sqlite_commits_are_on_disk(tmp_path: Path) -> None:
    database = open_database("", tmp_path)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    database.close()


def test_migrations_create_the_tables_of_the_code(database: Database) -> None:
    assert is_current(database)
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    # Times are integers underneath; Alembic compares the wrapper.
    assert [d for d in differences if not (d[0] == "modify_type" and isinstance(d[-1], UtcTime))] == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    assert is_current(database)


def test_a_connection_opens_while_another_one_writes(database: Database) -> None:
    with database.write() as writer:
        writer.execute(sa.delete(rejections))
        database.engine.pool.dispose()  # the connections that wait there, so that the next one is new
        with database.read() as reader:
            assert reader.scalar(sa.select(sa.literal(1))) == 1


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    table = metadata.tables["rejections"]
    row = {"day": "2026-11-23", "source": "a", "reason": "b", "count": 1}

    def write_twice() -> None:
        with database.write() as connection:
            connection.execute(sa.insert(table).values(**row))
            connection.execute(sa.insert(table).values(**row))

    with pytest.raises(sa.exc.IntegrityError):
        write_twice()
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"database": "nobodys"}, 'database "nobodys" does not exist'),
        ({"username": "nobody"}, 'role "nobody" does not exist'),
        ({"query": {"host": "/nowhere"}}, "No such file or directory"),
    ],
)
def test_an_unusable_postgresql_is_reported_in_one_sentence_without_its_password(
    postgresql: str, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    url = sa.make_url(postgresql).set(password="hidden").set(**change)  # type: ignore[arg-type]
    database = open_database(url.render_as_string(hide_password=False), tmp_path)
    with pytest.raises(DatabaseUnavailable) as refused:
        migrate(database)
    said = str(refused.value)
    assert says in said
    assert said.endswith("Start it, or correct SALEPIXEL_DATABASE_URL.")
    assert ("hidden" in said, len(said.splitlines())) == (False, 1)


def test_an_unopenable_sqlite_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "salepixel.sqlite3").mkdir()
    with pytest.raises(
        DatabaseUnavailable, match=r"unable to open database file\. Check the rights of this user there"
    ):
        migrate(open_database("", tmp_path))


def test_a_database_of_a_newer_version_is_reported_in_one_sentence(database: Database) -> None:
    revision = sa.table("alembic_version", sa.column("version_num"))
    with database.write() as connection:
        (now,) = connection.execute(sa.select(revision.c.version_num)).one()
        connection.execute(sa.update(revision).values(version_num="9999"))
    try:
        with pytest.raises(UnsafeDatabase, match="belongs to another version of salepixel"):
            migrate(database)
    finally:
        with database.write() as connection:
            connection.execute(sa.update(revision).values(version_num=now))


def test_a_migration_may_take_longer_than_other_statements(postgresql: str, tmp_path: Path) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    with new_postgresql_database(postgresql, "slow") as address:
        database = open_database(address, tmp_path)
        sa.event.listen(database.engine, "before_cursor_execute", note)
        migrate(database)
        # First: waiting for another process that migrates is a statement, too.
        waits = next(n for n, statement in enumerate(asked) if "pg_advisory_xact_lock" in statement)
        assert asked[waits - 1] == "SET LOCAL statement_timeout = 0"
        with database.read() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "1min"
        database.close()


def test_nothing_is_locked_to_find_that_there_is_nothing_to_migrate(database: Database) -> None:
    with database.write() as writer:
        writer.execute(sa.delete(rejections))
        migrate(database)
