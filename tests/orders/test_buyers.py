"""The orders that contacts may have bought: the same, whether the search starts from these or from those."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.clicks.tokens import ClickSealer
from salepixel.orders.buyers import orders_of_contacts
from salepixel.storage.database import Database
from tests.databases import cases_on_sqlite, empty
from tests.examples import costly
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World

STRANGERS = [f"nobody-{n}" for n in range(40)]
"""With these there are more contacts than orders, so the search starts from the orders."""

SIDES = pytest.mark.parametrize("others", [[], STRANGERS], ids=["from the contacts", "from the orders"])


def found(database: Database, refs: Collection[str], since: Any = -HOUR, until: Any = HOUR) -> set[str]:
    with database.read() as connection:
        return {key for _, key in orders_of_contacts(connection, 1, refs, NOON + since, NOON + until)}


def has_address(world: World) -> None:
    world.contact("ana", "h")
    world.order(order(email_hash="h"))


def has_mailbox(world: World) -> None:
    world.contact("ana", "h", alias_hash="a")
    world.order(order(email_hash="h2", alias_hash="a"))


def has_code(world: World) -> None:
    world.coupon("ANA10", "ana")
    world.order(order(voucher="ana10"))


def carries_click(world: World) -> None:
    world.order(order(click_token=world.sealer.seal(click_at(NOON - HOUR, "ana"))))


def customer_bought_before(world: World) -> None:
    token = world.sealer.seal(click_at(NOON - 48 * HOUR, "ana"))
    world.order(order(id="O0", number="1", customer="C", click_token=token, placed_at=NOON - 40 * HOUR))
    world.order(order(customer="C"))


@SIDES
@cases_on_sqlite(
    ("case",), [has_mailbox], [has_address], [has_code], [carries_click], [customer_bought_before]
)
def test_an_order_is_found_by_any_value_that_it_shares_with_a_contact(
    database: Database, sealer: ClickSealer, case: Any, others: list[str]
) -> None:
    world = World(database, sealer)
    world.connect()
    case(world)
    for n in range(3):
        world.order(
            order(id=f"other-{n}", number=f"9{n}", email_hash=f"o{n}", customer=f"o{n}", voucher=f"o{n}")
        )
    world.reconcile()
    assert found(database, ["ana", *others]) == {"O1"}
    assert found(database, ["bo", *others]) == set()


@SIDES
def test_only_orders_within_the_period_are_found_both_ends_included(
    database: Database, sealer: ClickSealer, others: list[str]
) -> None:
    world = World(database, sealer)
    world.connect()
    world.contact("ana", "h")
    for n in range(-2, 3):
        world.order(order(id=f"{n}", number=f"{n}", email_hash="h", placed_at=NOON + n * HOUR))
    assert found(database, ["ana", *others]) == {"-1", "0", "1"}
    assert found(database, ["ana", *others], timedelta(microseconds=1)) == {"1"}


SHARED = st.sampled_from([None, "x", "y", "z"])
ORDERS = st.lists(st.tuples(SHARED, SHARED, SHARED, SHARED, st.booleans(), st.integers(-2, 2)), max_size=6)
CONTACTS = st.lists(st.tuples(SHARED, SHARED, SHARED), min_size=3, max_size=3)


@costly(13)
@given(bought=ORDERS, known=CONTACTS)
def test_orders_of_contacts_and_contacts_of_orders_agree(
    database: Database, sealer: ClickSealer, bought: Any, known: Any
) -> None:
    empty(database)
    world = World(database, sealer)
    world.connect()
    given_to: dict[str, str] = {}
    for name, (email, alias, code) in zip("abc", known, strict=True):
        world.contact(name, email, alias_hash=alias)
        if code and given_to.setdefault(code, name) == name:
            world.coupon(code, name)
    for n, (email, alias, code, customer, carries, hour) in enumerate(bought):
        token = world.sealer.seal(click_at(NOON - 5 * HOUR, "a", serial=n)) if carries else None
        its = {"email_hash": email, "alias_hash": alias, "voucher": code or "", "customer": customer}
        placed_at = NOON + hour * HOUR
        world.order(order(id=f"{n}", number=f"{n}", placed_at=placed_at, click_token=token, **its))
    world.reconcile()
    for refs in (["a"], ["b"], ["a", "c"]):
        assert found(database, refs) == found(database, [*refs, *STRANGERS])
