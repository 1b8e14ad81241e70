"""Opens the database (SQLite with durable commits, or PostgreSQL) and migrates it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa

try:
    from pysqlite3 import dbapi2 as _sqlite
except ImportError:  # no wheel for this platform; Python's own SQLite is checked too
    _sqlite = sqlite3

_REFUSALS = ("28", "3D", "42501")
"""SQLSTATEs: wrong name or password, unknown database, missing privilege (since PostgreSQL 15 only the owner
can create tables in `public`; postgresql.org/docs/current/errcodes-appendix.html)."""

_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
_ALEMBIC = sa.table("alembic_version", sa.column("version_num"))

_MIGRATION_LOCK = 0x5A1E  # any number that no other program on this PostgreSQL uses for a lock


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    # In a burst the log is 5 to 9 MB; a long reader made it 132 MB. Without a limit, it keeps its length.
    "journal_size_limit=16777216",
    "secure_delete=ON",  # otherwise a replaced address stays in the file until its place is reused
)


class UnsafeDatabase(RuntimeError):
    """This database is not safe to use; the message says what to do."""


class DatabaseUnavailable(RuntimeError):
    """The database cannot be used now; the message says why and what to do, in one line."""


class Database:
    """An engine for reading and writing.

    `write` takes SQLite's write lock at its start. Otherwise a transaction that reads first would fail with
    "database is locked" if another one wrote before its own first write.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # Made once: making it for each transaction took longer than an empty transaction.
        self._writing = engine.execution_options(salepixel_write=True)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for reading; changes are rolled back."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction: committed durably at the end of the block, rolled back if it raises."""
        with self._writing.begin() as connection:
            yield connection

    def empty_log(self) -> bool:
        """Write SQLite's log into its file and empty it; False while a reader still needs it.

        Until then, overwritten data is in the log. For PostgreSQL's log see docs/explanation/privacy.md.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        connection = self.engine.raw_connection()
        try:
            busy = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.close()
        return not busy

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def is_transient(error: BaseException) -> bool:
    """Whether the error is temporary (database down, busy or full), so that a retry can succeed."""
    if isinstance(error, sa.exc.TimeoutError):
        return True  # all connections of the pool stayed in use
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.InternalError):
        return False
    cause: Any = error.orig
    if cause is None or hasattr(cause, "sqlstate"):
        # None: the database did not answer. The codes: postgresql.org/docs/current/errcodes-appendix.html
        state: str | None = getattr(cause, "sqlstate", None)
        return state is None or state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES
    # The low byte is the primary code: sqlite.org/rescode.html
    return (getattr(cause, "sqlite_errorcode", 0) & 0xFF) in _TRANSIENT_SQLITE


_TRANSIENT_CLASSES = ("08", "40", "55", "57", "58")
"""No connection, deadlock, lock not available, shut down, input or output failed."""

_TRANSIENT_STATES = ("25006", "53100", "53300")
"""Read-only after a failover, disk full, too many connections. Not out of memory: the statement caused it."""

_TRANSIENT_SQLITE = frozenset({5, 6, 8, 10, 13, 14, 15, 22})
"""Busy, locked, read-only, input or output failed, full, cannot open, locking failed, no large files."""


def is_conflict(error: BaseException) -> bool:
    """Whether PostgreSQL ended a transaction because two of them waited for each other."""
    state: str | None = getattr(getattr(error, "orig", None), "sqlstate", None)
    return state is not None and state[:2] == "40"


def is_timeout(error: BaseException) -> bool:
    """Whether PostgreSQL ended a statement because it took too long."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) == "57014"


def is_unstorable(error: BaseException) -> bool:
    """Whether values of a statement are too large or too long for the database: retries cannot succeed."""
    cause = getattr(error, "orig", None)
    state: str | None = getattr(cause, "sqlstate", None)
    # Data exception, or program limit exceeded (for example, an index entry that is too long). psycopg raises
    # the latter as an operational error.
    of_values = state is not None and state[:2] in ("22", "54")
    return of_values or isinstance(error, sa.exc.DataError | OverflowError)


def check_sqlite(module: ModuleType) -> None:
    """Reject a SQLite that can corrupt a file written by two processes (sqlite.org/changes, 3.51.3).

    The WAL-reset bug is in 3.7.0 to 3.51.2, except in 3.44.6 and later 3.44, 3.50.7 and later 3.50.
    """
    version = module.sqlite_version_info
    good = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if not good:
        raise UnsafeDatabase(
            f"SQLite {module.sqlite_version} has the WAL-reset bug that corrupts files. Install pysqlite3, "
            "use a Python with SQLite 3.51.3 or newer, or set SALEPIXEL_DATABASE_URL to a PostgreSQL."
        )


def open_database(url: str, data: Path) -> Database:
    """Open PostgreSQL at `url`, or SQLite in the folder `data` if `url` is empty."""
    if url:
        return Database(_postgresql(url))
    check_sqlite(_sqlite)
    return Database(_sqlite_engine(data / "salepixel.sqlite3"))


def migrate(database: Database) -> None:
    """Migrate the tables to this version. Several processes can run it at once.

    Raises DatabaseUnavailable if the database does not answer or rejects us; UnsafeDatabase for newer tables.
    """
    try:
        if not is_current(database):
            _migrate(database)
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.ProgrammingError) as error:
        if not _operator_can_fix(error):
            raise
        raise DatabaseUnavailable(_explain(database, error)) from error


def _migrate(database: Database) -> None:
    # Here and not above: importing Alembic is a tenth of a process's start, and few starts migrate.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            # Rewriting a large table, or waiting for another process that does, may take minutes.
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
        else:
            # Overwrite freed pages: a script that copies a table would leave its plain secrets in them.
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        config = Config()
        config.set_main_option("script_location", "salepixel.storage:migrations")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise UnsafeDatabase(
                f"The database belongs to another version of salepixel ({error}). Install that version, "
                "or restore the backup that was made before that version was installed."
            ) from error


def _operator_can_fix(error: sa.exc.DBAPIError) -> bool:
    """False for a bug of ours in a statement: then the traceback is needed."""
    state = getattr(error.orig, "sqlstate", None)
    refused = state is not None and state.startswith(_REFUSALS)
    return refused or not isinstance(error, sa.exc.ProgrammingError)


def _explain(database: Database, error: sa.exc.DBAPIError) -> str:
    message = str(error.orig).strip()
    message = (message.rpartition("FATAL:")[2] or message).strip().splitlines()[0].rstrip(".")
    url = database.engine.url
    if url.get_backend_name() == "postgresql":
        where = url.render_as_string(hide_password=True).replace("+psycopg", "")
        return f"PostgreSQL ({where}): {message}. Start it, or correct SALEPIXEL_DATABASE_URL."
    return (
        f"SQLite ({url.database}): {message}. Check the rights of this user there, and the disk's free space."
    )


def is_current(database: Database) -> bool:
    """True if the tables have this version."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table(_ALEMBIC.name):
            return False
        return connection.scalar(sa.select(_ALEMBIC.c.version_num)) == _newest_revision()


def require_current(database: Database) -> None:
    """Check that the tables have this version. Raises DatabaseUnavailable, UnsafeDatabase."""
    file = _sqlite_file(database)
    if file and not file.exists():  # connecting would create it
        raise DatabaseUnavailable(
            f"There is no database {file}. Name the folder of the installation with --data or "
            "SALEPIXEL_DATA, or run `salepixel up` once: it creates one."
        )
    try:
        good = is_current(database)
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise DatabaseUnavailable(_explain(database, error)) from error
    if not good:
        raise UnsafeDatabase(
            "The tables belong to another version of salepixel. Run `salepixel up` once: it migrates them "
            "to this version."
        )


def _sqlite_file(database: Database) -> Path | None:
    """The file of SQLite; None for PostgreSQL."""
    url = database.engine.url
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


@cache
def _newest_revision() -> str:
    """The four digits with which the name of the newest migration begins; tests migrate to Alembic's."""
    return max(file.name[:4] for file in _MIGRATIONS.glob("[0-9]*.py"))


def _postgresql(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise UnsafeDatabase(f"SALEPIXEL_DATABASE_URL must be postgresql://..., not {parsed.drivername}://")
    return sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        hide_parameters=True,  # an error's text is logged
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "options": "-c statement_timeout=60000 -c timezone=UTC"},
    )


def _sqlite_engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        f"sqlite:///{path}",
        module=_sqlite,
        hide_parameters=True,  # an error's text is logged
        connect_args={"timeout": 10},
        pool_timeout=5,
        pool_size=16,
    )

    @sa.event.listens_for(engine, "do_connect")
    def make_folder(*_: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, see below
        # Chosen when the first page is written. Later it needs the write lock, for which a new connection
        # would wait behind a long transaction, and then fail.
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("salepixel_write", False)
        statement = "BEGIN IMMEDIATE" if writes else "BEGIN"
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(statement)  # a tenth of the time that SQLAlchemy takes for it
        except _sqlite.Error as error:
            raise sa.exc.DBAPIError.instance(
                statement, (), error, _sqlite.Error, hide_parameters=True, dialect=connection.dialect
            ) from error

    return engine
