"""Thousands of rows are inserted at once, all or none; on both databases."""

import threading

import pytest
import sqlalchemy as sa

from salepixel.storage.bulk import insert_all
from salepixel.storage.database import Database, is_transient
from salepixel.storage.schema import clickers, sessions
from tests.waiting import PATIENCE_SECONDS, until

ROWS = [(f"S{n}", "the key", 10**15) for n in range(5)]


def stored(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(sa.select(sessions.c.digest).order_by(sessions.c.digest)))


def test_all_rows_are_inserted_with_the_defaults_of_columns_that_are_not_given(database: Database) -> None:
    texts = ["ana", "a\tb\nc\\d\"e'", "Ñandú 🦤", "\\N", "{}"]
    with database.write() as connection:
        assert insert_all(connection, clickers, [("c1", text, 2, 1, 10**12, 10**13, "{}") for text in texts])
    with database.read() as connection:
        rows = connection.execute(sa.select(clickers)).all()
    assert {row.contact for row in rows} == set(texts)
    assert {tuple(row[2:]) for row in rows} == {(2, 1, 10**12, 10**13, "{}", 0, 0)}


def test_if_one_row_is_stored_already_none_is_inserted(database: Database) -> None:
    with database.write() as connection:
        assert insert_all(connection, sessions, ROWS[2:3])
        assert not insert_all(connection, sessions, ROWS)
        assert insert_all(connection, sessions, ROWS[3:])
    assert stored(database) == ["S2", "S3", "S4"]


def test_a_row_that_the_table_rejects_is_an_error_and_the_transaction_can_go_on(database: Database) -> None:
    with database.write() as connection:
        with pytest.raises(sa.exc.IntegrityError):
            insert_all(connection, sessions, [ROWS[0], ("S1", None, 10**15)])
        assert insert_all(connection, sessions, ROWS[:1])
    assert stored(database) == ["S0"]


def test_a_value_that_postgresql_cannot_store_is_an_error_of_values(postgresql_database: Database) -> None:
    with postgresql_database.write() as connection:
        with pytest.raises(sa.exc.DataError):
            insert_all(connection, sessions, [ROWS[0], ("S1", "the\0", 10**15)])
        assert insert_all(connection, sessions, ROWS[:1])
    assert stored(postgresql_database) == ["S0"]


def test_a_broken_connection_is_a_transient_error(postgresql_database: Database) -> None:
    with postgresql_database.read() as connection:
        ours = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        with postgresql_database.write() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": ours})
        with pytest.raises(sa.exc.OperationalError) as caught:
            insert_all(connection, sessions, ROWS)
    assert is_transient(caught.value)
    assert stored(postgresql_database) == []


@pytest.mark.parametrize("commits", [True, False])
def test_rows_wait_for_another_transaction_that_inserts_them(
    postgresql_database: Database, commits: bool
) -> None:
    found: list[bool] = []

    def insert() -> None:
        with postgresql_database.write() as connection:
            found.append(insert_all(connection, sessions, ROWS))

    worker = threading.Thread(target=insert)
    with postgresql_database.write() as connection, connection.begin_nested() as savepoint:
        insert_all(connection, sessions, ROWS[1:2])
        worker.start()
        waits = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        with postgresql_database.read() as other:
            until(lambda: bool(other.scalar(waits)))
        if not commits:
            savepoint.rollback()
    worker.join(PATIENCE_SECONDS)
    assert found == [not commits]
    assert stored(postgresql_database) == (["S1"] if commits else [f"S{n}" for n in range(5)])
