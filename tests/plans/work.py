"""What each statement makes a database do: rows or steps that are counted, so no test depends on speed."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from salepixel.storage.database import Database

STEPS = 10
"""SQLite says each time that its virtual machine has made so many steps."""

_READ = """
SELECT relname, pg_stat_get_xact_tuples_returned(oid) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
"""


@dataclass
class Statement:
    """A statement that was executed, with the values of its first row.

    `work`: steps of SQLite's virtual machine; on PostgreSQL rows that were read, of `relations` by name.
    """

    text: str
    values: Any
    work: int = 0
    relations: dict[str, int] = field(default_factory=dict)

    @property
    def shape(self) -> str:
        """The text without the number of its parameters."""
        return re.sub(
            r"\(\s*(?:\?|%\(\w+\)s)(?:::\w+)?(?:, (?:\?|%\(\w+\)s)(?:::\w+)?)+\)", "(...)", self.text
        )


class Watch:
    """Everything that one process asks of a database, statement by statement."""

    def __init__(self, database: Database) -> None:
        self._engine, self._seen = database.engine, list[Statement]()
        self._before: dict[str, int] = {}
        self._transaction: sa.Transaction | None = None
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        self._engine.dispose()  # connections that are open already would not be counted
        if self.is_sqlite:
            sa.event.listen(self._engine, "connect", self._count_steps)
        sa.event.listen(self._engine, "before_cursor_execute", self._begin)
        sa.event.listen(self._engine, "after_cursor_execute", self._end)

    def stop(self) -> None:
        """Watch no more: other tests may use the same engine."""
        if self.is_sqlite:
            sa.event.remove(self._engine, "connect", self._count_steps)
        sa.event.remove(self._engine, "before_cursor_execute", self._begin)
        sa.event.remove(self._engine, "after_cursor_execute", self._end)

    @contextmanager
    def statements(self) -> Iterator[list[Statement]]:
        """Those of a block."""
        self._seen = []
        yield self._seen
        self._seen = []

    def plan(self, statement: Statement) -> list[str]:
        """How the database would execute it now."""
        head = "EXPLAIN QUERY PLAN" if self.is_sqlite else "EXPLAIN (COSTS OFF)"
        with self._engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(f"{head} {statement.text}", statement.values)
            return [str(row[-1]).strip() for row in cursor.fetchall()]

    def _count_steps(self, connection: Any, _record: Any) -> None:
        def count() -> None:
            if self._seen:
                self._seen[-1].work += STEPS

        connection.set_progress_handler(count, STEPS)

    def _begin(self, connection: sa.Connection, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        self._seen.append(Statement(text, values[0] if isinstance(values, list) else values))
        # PostgreSQL counts in each transaction from 0, or from what it has not added up yet.
        if not self.is_sqlite and connection.get_transaction() is not self._transaction:
            self._before = self._read(connection)

    def _end(self, connection: sa.Connection, *_: Any) -> None:
        if not self.is_sqlite:
            its = self._seen[-1]
            now = self._read(connection)
            its.relations = {
                name: count - self._before.get(name, 0)
                for name, count in now.items()
                if count != self._before.get(name, 0)
            }
            its.work = sum(its.relations.values())
            self._before, self._transaction = now, connection.get_transaction()

    def _read(self, connection: sa.Connection) -> dict[str, int]:
        cursor = connection.connection.cursor()
        cursor.execute(_READ)
        return {name: count for name, count in cursor.fetchall() if count}


def pretend_many_rows(database: Database, tables: Collection[str], *, statistics: bool) -> None:
    """Have the database plan as if these tables had a thousand times as many rows.

    Of the few that they have it would rightly read all.
    """
    sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not sqlite:
            # Without dead rows, too: autovacuum comes after a minute.
            connection.exec_driver_sql("VACUUM ANALYZE" if statistics else "VACUUM")
            # PostgreSQL takes the rows of a page from here, and the pages from the file.
            connection.exec_driver_sql(
                "UPDATE pg_class SET relpages = greatest(1, relpages), "
                "reltuples = 1000 * greatest(100, reltuples) WHERE relkind = 'r' AND relname = ANY(%s)",
                (list(tables),),
            )
    if sqlite and statistics:
        with database.write() as connection:
            connection.exec_driver_sql("ANALYZE")
            for table, index, stat in connection.exec_driver_sql(
                "SELECT tbl, idx, stat FROM sqlite_stat1"
            ).all():
                if table in tables:
                    values = (_of_many(stat), table, index)
                    connection.exec_driver_sql(
                        "UPDATE sqlite_stat1 SET stat=? WHERE tbl=? AND idx IS ?", values
                    )
    database.engine.dispose()  # a connection of SQLite reads them when it opens


def _of_many(stat: str) -> str:
    """Rows, then how many of them have the same first columns of an index: few, or a share of all rows."""
    rows, *same = stat.split()
    share = int(rows) // 20
    numbers = [
        int(one) * (1000 if one.isdigit() and int(one) > share else 1) if one.isdigit() else one
        for one in same
    ]
    return " ".join(map(str, (int(rows) * 1000, *numbers)))
