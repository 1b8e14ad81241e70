"""Clicks are stored once and judged alike in whatever order they come."""

import random
from datetime import timedelta

import sqlalchemy as sa

from salepixel.accounts.store import Account, add_account
from salepixel.campaigns.contacts import Contact, store_contacts
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import Click, Signal, Verdict
from salepixel.orders import store as orders
from salepixel.orders.queue import due_orders
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.databases import cases_on_sqlite
from tests.make import CAMPAIGN, NOON, click_at, order


def scan(start: int, links: int, contact: str) -> list[tuple[Click, Signal]]:
    """This many links clicked a second apart, as a scanner does."""
    person = sum(contact.encode()) * 10_000
    return [
        (
            click_at(NOON + timedelta(seconds=start + i), contact, link=f"{i:012x}", serial=person + i),
            Signal(0),
        )
        for i in range(links)
    ]


def all_clicks(database: Database) -> list[clicks.StoredClick]:
    with database.read() as connection:
        return clicks.list_clicks(connection, CAMPAIGN, 100, None)


STORY = [
    *scan(0, 5, "ana"),
    *scan(600, 1, "ana"),
    *scan(0, 2, "bo"),
    *scan(15, 3, "bo"),
    *scan(30, 1, "bo"),
    *scan(0, 4, ""),
    (click_at(NOON, "cy", serial=9), Signal.HEAD),
]


@cases_on_sqlite(("seed",), *([seed] for seed in range(6)))
def test_verdicts_do_not_depend_on_the_order_of_arrival(database: Database, seed: int) -> None:
    shuffled = STORY * 2
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    while shuffled:
        size = random.Random(len(shuffled)).randint(1, 4)  # noqa: S311
        batch, shuffled = shuffled[:size], shuffled[size:]
        with database.write() as connection:
            clicks.store_clicks(connection, batch)
    stored = all_clicks(database)
    assert len(stored) == len(STORY)
    bots = {found.click.id for found in stored if found.verdict is Verdict.BOT}
    expected = {click.id for click, _ in [*STORY[:5], *STORY[8:11], STORY[-1]]}
    assert bots == expected


def test_a_changed_verdict_requeues_the_orders_that_it_affects(database: Database) -> None:
    suspect, quiet = click_at(NOON, "ana"), click_at(NOON, "bo", serial=1)
    with database.write() as connection:
        add_account(connection, Account(1, "Shoes", "EUR", NOON))
        store_contacts(connection, 1, [Contact("ana", "h-ana"), Contact("bo", "h-bo")], NOON)
        clicks.store_clicks(connection, [(suspect, Signal.HEAD), (quiet, Signal(0))])
        for number, whose in (("1", "h-ana"), ("2", "h-bo")):
            bought = order(id=number, number=number, placed_at=NOON + timedelta(days=1), email_hash=whose)
            orders.store_order(connection, "s1", 1, bought, "")
        connection.execute(sa.delete(schema.due))
        for click in (suspect, quiet):
            clicks.clear_clicks(connection, [click.id])
        assert due_orders(connection, 10) == [("s1", "1")]
        connection.execute(sa.delete(schema.due))
        clicks.clear_clicks(connection, [suspect.id])
        assert due_orders(connection, 10) == []


def test_a_human_click_requeues_the_orders_of_its_address(database: Database) -> None:
    with database.write() as connection:
        add_account(connection, Account(1, "Shoes", "EUR", NOON))
        store_contacts(connection, 1, [Contact("ana", "hash-of-ana")], NOON)
        for number, placed in (("1", NOON + timedelta(days=1)), ("2", NOON + timedelta(days=15))):
            bought = order(id=number, number=number, placed_at=placed, email_hash="hash-of-ana")
            orders.store_order(connection, "s1", 1, bought, "")
    with database.write() as connection:
        connection.execute(sa.delete(schema.due))
        clicks.store_clicks(connection, [(click_at(NOON), Signal(0))])
    with database.read() as connection:
        assert due_orders(connection, 10) == [("s1", "1")]


def test_a_mark_moves_only_from_its_expected_position(database: Database) -> None:
    with database.write() as connection:
        assert clicks.move_mark(connection, "j", 0, 5, NOON)
        assert not clicks.move_mark(connection, "j", 0, 5, NOON)
        assert clicks.move_mark(connection, "j", 5, 9, NOON)
        assert clicks.read_marks(connection) == {"j": 9}
