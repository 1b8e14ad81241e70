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
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import Signal
from salepixel.orders import store as orders
from salepixel.orders.buyers import orders_of_contacts
from salepixel.orders.queue import due_orders
from salepixel.orders.requeue import requeue_pixel_twins
from salepixel.report.coverage import pixel_problems
from salepixel.report.sales import Period
from salepixel.storage.database import Database
from tests.make import NOON, click_at, order


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


def opt_in(connection: sa.Connection) -> None:
    for consent in (False, True):
        contacts.store_contacts(connection, 1, [Contact("bo", "h", consent)], NOON)


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda connection: due_orders(connection, 10), "ix_orders_due"),
        (
            lambda connection: clicks.settle_clicks(connection, NOON, 10),
            "clicks USING COVERING INDEX sqlite_autoindex_clicks_1 (id>? AND id<?)",
        ),
        (
            lambda connection: clicks.store_clicks(connection, [(click_at(NOON), Signal(0))]),
            "ix_clicks_emp_id_contact_id",
        ),
        (
            lambda connection: clicks.store_clicks(connection, [(click_at(NOON), Signal(0))]),
            "ix_orders_emp_id_placed_at",
        ),
        (
            lambda connection: orders_of_contacts(connection, 1, [], NOON, NOON),
            "INDEX ix_decisions_buyer (emp_id=? AND buyer=?)",
        ),
        (
            lambda connection: clicks.store_clicks(connection, [(click_at(NOON), Signal(0))]),
            "INDEX ix_candidates_click_id (click_id>? AND click_id<?)",
        ),
        (
            lambda connection: contacts.store_contacts(connection, 1, [Contact("ana", "h")], NOON),
            "INDEX ix_candidates_contact (emp_id=? AND contact=?)",
        ),
        (opt_in, "INDEX ix_candidates_opted_out (emp_id=?)"),
        *(
            (lambda connection: find_contacts(connection, 1, ["ana"], ["hash"], ["alias"]), index)
            for index in ("autoindex_contacts_1", "ix_contacts_emp_id_email_hash", "ix_contacts_alias_hash")
        ),
        (lambda connection: reported_by_shops(connection, 1, ["1042"]), "autoindex_orders_1"),
        (lambda connection: reported_by_shops(connection, 1, ["1042"]), "ix_orders_shop_id_number_key"),
        (
            lambda connection: requeue_pixel_twins(connection, 1, ["O1", "1042"]),
            "ix_orders_shop_id_number_key",
        ),
        (
            lambda connection: pixel_problems(connection, 1, Period(NOON, NOON)),
            "INDEX ix_hits_problems (emp_id=? AND id>? AND id<?)",
        ),
    ],
    ids=[
        "orders that are due",
        "clicks that are not final",
        "neighbours of a click",
        "orders of the time",
        "orders of a buyer",
        "orders that name a click",
        "orders whose decisions name a contact",
        "orders that opted-out contacts led to",
        "contacts by reference",
        "contacts by address",
        "contacts by mailbox",
        "an order of a shop by its id",
        "an order of a shop by its number",
        "orders that the pixel made",
        "problems of pixel hits",
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
