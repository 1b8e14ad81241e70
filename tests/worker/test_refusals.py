"""A contact who opted out, at any time, is in no decision and no sale, whatever evidence names them."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from salepixel.attribution import policies
from salepixel.attribution.decisions import get_decision
from salepixel.clicks import hit_store as hits
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import ClickSealer
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import CAMPAIGN, NOON, click_at, order
from tests.worker.world import HOUR, World


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    world = World(database, sealer)
    world.connect()
    return world


def test_a_contact_who_opted_out_is_not_tracked(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.contact("ana", "h", consent=False)
    world.click(click)
    world.order(order(click_token=world.sealer.seal(click)))
    world.order(order(id="O2", number="2", email_hash="h"))
    world.hit("order=3", click)
    world.order(order(id="O3", number="3"))
    assert world.reasons() == {"O1": "opted_out", "O2": "opted_out", "O3": "no_click"}
    with world.database.read() as connection:
        (stored,) = clicks.list_clicks(connection, CAMPAIGN, 10, None)
        decided = [get_decision(connection, *place) for place in orders_of(world)]
        (hit,) = hits.hits_naming(connection, 1, [("3", "3")])["3", "3"]
    assert stored.click.contact == ""
    assert not [decision for decision in decided if "'ana'" in str(decision)]
    assert hit.click_token == ""


def test_opting_in_again_requeues_the_contacts_orders(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.contact("ana", "h", consent=False)
    world.order(order(click_token=world.sealer.seal(click)))
    assert world.reasons() == {"O1": "opted_out"}
    world.contact("ana", "h")
    assert world.reasons() == {"O1": "click_token_on_order"}


def test_an_opted_out_contact_with_a_long_reference_is_not_tracked(world: World) -> None:
    """A token has room only for its digest, which identifies no contact."""
    click = click_at(NOON - HOUR, "x" * 60)
    world.contact("x" * 60, "h", consent=False)
    world.click(click)
    world.order(order(click_token=world.sealer.seal(click)))
    assert world.reasons() == {"O1": "opted_out"}
    world.hit("order=1042", click)
    with world.database.read() as connection:
        assert connection.scalar(sa.select(schema.hits.c.click_token)) == ""


REFUSALS: dict[str, Callable[[World], str]] = {}


def who_refuses(story: Callable[[World], str]) -> Callable[[World], str]:
    REFUSALS[story.__name__] = story
    return story


@who_refuses
def whose_mail_was_forwarded(world: World) -> str:
    click = click_at(NOON - HOUR)
    world.contact("ana", "h1")
    world.click(click)
    world.order(order(email_hash="h2", click_token=world.sealer.seal(click)))
    return "ana"


@who_refuses
def whose_cookie_was_the_later_of_two(world: World) -> str:
    for serial, contact in enumerate(("ana", "bo")):
        click = click_at(NOON - (2 - serial) * HOUR, contact, serial=serial)
        world.contact(contact, None)
        world.click(click)
        world.hit("order=1042&IMPORTE=1", click, 50 + serial)
    world.order(order())
    return "bo"


@who_refuses
def whose_code_was_used_beside_anothers_token(world: World) -> str:
    click = click_at(NOON - HOUR, "ana")
    world.click(click)
    world.contact("bo", None)
    world.coupon("BO-1", "bo")
    world.order(order(click_token=world.sealer.seal(click), voucher="BO-1"))
    return "bo"


@who_refuses
def who_is_known_by_an_order_of_a_closed_month(world: World) -> str:
    first, then = click_at(NOON - 30 * HOUR), NOON - 29 * HOUR
    world.click(first)
    world.click(click_at(NOON - HOUR, serial=1))
    named = {"customer": "u1", "click_token": world.sealer.seal(first)}
    world.order(order(id="O0", number="0", placed_at=then, updated_at=then, **named))
    world.order(order(customer="u1"))
    world.reconcile()
    with world.database.write() as connection:
        assert policies.close_months(connection, 1, NOON - 2 * HOUR) == 0
    return "ana"


@pytest.mark.parametrize("story", REFUSALS.values(), ids=REFUSALS)
def test_a_later_opt_out_removes_the_contact_from_open_decisions(
    world: World, story: Callable[[World], str]
) -> None:
    contact = story(world)
    assert f"'{contact}'" in kept_of(world, "O1")
    world.contact(contact, "h", consent=False)
    assert f"'{contact}'" not in kept_of(world, "O1")
    assert not [row for row in world.report() if row[0] == "1042" and row[2] == contact]


def kept_of(world: World, order_id: str) -> str:
    """The content of an order's decision, after due orders were reconciled."""
    world.reconcile()
    with world.database.read() as connection:
        return str([get_decision(connection, *place) for place in orders_of(world) if place[1] == order_id])


def orders_of(world: World) -> list[tuple[str, str]]:
    with world.database.read() as connection:
        decided = connection.execute(sa.select(schema.decisions.c.shop_id, schema.decisions.c.order_id))
        return [(row.shop_id, row.order_id) for row in decided]
