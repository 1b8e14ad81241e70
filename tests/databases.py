"""Databases for tests: migrated once, then copied or emptied, as migrating takes longer than most tests."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.util import LRUCache

from salepixel.keys import load_keys
from salepixel.storage.database import Database, migrate, open_database
from salepixel.storage.schema import metadata

SQLITE_FILE = "salepixel.sqlite3"


def cases_on_sqlite(names: tuple[str, ...], *cases: Sequence[Any]) -> pytest.MarkDecorator:
    """Parametrize with a table of cases: each on SQLite, and only the first on PostgreSQL, too.

    For cases that differ in values alone, so that each executes the same statements.
    """
    rows = [*(("sqlite", *case) for case in cases), ("postgresql", *cases[0])]
    return pytest.mark.parametrize(("database", *names), rows, indirect=["database"])


def make_template(folder: Path) -> Path:
    """A migrated SQLite in a folder; gives its file, which `copy_template` copies."""
    database = open_database("", folder)
    migrate(database)
    database.close()  # SQLite then writes its log into the file and removes it
    return folder / SQLITE_FILE


def copy_template(template: Path, folder: Path) -> Database:
    """A new SQLite in a folder with what the template holds: 1 ms instead of the 135 ms of migrating."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, folder / SQLITE_FILE)
    return open_without_waiting(folder)


def make_data(template: Path, folder: Path) -> Path:
    """A data folder for a stack: its keys and its tables, whose migrating takes 0.6 s of CPU."""
    folder.mkdir(parents=True, exist_ok=True)
    load_keys(folder / "keys.json")
    copy_template(template, folder).close()
    return folder


def open_without_waiting(folder: Path) -> Database:
    """The SQLite in a folder, without waiting for the disk at each commit: no power fails in these tests.

    Statements are compiled once for all tests, as they are once for all requests of a process.
    """
    engine = open_database("", folder).engine

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    engine.dialect = _dialect(engine)  # the cache's keys have the dialect
    engine.update_execution_options(compiled_cache=_COMPILED)
    return Database(engine)


_COMPILED = LRUCache[Any, Any](1000)


def _dialect(engine: sa.Engine) -> sa.Dialect:
    """The same for each engine, that of the first."""
    if not _DIALECTS:
        engine.connect().close()  # the first connection initializes it
        _DIALECTS.append(engine.dialect)
    return _DIALECTS[0]


_DIALECTS: list[sa.Dialect] = []


def empty(database: Database) -> None:
    """Delete every row: 8 ms on PostgreSQL, where a copy of a template database takes 70."""
    statements = _deleting_all_rows()
    with database.write() as connection:
        # PostgreSQL takes them all at once, SQLite one by one.
        for some in [";".join(statements)] if connection.dialect.name == "postgresql" else statements:
            connection.exec_driver_sql(some)


@cache
def _deleting_all_rows() -> list[str]:
    return [str(sa.delete(table)) for table in reversed(metadata.sorted_tables)]


def copy_rows(source: Database, target: Database) -> None:
    """Write every row of a database into an empty one, of the same kind or the other."""
    with source.read() as reading, target.write() as connection:
        for table in metadata.sorted_tables:
            if rows := reading.execute(sa.select(table)).mappings().all():
                connection.execute(sa.delete(table))  # migrating stores a row, too
                connection.execute(sa.insert(table), [dict(row) for row in rows])


@contextmanager
def new_postgresql_database(server: str, name: str) -> Iterator[str]:
    """An empty database of its own on a PostgreSQL, without our tables; gives its address."""
    url = sa.make_url(server)
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
            yield url.set(database=name).render_as_string(hide_password=False)
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()
