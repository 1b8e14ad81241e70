"""A customer of a shop, found as contacts by the addresses and buyers of the orders, on both databases."""

import pytest

from salepixel.clicks.tokens import ClickSealer
from salepixel.report.contact import MOST_REFERENCES, references_of_customer
from salepixel.shops.store import find_shop
from salepixel.storage.database import Database
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    """Bo is a customer of the shop, whose address is known; ana clicked in the browser in which bo bought."""
    world = World(database, sealer)
    world.connect()
    world.contact("bo", "hash-of-bo")
    click = click_at(NOON - HOUR, "ana", serial=1)
    world.click(click)
    world.order(
        order(id="1", number="1", email_hash="hash-of-bo", customer="u1", click_token=sealer.seal(click))
    )
    world.order(order(id="2", number="2", customer="u1"))
    world.order(order(id="3", number="3", customer="u2", email_hash="hash-of-nobody"))
    world.reconcile()
    return world


def _found(world: World, customer: str, shop_id: str = "") -> list[str]:
    with world.database.read() as connection:
        shop = find_shop(connection, "https://shop.test/graphql/")
        assert shop is not None
        return references_of_customer(connection, 1, shop_id or shop.id, customer)


def test_a_customer_is_who_has_the_address_not_who_clicked(world: World) -> None:
    assert _found(world, "u1") == ["bo"]


@pytest.mark.parametrize("customer", ["", "u2", "u9"])
def test_an_unknown_customer_is_nobody(world: World, customer: str) -> None:
    assert _found(world, customer) == []


def test_a_customer_of_another_shop_is_nobody(world: World) -> None:
    assert _found(world, "u1", "0123456789ab") == []


def test_many_references_of_one_address_are_cut(world: World) -> None:
    for n in range(MOST_REFERENCES + 3):
        world.contact(f"bo{n}", "hash-of-bo")
    assert len(_found(world, "u1")) == MOST_REFERENCES
