"""An order says why it is on the queue, and only one module puts it there."""

import re
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

import salepixel
from salepixel.orders import queue
from salepixel.orders.requeue import DueReason, requeue_failed, requeue_order
from salepixel.orders.store import store_order
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import NOON, order

ROOT = Path(salepixel.__file__).parents[1]


def because(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(sa.select(schema.due.c.because)))


def test_an_order_says_why_it_is_on_the_queue_until_it_is_decided(database: Database) -> None:
    with database.write() as connection:
        store_order(connection, "s1", 1, order(), "")
    assert because(database) == [DueReason.NEW_ORDER]
    with database.write() as connection:
        requeue_order(connection, "s1", "O1", DueReason.CLICKS)
        assert queue.read_state(connection).because == {"new_order": 1}
    assert because(database) == [DueReason.NEW_ORDER], "it waits since then"
    with database.write() as connection:
        queue.mark_decided(connection, [("s1", "O1")])
        assert queue.read_state(connection) == queue.QueueState()
    assert because(database) == []
    with database.write() as connection:
        store_order(connection, "s1", 1, order(updated_at=NOON + timedelta(hours=1)), "")
    assert because(database) == [DueReason.ORDER_CHANGED]


def test_a_failed_order_says_why_it_was_tried_and_then_that_a_user_requeued_it(
    database: Database,
) -> None:
    with database.write() as connection:
        store_order(connection, "s1", 1, order(), "")
        failed = queue.record_failure(connection, "s1", "O1", "BadMoney", NOON)
        assert failed is not None
        assert failed.due_because == DueReason.NEW_ORDER
        assert requeue_failed(connection, 1) == 1
    assert because(database) == [DueReason.BY_HAND]


SOURCES = [*(ROOT / "salepixel").rglob("*.py"), *(ROOT / "worker").rglob("*.py")]


def test_only_the_queue_puts_an_order_on_the_queue() -> None:
    marks = re.compile(r"\b(insert_into\(dialect, due\)|(insert|update|delete)\(due\))")
    found = {path.name for path in SOURCES if marks.search(path.read_text())}
    assert found == {"queue.py"}
