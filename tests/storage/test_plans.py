"""Frequent queries use an index, however many rows there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.attribution.other_orders import reported_by_shops
from salepixel.campaigns import contacts
from salepixel.campaigns.contacts import Contact, find_contacts
from salepixel.orders import store as orders
from salepixel.orders.buyers import orders_of_contacts
from salepixel.orders.requeue import requeue_pixel_duplicates
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
            lambda connection: requeue_pixel_duplicates(connection, 1, ["O1", "1042"]),
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
            if text.startswith(("SELECT", "UPDATE", "INSERT INTO due"))
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    assert [step for step in plans if index in step] != [], plans
    assert [step for step in plans if step.startswith("SCAN ") and "VIRTUAL TABLE" not in step] == []


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with statistics"])
def test_contacts_are_found_by_the_whole_key_of_an_index(sqlite: Database, *, analyzed: bool) -> None:
    """By the account alone, SQLite read all of its contacts: 48 times as long with ten million clicks."""
    with sqlite.write() as connection:
        accounts.add_account(connection, accounts.Account(1, "Shoes", "EUR", NOON))
        some = [Contact(f"c{n}", f"h{n}", alias_hash=f"a{n}") for n in range(2000)]
        contacts.store_contacts(connection, 1, some, NOON)
        if analyzed:
            connection.exec_driver_sql("ANALYZE")
        with statements(connection) as asked:
            find_contacts(connection, 1, ["c1"], ["h2"], ["a3"])
        plan = [
            str(step[-1])
            for text, values in asked
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    found = [step for step in plan if step.startswith("SEARCH contacts ")]
    assert [step.partition("(")[2] for step in found] == [
        "emp_id=? AND ref=?)",
        "emp_id=? AND email_hash=?)",
        "emp_id=? AND alias_hash=?)",
    ]
