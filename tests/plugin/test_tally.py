"""Refusals are counted without a write: a flood of them delays no shop's delivery."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.orders.deliveries import count_rejection, list_rejections
from salepixel.shops.rejected import list_shop_rejections
from salepixel.shops.use_cases import create_shop
from salepixel.storage.database import Database
from salepixel.storage.schema import api_keys
from salepixel_plugin.tally import Tally
from tests.plugin.conftest import Office

SOURCE = "saleor_webhook"


@contextmanager
def writes(database: Database) -> Iterator[list[str]]:
    """The transactions that take the write lock meanwhile."""
    found: list[str] = []

    def note(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("salepixel_write"):
            found.append("BEGIN IMMEDIATE")

    sa.event.listen(database.engine, "begin", note)
    yield found
    sa.event.remove(database.engine, "begin", note)


def counted(database: Database) -> dict[tuple[str, str], int]:
    with database.read() as connection:
        return {(source, reason): count for _, source, reason, count in list_rejections(connection, 9)}


@pytest.fixture
def locked(office: Office) -> Iterator[Office]:
    """An office whose database another process writes to, for as long as the test takes."""
    with office.database.write():
        yield office


def test_a_burst_of_refusals_takes_no_write_lock_and_is_stored_at_once(office: Office) -> None:
    headers = {"Saleor-Api-Url": "https://nobody.test/graphql/"}
    with writes(office.database) as found:
        for number in range(30):
            assert office.call("GET", "/campaigns", key=f"wrong {number}").status_code in (401, 429)
            answer = office.browser.post("/saleor/webhooks", data=b"{}", headers=headers)
            assert answer.status_code == 401
            assert office.browser.post("/saleor/register?code=x", data=b"{}").status_code == 400
            office.browser.post("/login", data={"key": f"wrong {number}"})
        assert found == []
        office.store_counts()
        assert len(found) == 1
        office.store_counts()
        assert len(found) == 1, "there was nothing to store"
    assert counted(office.database) == {
        ("key", "bad_key"): 10,
        ("key", "too_many_wrong_keys"): 1,
        ("saleor_register", "bad_request"): 30,
        ("saleor_webhook", "unknown_installation"): 30,
    }


def test_requests_are_answered_while_another_process_has_the_write_lock(locked: Office) -> None:
    assert locked.call("GET", "/campaigns", key="wrong").status_code == 401
    assert locked.browser.post("/saleor/webhooks", data=b"{}").status_code == 401


def test_counts_add_up_with_those_that_are_stored(database: Database) -> None:
    tally = Tally(database)
    with database.write() as connection:
        count_rejection(connection, SOURCE, "no_signature")
    for _ in range(3):
        tally.count(SOURCE, "no_signature")
    tally.count("key", "bad_key")
    assert tally.store()
    tally.count("key", "bad_key")
    assert tally.store()
    assert counted(database) == {(SOURCE, "no_signature"): 4, ("key", "bad_key"): 2}


def test_counts_that_cannot_be_stored_are_kept_for_later(sqlite: Database) -> None:
    tally = Tally(sqlite)
    tally.count(SOURCE, "no_signature")
    with sqlite.write() as connection:
        connection.exec_driver_sql("ALTER TABLE rejections RENAME TO away")
    assert not tally.store()
    tally.count(SOURCE, "no_signature")
    with sqlite.write() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO rejections")
    assert tally.store()
    assert counted(sqlite) == {(SOURCE, "no_signature"): 2}


def test_remaining_counts_are_stored_when_the_process_stops(database: Database) -> None:
    tally = Tally(database)
    tally.start()
    tally.count(SOURCE, "no_signature")
    tally.stop()
    assert counted(database) == {(SOURCE, "no_signature"): 1}


def test_storing_counts_waits_half_a_second_for_a_conflicting_transaction(
    postgresql_database: Database,
) -> None:
    tally = Tally(postgresql_database)
    tally.count(SOURCE, "no_signature")
    with postgresql_database.write() as connection:
        count_rejection(connection, SOURCE, "no_signature")
        assert not tally.store(), "it waits half a second for the row, and no longer"
        count_rejection(connection, SOURCE, "unstorable")
    assert tally.store()
    assert counted(postgresql_database) == {(SOURCE, "no_signature"): 2, (SOURCE, "unstorable"): 1}


def test_an_error_of_any_kind_loses_no_count(sqlite: Database) -> None:
    tally = Tally(sqlite)
    tally.count(SOURCE, "bad_signature")

    def fail(*_: Any) -> None:
        raise MemoryError

    sa.event.listen(sqlite.engine, "before_cursor_execute", fail)
    assert tally.store() is False
    sa.event.remove(sqlite.engine, "before_cursor_execute", fail)
    assert tally.store() is True
    with sqlite.read() as connection:
        assert [row[1:] for row in list_rejections(connection, 30)] == [(SOURCE, "bad_signature", 1)]


def test_an_error_of_any_kind_loses_no_rejected_delivery_and_no_use_of_a_key(office: Office) -> None:
    database = office.database
    with database.write() as connection:
        shop = create_shop(
            connection, INSTALLATION, 7, "saleor", "https://a.test/graphql/", datetime.now(UTC)
        ).id
        key = connection.scalar(sa.select(api_keys.c.id).where(api_keys.c.emp_id == 7))
    tally = Tally(database)

    def happen() -> None:
        tally.count_for_shop(shop, "bad_signature")
        tally.note_key_used(str(key))

    def fail(*_: Any) -> None:
        raise MemoryError

    happen()
    sa.event.listen(database.engine, "before_cursor_execute", fail)
    assert tally.store() is False
    sa.event.remove(database.engine, "before_cursor_execute", fail)
    happen()
    assert tally.store() is True
    with database.read() as connection:
        assert [row[:3] for row in list_shop_rejections(connection, 7)] == [(shop, "bad_signature", 2)]
        used = sa.select(api_keys.c.last_used_at).where(api_keys.c.id == key)
        assert connection.scalar(used) is not None
