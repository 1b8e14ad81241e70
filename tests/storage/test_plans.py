"""Frequent queries use an index, however many rows there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.attribution.other_orders import reported_by_shops
from salepixel.orders import store as orders
from salepixel.orders.buyers import orders_of_contacts
from salepixel.orders.requeue import requeue_pixel_twins
from salepixel.storage.database import Database
from tests.make import NOON, order


@contextmanager
def statements(connection: sa.Connection, *, many: bool = False) -> Iterator[list[tuple[str, Any]]]:
    """The statements sent to the database meanwhile; `many`: also those with the values of many rows."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, of_many: bool) -> None:
        if many or not of_many:
            seen.append((text, values))

    sa.event.listen(connection, "before_cursor_execute", note)
    yield seen
    sa.event.remove(connection, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (
            lambda connection: orders_of_contacts(connection, 1, [], NOON, NOON),
            "INDEX ix_decisions_buyer (emp_id=? AND buyer=?)",
        ),
        (lambda connection: reported_by_shops(connection, 1, ["1042"]), "autoindex_orders_1"),
        (lambda connection: reported_by_shops(connection, 1, ["1042"]), "ix_orders_shop_id_number_key"),
        (
            lambda connection: requeue_pixel_twins(connection, 1, ["O1", "1042"]),
            "ix_orders_shop_id_number_key",
        ),
    ],
    ids=[
        "orders of a buyer",
        "an order of a shop by its id",
        "an order of a shop by its number",
        "orders that the pixel made",
    ],
)
def test_frequent_queries_of_the_worker_use_an_index(
    sqlite: Database, ask: Callable[[sa.Connection], Any], index: str
) -> None:
    with sqlite.write() as connection:
        accounts.add_account(connection, accounts.Account(1, "Shoes", "EUR", NOON))
        orders.store_order(connection, "s1", 1, order(), "")
        with statements(connection) as asked:
            ask(connection)
        plans = [
            str(step[-1])
            for text, values in asked
            if text.startswith(("SELECT", "UPDATE"))
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    assert [step for step in plans if index in step] != [], plans
    assert [step for step in plans if step.startswith("SCAN ") and "VIRTUAL TABLE" not in step] == []
