"""The files of SQLite do not stay as large as they once were."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.clicks.store import store_clicks
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.privacy import retention
from salepixel.privacy.retention import Kept, end_old_rows
from salepixel.privacy.use_cases import change_retention
from salepixel.storage import space
from salepixel.storage.database import Database, migrate, open_database
from salepixel.storage.schema import deliveries
from salepixel_worker.sweep import shrink_database
from tests.databases import copy_template
from tests.make import NOON, click_at
from tests.worker.world import World

COUNT = 600
ENDED_CLICKS = 12_000
LARGE = 8_000_000
"""More than PAGES_AT_ONCE pages several times over."""


def store(database: Database, first: int = 0, count: int = COUNT) -> None:
    """Deliveries of 13 kB each."""
    rest: dict[str, Any] = {
        "shop_id": "s",
        "event": "e",
        "headers": "{}",
        "body": bytes(13_000),
        "unread": "",
    }
    rest |= {"received_at": datetime.now(UTC)}
    with database.write() as connection:
        rows = [{"digest": f"{n}", **rest} for n in range(first, first + count)]
        connection.execute(sa.insert(deliveries), rows)


def delete(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.delete(deliveries))


def checkpoint(database: Database) -> None:
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_the_space_of_deleted_rows_is_freed(tmp_path: Path) -> None:
    database = open_database("", tmp_path)
    migrate(database)
    file = tmp_path / "salepixel.sqlite3"
    checkpoint(database)
    empty = file.stat().st_size
    store(database)
    checkpoint(database)
    assert file.stat().st_size > LARGE
    delete(database)
    assert shrink_database(database, 60) > space.PAGES_AT_ONCE
    checkpoint(database)
    assert file.stat().st_size < empty * 1.2
    store(database, count=1)
    database.close()


def test_the_space_of_clicks_that_ended_is_freed(
    sqlite_template: Path, tmp_path: Path, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "YIELD_SECONDS", 0)
    database = copy_template(sqlite_template, tmp_path)
    World(database, sealer)
    batch = [
        (click_at(NOON + timedelta(seconds=n), "", serial=n % 250), Signal(0)) for n in range(ENDED_CLICKS)
    ]
    with database.write() as connection:
        store_clicks(connection, batch)
        change_retention(connection, INSTALLATION, 1, {Kept.CLICKS: 44})
    checkpoint(database)
    file = tmp_path / "salepixel.sqlite3"
    full = file.stat().st_size
    assert end_old_rows(database, NOON + timedelta(days=50), 60) == ENDED_CLICKS
    assert shrink_database(database, 60) > space.PAGES_AT_ONCE
    checkpoint(database)
    assert full - file.stat().st_size > 100 * ENDED_CLICKS
    database.close()


def test_one_step_frees_a_limited_number_of_pages(sqlite: Database) -> None:
    store(sqlite)
    delete(sqlite)
    with sqlite.write() as connection:
        before = space.removable_pages(connection)
        assert space.remove_free_pages(connection) == space.PAGES_AT_ONCE
        assert before - space.PAGES_AT_ONCE < space.removable_pages(connection) < before


def test_a_tenth_of_the_file_stays_free_for_new_rows(sqlite: Database) -> None:
    store(sqlite)
    with sqlite.write() as connection:
        connection.execute(sa.delete(deliveries).where(deliveries.c.digest < "15"))
        assert connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() > 0
    assert shrink_database(sqlite, 60) == 0


def test_postgresql_and_older_sqlite_files_need_no_vacuum_step(
    postgresql_database: Database, tmp_path: Path
) -> None:
    assert shrink_database(postgresql_database, 60) == 0
    older = open_database("", tmp_path)
    with older.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA auto_vacuum=NONE")
        driver.execute("VACUUM")
    migrate(older)
    store(older)
    delete(older)
    assert shrink_database(older, 60) == 0
    older.close()


def test_the_wal_of_sqlite_shrinks_after_a_long_reader(tmp_path: Path) -> None:
    database = open_database("", tmp_path)
    migrate(database)
    log = tmp_path / "salepixel.sqlite3-wal"
    with database.read() as reader:
        reader.execute(sa.select(deliveries.c.digest)).all()
        for n in range(5):
            store(database, n * COUNT)
        assert log.stat().st_size > 30_000_000
    store(database, 9 * COUNT, 1)
    store(database, 9 * COUNT + 1, 1)
    assert log.stat().st_size <= 16_777_216
    database.close()
