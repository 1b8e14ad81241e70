"""Contacts without activity end; the others, opt-outs, decisions and figures stay."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.campaigns.contacts import Contact, all_opted_out, store_contacts
from salepixel.clicks.tokens import ClickSealer
from salepixel.privacy import retention
from salepixel.privacy.retention import Kept, end_old_rows
from salepixel.privacy.use_cases import change_retention
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums.check import find_wrong_sums
from salepixel_worker.rebuild import rebuild_all, verify_all
from tests.databases import cases_on_sqlite
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World

DAY = timedelta(days=1)
LATER = NOON + 400 * DAY
"""November 23 and December 28 of the year after: with 100 days, September 1 is the first month that stays."""

RECENT = LATER - 60 * DAY
LONG = "a-reference-of-more-than-39-bytes-that-a-token-does-not-hold"


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    found = World(database, sealer)
    found.connect()
    return found


def choose(world: World, **days: int | None) -> None:
    with world.database.write() as connection:
        change_retention(connection, INSTALLATION, 1, {Kept(kind): number for kind, number in days.items()})


def end(world: World, now: datetime) -> None:
    """Two sweeps: the first one moves the mark of the clicks, which contacts follow."""
    for _ in range(2):
        end_old_rows(world.database, now, 60)


def contacts(world: World) -> list[str]:
    with world.database.read() as connection:
        return sorted(connection.scalars(sa.select(schema.contacts.c.ref)))


def rows(world: World, table: sa.Table) -> list[Any]:
    with world.database.read() as connection:
        return list(connection.execute(sa.select(table).order_by(*table.primary_key)).all())


def upload(world: World) -> None:
    with world.database.write() as connection:
        store_contacts(connection, 1, [Contact("ana", None)], RECENT)


def buy(world: World, **more: Any) -> None:
    world.order(order(id="O9", number="9", placed_at=RECENT, **more))
    world.reconcile()


ACTIVITY: dict[str, Callable[[World], None]] = {
    "a click": lambda world: world.click(click_at(RECENT, "ana")),
    "an upload": upload,
    "an order with the address": lambda world: buy(world, email_hash="hash-of-ana"),
    "an order with another address of the mailbox": lambda world: buy(world, alias_hash="mailbox-of-ana"),
    "an order with a click of before": lambda world: buy(
        world, click_token=world.sealer.seal(click_at(NOON - HOUR, "ana"))
    ),
    "an order with a personal code": lambda world: buy(world, voucher="ONLY-ANA"),
}


@cases_on_sqlite(("activity",), *([one] for one in (*ACTIVITY, None)))
def test_a_contact_without_activity_ends(world: World, activity: str | None) -> None:
    world.coupon("ONLY-ANA", "ana")
    world.contact("ana", "hash-of-ana", alias_hash="mailbox-of-ana")
    world.contact("bo", "hash-of-bo", alias_hash="mailbox-of-bo")
    if activity:
        ACTIVITY[activity](world)
    choose(world, clicks=100, contacts=100)
    end(world, LATER)
    assert contacts(world) == (["ana"] if activity else [])


def test_a_long_reference_is_known_by_the_form_in_its_tokens(world: World) -> None:
    world.contact(LONG, "hash-of-long")
    buy(world, click_token=world.sealer.seal(click_at(NOON - HOUR, LONG)))
    choose(world, clicks=100, contacts=100)
    end(world, LATER)
    assert contacts(world) == [LONG]


@cases_on_sqlite(
    ("days", "later", "left"),
    ({"clicks": 100, "contacts": 380}, NOON + 450 * DAY, []),
    ({"clicks": 100, "contacts": None}, LATER, ["ana"]),
    ({"clicks": None, "contacts": 100}, LATER, ["ana"]),
    ({"clicks": 395, "contacts": 100}, LATER, ["ana"]),
    ({"clicks": 100, "contacts": 395}, LATER, ["ana"]),
    ({}, NOON + 1090 * DAY, ["ana"]),
    ({}, NOON + 1200 * DAY, []),
)
def test_contacts_end_never_earlier_than_clicks(
    world: World, days: dict[str, int | None], later: datetime, left: list[str]
) -> None:
    """Otherwise decisions that are not final would lose the address by which they were made."""
    world.contact("ana", "hash-of-ana")
    choose(world, **days)
    end(world, later)
    assert contacts(world) == left


def test_opt_outs_stay_with_all_references_of_their_address(world: World) -> None:
    world.contact("ana", "hash-of-ana")
    world.contact("ana-2", "hash-of-ana", consent=False)
    world.contact("bo", None, consent=False)
    world.contact("cy", "hash-of-cy")
    choose(world, clicks=100, contacts=100)
    end(world, LATER)
    assert contacts(world) == ["ana", "ana-2", "bo"]
    with world.database.read() as connection:
        assert {ref for _, ref in all_opted_out(connection)} == {"ana", "ana-2", "bo"}
    world.click(click_at(LATER, "ana"))
    assert [row.contact for row in rows(world, schema.clicks)] == [""]


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_no_decision_and_no_figure_changes(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Also if every step is the last one before a crash, and if orders are decided again and rebuilt."""
    monkeypatch.setattr(retention, "AT_ONCE", at_once)
    monkeypatch.setattr(retention, "YIELD_SECONDS", 0)
    for ref in ("ana", "bo", "cy", "dee"):
        world.contact(ref, f"hash-of-{ref}")
    world.click(click_at(NOON - HOUR, "ana"))
    world.click(click_at(RECENT - HOUR, "bo", serial=1))
    world.order(order(id="O1", number="1", email_hash="hash-of-ana"))
    world.order(order(id="O2", number="2", email_hash="hash-of-bo", placed_at=RECENT))
    world.reconcile()
    tables = schema.sales, schema.buyers, schema.link_sums
    before = [rows(world, table) for table in tables]
    choose(world, clicks=100, contacts=100)
    for _ in range(20):
        end_old_rows(world.database, LATER, 0)
    assert contacts(world) == ["bo"]
    assert end_old_rows(world.database, LATER, 60) == 0
    world.policy(model="linear")
    world.reconcile()
    assert rebuild_all(world.database, world.sealer).different == []
    assert verify_all(world.database, world.sealer).different == []
    with world.database.read() as connection:
        assert find_wrong_sums(connection) == []
    assert [rows(world, table) for table in tables] == before


def test_a_contact_that_ended_can_be_uploaded_again(world: World) -> None:
    world.contact("ana", "hash-of-ana")
    choose(world, clicks=100, contacts=100)
    end(world, LATER)
    upload(world)
    end(world, LATER + 5 * DAY)
    assert contacts(world) == ["ana"]
