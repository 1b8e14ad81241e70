"""The number of statements that reconciling one order takes, not their duration."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.attribution.reconcile import reconcile_order, reconcile_orders
from salepixel.clicks.tokens import ClickSealer
from salepixel.orders.order import Order
from salepixel.storage.database import Database
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World


@contextmanager
def statements(connection: sa.Connection) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        seen.append(text)

    sa.event.listen(connection, "before_cursor_execute", note)
    yield seen
    sa.event.remove(connection, "before_cursor_execute", note)


@dataclass(frozen=True)
class Case:
    """An order, and how many statements it may take at first and when nothing has changed since.

    At first two write the sums of its decision, seven those of its sales and its worth; on PostgreSQL one
    looks for a slot.
    """

    build: Callable[[World], Order]
    first: int
    again: int
    carries: bool = False  # clicks, whose contacts are locked


def carried(world: World, **more: Any) -> Order:
    """A paid order that carries the click of a contact with its address."""
    world.contact("ana", "hash-of-ana")
    click = click_at(NOON - HOUR, "ana")
    world.click(click)
    return order(email_hash="hash-of-ana", click_token=world.sealer.seal(click), **more)


def by_address(world: World) -> Order:
    world.contact("ana", "hash-of-ana")
    world.click(click_at(NOON - HOUR, "ana"))
    return order(email_hash="hash-of-ana")


def at_pixel(world: World) -> Order:
    click = click_at(NOON - HOUR, "ana")
    world.click(click)
    world.hit("PEDIDO=1042", click)
    return order()


def with_code(world: World) -> Order:
    world.coupon("ANA10", "ana")
    world.click(click_at(NOON - HOUR, "ana"))
    return order(voucher="ana10")


CASES = {
    "it carries the click of a contact with its address": Case(carried, 31, 13, carries=True),
    "the same, of a customer of the shop": Case(
        lambda world: carried(world, customer="C1"), 33, 14, carries=True
    ),
    "the same, refunded": Case(lambda world: carried(world, refunded=Decimal("39.80")), 33, 14, carries=True),
    "a contact with its address clicked": Case(by_address, 29, 11),
    "the pixel saw it": Case(at_pixel, 28, 11, carries=True),
    "a contact's code": Case(with_code, 28, 11),
    "nothing leads to a click": Case(lambda _: order(), 13, 8),
    "it is not paid": Case(lambda world: carried(world, paid=False), 17, 12, carries=True),
}

LOCKS = {"sqlite": 0, "postgresql": 4}
"""Statements for advisory locks: a lane, customers and numbers of the orders, a slot of the sums."""

CONTACTS = {"sqlite": 0, "postgresql": 1}
"""The statement that locks the contacts of the clicks that orders carry."""


@pytest.mark.parametrize("name", CASES)
def test_reconciling_an_order_takes_few_statements(
    database: Database, sealer: ClickSealer, name: str
) -> None:
    case = CASES[name]
    world = World(database, sealer)
    world.connect()
    world.order(case.build(world))
    ((shop_id, order_id),) = world.due()
    counts = []
    for _ in range(2):
        with database.write() as connection, statements(connection) as asked:
            reconcile_order(connection, sealer, shop_id, order_id)
        counts.append(len(asked))
    dialect = database.engine.dialect.name
    locks = LOCKS[dialect] + CONTACTS[dialect] * case.carries
    assert counts[0] <= case.first + locks, asked
    assert counts[1] <= case.again + locks, asked


def test_the_number_of_statements_does_not_grow_with_the_data(
    database: Database, sealer: ClickSealer
) -> None:
    world = World(database, sealer)
    world.connect()
    for n in range(30):
        world.contact(f"ana-{n}", "hash-of-ana")
        world.click(click_at(NOON - HOUR, f"ana-{n}", serial=n))
        world.hit("PEDIDO=1042", click_at(NOON - timedelta(minutes=n), "bo", serial=100 + n), serial=n)
    world.order(order(email_hash="hash-of-ana"))
    ((shop_id, order_id),) = world.due()
    with database.write() as connection, statements(connection) as asked:
        reconcile_order(connection, sealer, shop_id, order_id)
    dialect = database.engine.dialect.name
    assert len(asked) <= 31 + LOCKS[dialect] + CONTACTS[dialect], asked


def test_fifty_orders_take_as_many_statements_as_one(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    world.connect()
    world.contact("ana", "hash-of-ana")
    for n in range(50):
        click = click_at(NOON - HOUR, f"p{n}", serial=n)
        world.click(click)
        token, refunded = world.sealer.seal(click), Decimal(n % 2)
        more: dict[str, Any] = {"customer": f"C{n}", "click_token": token, "refunded": refunded}
        world.order(order(id=f"O{n}", number=f"N{n}", email_hash="hash-of-ana", **more))
    shop_id, _ = world.due()[0]
    most = CASES["the same, refunded"]
    for bound in (most.first, most.again):
        with database.write() as connection, statements(connection) as asked:
            reconcile_orders(connection, sealer, [(shop_id, f"O{n}") for n in range(50)])
        assert len(asked) <= bound + 3 + LOCKS[database.engine.dialect.name], asked
