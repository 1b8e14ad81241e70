"""Money comes from proof, each decision from all that is known, whatever came first."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.clicks import Click, ClickSealer, Signal, Verdict
from salepixel.orders import Order
from salepixel.storage import accounts, campaigns, clicks, contacts, orders, sales, schema, shops
from salepixel.storage.database import Database
from salepixel.streams import HitRecord
from salepixel_worker import fold
from salepixel_worker.sweep import reconcile_due
from tests.make import CAMPAIGN, LINK, NOON, OTHER_LINK, click_at, order

HOUR = timedelta(hours=1)
NO_SIGNAL = Signal(0)
Row = tuple[str, str, str, str, str, str]


class World:
    """An account with a campaign, and everything that can happen to it."""

    def __init__(self, database: Database, sealer: ClickSealer, **account: Any) -> None:
        self.database, self.sealer = database, sealer
        with database.write() as connection:
            accounts.add_account(connection, accounts.Account(1, "Shoes", "EUR", NOON, **account))
            campaigns.add_campaign(
                connection,
                campaigns.Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON - 9 * HOUR),
                [
                    campaigns.CampaignLink(LINK, "https://shop.test/", "Hero", True),
                    campaigns.CampaignLink(OTHER_LINK, "https://shop.test/about", "About", False),
                ],
            )

    def connect(self, at: Any = NOON - 9 * HOUR) -> None:
        with self.database.write() as connection:
            shop = shops.add_shop(connection, 1, "saleor", "https://shop.test/graphql/", NOON)
            shops.connect_shop(connection, shop, "app", "token", "{}", at)

    def click(self, click: Click, signals: Signal = NO_SIGNAL) -> None:
        with self.database.write() as connection:
            clicks.store_clicks(connection, [(click, signals)])

    def contact(self, ref: str, email_hash: str) -> None:
        with self.database.write() as connection:
            contacts.store_contacts(connection, 1, [contacts.Contact(ref, email_hash)], NOON)

    def order(self, bought: Order) -> None:
        with self.database.write() as connection:
            shop = shops.find_shop(connection, "https://shop.test/graphql/")
            assert shop is not None
            orders.store_order(connection, shop.id, 1, bought, "")

    def hit(self, query: str, click: Click | None, serial: int = 0) -> None:
        token = self.sealer.seal(click) if click else ""
        record = HitRecord(click_at(NOON, serial=serial).id, 1, f"empId=1&{query}", token, "", False)
        with self.database.write() as connection:
            fold._store_hit(connection, self.sealer, record)

    def reconcile(self) -> None:
        while reconcile_due(self.database, self.sealer, 100):
            pass

    def report(self) -> list[Row]:
        """Reconcile what is due; gives (order, item, contact, evidence, amount, status) of every row."""
        self.reconcile()
        with self.database.read() as connection:
            return sorted(
                (s.order, s.item, s.contact, str(s.evidence), str(s.amount), str(s.status))
                for s in (row.sale for row in sales.all_sales(connection, CAMPAIGN))
            )

    def reasons(self) -> dict[str, str]:
        self.report()
        with self.database.read() as connection:
            rows = connection.execute(sa.select(schema.decisions.c.order_id, schema.decisions.c.reason))
            return {row.order_id: row.reason for row in rows}


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    world = World(database, sealer)
    world.connect()
    return world


def test_a_token_on_the_order_earns_its_lines(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.order(order(click_token=world.sealer.seal(click)))
    assert world.report() == [
        ("1042", "Laces", "ana", "token", "20.00", "confirmed"),
        ("1042", "Red shoes", "ana", "token", "39.80", "confirmed"),
    ]


def test_a_token_is_enough_when_every_store_was_lost(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    world.connect()
    unknown = click_at(NOON - HOUR, link="ffffffffffff")
    world.order(order(click_token=sealer.seal(unknown)))
    assert {row[3] for row in world.report()} == {"token"}


def test_a_contact_too_long_for_a_token_is_whole_in_the_report(world: World) -> None:
    click = click_at(NOON - HOUR, contact="x" * 100)
    world.click(click)
    world.order(order(click_token=world.sealer.seal(click)))
    assert {row[2] for row in world.report()} == {"x" * 100}


def test_a_long_contact_is_learned_when_its_click_comes_after_the_order(world: World) -> None:
    click = click_at(NOON - HOUR, contact="x" * 100)
    world.order(order(click_token=world.sealer.seal(click)))
    assert {row[2][0] for row in world.report()} == {"#"}
    world.click(click)
    assert {row[2] for row in world.report()} == {"x" * 100}


def test_the_cookie_at_the_pixel_explains_a_known_order(world: World) -> None:
    world.order(order())
    assert world.reasons() == {"O1": "no_click"}
    world.hit("order=1042&IMPORTE=99999", click_at(NOON - HOUR))
    assert [row[3:] for row in world.report()] == [
        ("cookie", "20.00", "confirmed"),
        ("cookie", "39.80", "confirmed"),
    ]


def test_the_pixel_alone_makes_no_money_once_a_shop_is_connected(world: World) -> None:
    world.hit("order=77&PRODUCTO=Shoes&IMPORTE=500", click_at(NOON - HOUR))
    assert world.report() == []


def test_without_a_shop_the_pixel_is_believed_and_marked(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    click = click_at(NOON - HOUR)
    for serial in range(3):
        world.hit("PRODUCTO=Shoes&CANTIDAD=2&IMPORTE=39,80", click, serial)
    world.hit("PRODUCTO=Laces&IMPORTE=5&order=A-1", click, 4)
    world.hit("PRODUCTO=Laces&IMPORTE=5&order=A-1", click, 5)
    world.hit("PRODUCTO=Nobody&IMPORTE=5", None, 6)
    rows = world.report()
    assert sorted(row[1:] for row in rows) == [
        ("Laces", "ana", "cookie", "5.00", "unverified"),
        ("Shoes", "ana", "cookie", "39.80", "unverified"),
    ]
    world.connect(at=NOON + HOUR)
    assert world.report() == rows, "what was reported before the shop was connected stays"


@pytest.mark.parametrize(("signals", "reason"), [(Signal(0), "email_match"), (Signal.HEAD, "machine_click")])
def test_an_address_explains_an_order_with_a_persons_click(
    world: World, signals: Signal, reason: str
) -> None:
    world.order(order(email_hash="h"))
    world.contact("ana", "h")
    world.click(click_at(NOON - HOUR), signals)
    assert world.reasons() == {"O1": reason}


@pytest.mark.parametrize(
    ("bought", "click", "reason"),
    [
        ({"paid": False}, click_at(NOON - HOUR), "unpaid"),
        ({}, click_at(NOON - HOUR, link=OTHER_LINK), "not_a_sales_link"),
        ({}, click_at(NOON - 24 * 8 * HOUR), "outside_window"),
        ({}, click_at(NOON - HOUR, emp_id=2), "other_account"),
    ],
)
def test_why_an_order_was_not_credited_is_said(
    world: World, bought: dict[str, Any], click: Click, reason: str
) -> None:
    world.order(order(**bought, click_token=world.sealer.seal(click)))
    assert world.reasons() == {"O1": reason}
    assert world.report() == []


@pytest.mark.parametrize("order_first", [True, False])
@pytest.mark.parametrize(
    ("told", "verdict"),
    [({}, Verdict.HUMAN), ({"paid": False}, Verdict.MACHINE), ({"cancelled": True}, Verdict.HUMAN)],
)
def test_machines_do_not_buy(world: World, told: dict[str, Any], verdict: Verdict, order_first: bool) -> None:
    click = click_at(NOON - HOUR)
    bought = order(**told, click_token=world.sealer.seal(click))
    events: list[Callable[[], None]] = [
        lambda: world.order(bought),
        world.reconcile,
        lambda: world.click(click, Signal.GATEWAY),
    ]
    for happen in events if order_first else reversed(events):
        happen()
    world.reconcile()
    with world.database.write() as connection:
        clicks.settle_clicks(connection, NOON + HOUR, 10)
    with world.database.read() as connection:
        (found,) = clicks.list_clicks(connection, CAMPAIGN, 10, None)
    assert found.verdict is verdict
    assert found.reasons == (
        ("gateway_network", "bought") if verdict is Verdict.HUMAN else ("gateway_network",)
    )


def test_a_purchase_known_from_the_pixel_alone_clears_nobody(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    click = click_at(NOON - HOUR)
    world.click(click, Signal.HEAD)
    world.hit("PRODUCTO=Shoes&CANTIDAD=2&IMPORTE=39,80", click)
    assert len(world.report()) == 1
    with database.read() as connection:
        (found,) = clicks.list_clicks(connection, CAMPAIGN, 10, None)
    assert found.verdict is Verdict.MACHINE


def test_a_cleared_click_explains_other_orders_too(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.click(click, Signal.HEAD)
    world.contact("ana", "h")
    world.order(order(id="O2", number="2", email_hash="h"))
    assert world.reasons() == {"O2": "machine_click"}
    world.order(order(click_token=world.sealer.seal(click)))
    assert world.reasons() == {"O1": "click_token_on_order", "O2": "email_match"}


def test_a_click_of_another_account_is_not_cleared(world: World) -> None:
    click = click_at(NOON - HOUR, emp_id=2)
    world.click(click, Signal.HEAD)
    world.order(order(click_token=world.sealer.seal(click)))
    world.reconcile()
    with world.database.read() as connection:
        (found,) = clicks.list_clicks(connection, CAMPAIGN, 10, None)
    assert found.verdict is Verdict.MACHINE


def test_a_forged_token_is_no_evidence(world: World) -> None:
    world.order(order(click_token="TOKEN_PLACEHOLDER_A"))
    assert world.reasons() == {"O1": "invalid_token"}


def test_switching_a_link_decides_its_orders_again(world: World) -> None:
    world.order(order(click_token=world.sealer.seal(click_at(NOON - HOUR, link=OTHER_LINK))))
    assert world.report() == []
    with world.database.write() as connection:
        campaign = campaigns.get_campaign(connection, CAMPAIGN)
        assert campaign is not None
        campaigns.switch_link(connection, campaign, OTHER_LINK, True)
    assert len(world.report()) == 2


def story(world: World) -> list[Callable[[], None]]:
    """Things that happen, in any order and several times over."""
    ana, bo = click_at(NOON - HOUR, "ana"), click_at(NOON - 2 * HOUR, "bo", serial=1)
    scanner = [click_at(NOON - HOUR, "cy", link=f"{n:012x}", serial=10 + n) for n in range(4)]
    base = order(id="O1", number="1", paid=False, click_token=world.sealer.seal(ana))
    paid = replace(base, paid=True, updated_at=NOON + HOUR)
    refunded = replace(paid, refunded=paid.total, updated_at=NOON + 2 * HOUR)
    by_email = order(id="O2", number="2", email_hash="hash-of-bo")
    scanned = order(id="O3", number="3", email_hash="hash-of-cy")
    at_pixel = order(id="O4", number="4")
    return [
        lambda: world.click(ana),
        lambda: world.click(bo),
        *(lambda click=click: world.click(click) for click in scanner),
        lambda: world.contact("bo", "hash-of-bo"),
        lambda: world.contact("cy", "hash-of-cy"),
        *(
            lambda bought=bought: world.order(bought)
            for bought in (base, paid, refunded, by_email, scanned, at_pixel)
        ),
        lambda: world.hit("order=4&IMPORTE=1", bo, 50),
        lambda: world.hit("order=4&IMPORTE=1", bo, 51),
        lambda: world.reconcile(),
    ]


@pytest.mark.parametrize("seed", range(10))
def test_twice_late_and_shuffled_gives_the_same_report(
    sqlite: Database, sealer: ClickSealer, seed: int
) -> None:
    world = World(sqlite, sealer)
    world.connect()
    events = story(world) * 2
    if seed:
        random.Random(seed).shuffle(events)  # noqa: S311
    for happen in events:
        happen()
    assert world.report() == [
        ("1", "Laces", "ana", "token", "20.00", "refunded"),
        ("1", "Red shoes", "ana", "token", "39.80", "refunded"),
        ("2", "Laces", "bo", "email", "20.00", "confirmed"),
        ("2", "Red shoes", "bo", "email", "39.80", "confirmed"),
        ("4", "Laces", "bo", "cookie", "20.00", "confirmed"),
        ("4", "Red shoes", "bo", "cookie", "39.80", "confirmed"),
    ]
    assert world.reasons()["O3"] == "machine_click"
