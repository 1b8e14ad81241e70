"""Only proven orders count, and each decision uses everything that is known, in whatever order it arrived."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.attribution import policies
from salepixel.campaigns import store as campaigns
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import Click, ClickSealer, Signal, Verdict
from salepixel.orders import store as orders
from salepixel.orders.requeue import requeue_account
from salepixel.report import sales
from salepixel.shops import store as shops
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel_worker.rebuild import verify_all
from tests.databases import cases_on_sqlite
from tests.make import CAMPAIGN, NOON, OTHER_LINK, click_at, order
from tests.worker.world import HOUR, World, story


def test_a_token_on_the_order_earns_its_lines(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.order(order(click_token=world.sealer.seal(click)))
    assert world.report() == [
        ("1042", "Laces", "ana", "token", "20.00", "confirmed"),
        ("1042", "Red shoes", "ana", "token", "39.80", "confirmed"),
    ]


def test_a_token_is_enough_after_every_store_was_lost(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    world.connect()
    unknown = click_at(NOON - HOUR, link="ffffffffffff")
    world.order(order(click_token=sealer.seal(unknown)))
    assert {row[3] for row in world.report()} == {"token"}


def test_a_contact_too_long_for_a_token_is_complete_in_the_report(world: World) -> None:
    click = click_at(NOON - HOUR, contact="x" * 100)
    world.click(click)
    world.order(order(click_token=world.sealer.seal(click)))
    assert {row[2] for row in world.report()} == {"x" * 100}


def test_a_long_contact_is_completed_when_its_click_arrives_after_the_order(world: World) -> None:
    click = click_at(NOON - HOUR, contact="x" * 100)
    world.order(order(click_token=world.sealer.seal(click)))
    assert {row[2][0] for row in world.report()} == {"#"}
    world.click(click)
    assert {row[2] for row in world.report()} == {"x" * 100}


def test_a_cookie_at_the_pixel_attributes_a_known_order(world: World) -> None:
    world.order(order())
    assert world.reasons() == {"O1": "no_click"}
    world.hit("order=1042&IMPORTE=99999", click_at(NOON - HOUR))
    assert [row[3:] for row in world.report()] == [
        ("cookie", "20.00", "confirmed"),
        ("cookie", "39.80", "confirmed"),
    ]


def test_the_pixel_alone_creates_no_revenue_once_a_shop_is_connected(world: World) -> None:
    world.hit("order=77&PRODUCTO=Shoes&IMPORTE=500", click_at(NOON - HOUR))
    assert world.report() == []


def test_without_a_shop_the_pixel_counts_and_its_rows_are_marked_unverified(
    database: Database, sealer: ClickSealer
) -> None:
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


@pytest.mark.parametrize(("signals", "reason"), [(Signal(0), "email_match"), (Signal.HEAD, "bot_click")])
def test_an_email_match_attributes_an_order_with_a_human_click(
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
def test_an_unattributed_order_has_a_reason(
    world: World, bought: dict[str, Any], click: Click, reason: str
) -> None:
    world.order(order(**bought, click_token=world.sealer.seal(click)))
    assert world.reasons() == {"O1": reason}
    assert world.report() == []


@pytest.mark.parametrize("order_first", [True, False])
@cases_on_sqlite(
    ("reported", "verdict"),
    ({}, Verdict.HUMAN),
    ({"paid": False}, Verdict.BOT),
    ({"cancelled": True}, Verdict.HUMAN),
)
def test_a_paid_order_clears_its_bot_click(
    world: World, reported: dict[str, Any], verdict: Verdict, order_first: bool
) -> None:
    click = click_at(NOON - HOUR)
    bought = order(**reported, click_token=world.sealer.seal(click))
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


def test_a_purchase_reported_only_by_the_pixel_clears_no_bot_click(
    database: Database, sealer: ClickSealer
) -> None:
    world = World(database, sealer)
    click = click_at(NOON - HOUR)
    world.click(click, Signal.HEAD)
    world.hit("PRODUCTO=Shoes&CANTIDAD=2&IMPORTE=39,80", click)
    assert len(world.report()) == 1
    with database.read() as connection:
        (found,) = clicks.list_clicks(connection, CAMPAIGN, 10, None)
    assert found.verdict is Verdict.BOT


def test_a_cleared_click_can_earn_other_orders_too(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.click(click, Signal.HEAD)
    world.contact("ana", "h")
    world.order(order(id="O2", number="2", email_hash="h"))
    assert world.reasons() == {"O2": "bot_click"}
    world.order(order(click_token=world.sealer.seal(click)))
    assert world.reasons() == {"O1": "click_token_on_order", "O2": "email_match"}


def test_a_click_of_another_account_is_not_cleared(world: World) -> None:
    click = click_at(NOON - HOUR, emp_id=2)
    world.click(click, Signal.HEAD)
    world.order(order(click_token=world.sealer.seal(click)))
    world.reconcile()
    with world.database.read() as connection:
        (found,) = clicks.list_clicks(connection, CAMPAIGN, 10, None)
    assert found.verdict is Verdict.BOT


def test_a_coupon_for_one_contact_identifies_the_buyer(world: World) -> None:
    world.order(order(voucher="ana-5f2k"))
    assert world.reasons() == {"O1": "no_click"}
    world.coupon("ANA-5F2K", "ana")
    assert {row[2:4] for row in world.report()} == {("ana", "coupon")}
    click = click_at(NOON - HOUR)
    world.click(click, Signal.HEAD)
    world.reconcile()
    with world.database.read() as connection:
        (first, _) = sales.all_sales(connection, CAMPAIGN)
    assert first.sale.click_id == b"", "whoever used the code, that click was a bot's"
    person = click_at(NOON - 2 * HOUR, serial=1)
    world.click(person)
    world.reconcile()
    with world.database.read() as connection:
        (first, _) = sales.all_sales(connection, CAMPAIGN)
    assert first.sale.click_id == person.id


def test_a_coupon_for_everybody_identifies_only_the_campaign(world: World) -> None:
    world.coupon("AUTUMN10")
    world.order(order(voucher="autumn10"))
    assert {row[2:4] for row in world.report()} == {("", "campaign")}
    assert world.reasons() == {"O1": "campaign_named"}


def test_utm_campaign_identifies_only_the_campaign(world: World) -> None:
    with world.database.write() as connection:
        connection.execute(sa.update(schema.campaigns).values(utm_campaign="autumn", utm_key="AUTUMN"))
    world.order(order(utm_campaign=" Autumn"))
    world.order(order(id="O2", number="2", utm_campaign="winter"))
    assert world.reasons() == {"O1": "campaign_named", "O2": "no_click"}


@pytest.mark.parametrize("first", ["O1", "O2"])
def test_a_customer_is_recognized_by_an_earlier_order(world: World, first: str) -> None:
    """When the earlier order names its buyer, the later one is decided again, in either sequence."""
    token = click_at(NOON - 30 * HOUR)
    later = click_at(NOON - HOUR, serial=1)
    known = order(
        id="O1",
        number="1",
        customer="u1",
        click_token=world.sealer.seal(token),
        placed_at=NOON - 29 * HOUR,
    )
    at_home = order(id="O2", number="2", customer="u1")
    for bought in sorted((known, at_home), key=lambda bought: bought.id != first):
        world.order(bought)
        world.reconcile()
    world.click(token)
    world.click(later)
    assert world.reasons() == {"O1": "click_token_on_order", "O2": "known_customer"}
    with world.database.read() as connection:
        found = {row.sale.order: row.sale.click_id for row in sales.all_sales(connection, CAMPAIGN)}
    assert found == {"1": token.id, "2": later.id}


@cases_on_sqlite(
    ("changed", "reasons"),
    ({"customer": "u9"}, {"same": "no_click", "other": "known_customer"}),
    ({"customer": None}, {"same": "no_click", "other": "no_click"}),
    ({"placed_at": NOON + HOUR}, {"same": "no_click", "other": "no_click"}),
    ({"placed_at": NOON + HOUR, "customer": "u9"}, {"same": "no_click", "other": "no_click"}),
    ({"placed_at": NOON - 28 * HOUR}, {"same": "known_customer", "other": "no_click"}),
)
@pytest.mark.parametrize("closed", [False, True])
def test_a_changed_order_changes_which_buyer_it_names_for_other_orders(
    world: World, changed: dict[str, Any], reasons: dict[str, str], closed: bool
) -> None:
    token, later = click_at(NOON - 30 * HOUR), click_at(NOON - HOUR, serial=1)
    world.click(token)
    world.click(later)
    naming = order(
        id="naming",
        number="0",
        customer="u1",
        click_token=world.sealer.seal(token),
        placed_at=NOON - 29 * HOUR,
        updated_at=NOON - 29 * HOUR,
    )
    world.order(naming)
    world.order(order(id="same", number="1", customer="u1"))
    world.order(order(id="other", number="2", customer="u9"))
    before = {"naming": "click_token_on_order", "same": "known_customer", "other": "no_click"}
    assert world.reasons() == before
    if closed:
        with world.database.write() as connection:
            assert policies.close_months(connection, 1, NOON - 24 * HOUR) == 0
    world.order(replace(naming, **changed, updated_at=NOON))
    assert {key: reason for key, reason in world.reasons().items() if key != "naming"} == reasons
    assert verify_all(world.database, world.sealer).different == []


def test_a_later_order_does_not_name_the_buyer_of_an_earlier_one(world: World) -> None:
    world.order(order(id="O1", number="1", customer="u1"))
    late = click_at(NOON + HOUR)
    world.order(
        order(
            id="O2",
            number="2",
            customer="u1",
            placed_at=NOON + 2 * HOUR,
            click_token=world.sealer.seal(late),
        )
    )
    world.click(click_at(NOON - HOUR, serial=1))
    assert world.reasons() == {"O1": "no_click", "O2": "click_token_on_order"}


def test_an_expired_token_still_identifies_the_buyer(world: World) -> None:
    old, new = click_at(NOON - 24 * 9 * HOUR), click_at(NOON - HOUR, serial=1)
    world.order(order(click_token=world.sealer.seal(old)))
    assert world.reasons() == {"O1": "outside_window"}
    world.click(old)
    world.click(new)
    assert world.reasons() == {"O1": "known_customer"}


def test_another_address_of_a_mailbox_is_evidence_if_the_policy_allows_it(world: World) -> None:
    world.contact("ana", "h1", alias_hash="a")
    world.click(click_at(NOON - HOUR))
    world.order(order(email_hash="h2", alias_hash="a"))
    assert world.reasons() == {"O1": "no_click"}
    world.policy(alias_match=True)
    assert world.reasons() == {"O1": "alias_match"}


def test_a_forwarded_mail_credits_only_the_campaign(world: World) -> None:
    world.contact("ana", "h1")
    world.order(order(email_hash="h2", click_token=world.sealer.seal(click_at(NOON - HOUR))))
    assert {row[2:4] for row in world.report()} == {("", "token")}
    world.contact("ana", "h2")
    assert {row[2:4] for row in world.report()} == {("ana", "token")}


def test_another_accounts_token_reveals_nothing_about_this_accounts_contacts(world: World) -> None:
    """There, the same reference is another person, and any buyer can put any token on an order."""
    world.click(click_at(NOON - 2 * HOUR, "ana", serial=1))
    foreign = click_at(NOON - HOUR, "ana", emp_id=2)
    world.order(order(email_hash="somebody", click_token=world.sealer.seal(foreign)))
    assert world.reasons() == {"O1": "other_account"}
    assert world.report() == []
    world.contact("ana", "h", consent=False)
    assert world.reasons() == {"O1": "other_account"}


@pytest.mark.parametrize("is_known", [True, False])
def test_a_token_left_in_a_shared_browser_does_not_make_its_contact_the_buyer(
    world: World, is_known: bool
) -> None:
    token = click_at(NOON - HOUR, "ana")
    world.click(token)
    world.click(click_at(NOON - 3 * HOUR, "ana", serial=1))
    world.contact("bo", "h-bo")
    if is_known:
        world.contact("ana", None)
    world.order(order(email_hash="h-bo", click_token=world.sealer.seal(token), customer="u1"))
    world.order(order(id="O2", number="2", customer="u1", placed_at=NOON + HOUR, email_hash="h-bo"))
    assert world.report() == []
    assert world.reasons()["O1"] == "other_contact"


@pytest.mark.parametrize("shop_first", [False, True])
@cases_on_sqlite(
    ("reported", "reason"),
    ("order=1042", "pixel_only"),
    ("order=O1", "pixel_only"),
    ("order=1042&currency=USD", "pixel_only"),
    ("order=1043", "cookie_at_pixel"),
    ("product=Hat", "cookie_at_pixel"),
)
def test_an_order_reported_by_pixel_and_shop_counts_once(
    database: Database, sealer: ClickSealer, reported: str, reason: str, shop_first: bool
) -> None:
    """A shop that is connected later may report orders that the pixel already counted."""
    world, click = World(database, sealer), click_at(NOON - HOUR)
    happenings: list[Callable[[], None]] = [
        lambda: world.hit(f"{reported}&IMPORTE=59,80", click),
        lambda: world.connect(at=NOON + HOUR),
        lambda: world.order(order(click_token=sealer.seal(click), placed_at=NOON, updated_at=NOON + HOUR)),
    ]
    for happen in happenings[1:] + happenings[:1] if shop_first else happenings:
        happen()
        assert verify_all(database, sealer).different == []
        world.reconcile()
    with database.read() as connection:
        reasons = connection.scalars(sa.select(schema.decisions.c.reason)).all()
    assert sorted(reasons) == sorted(["click_token_on_order", reason])
    assert sum(Decimal(row[4]) for row in world.report() if row[5] == "confirmed") == Decimal("59.80")
    assert len(world.report()) == (2 if reason == "pixel_only" else 3)
    assert verify_all(database, sealer).different == []


def test_a_shop_of_another_account_confirms_no_order(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    world.connect(at=NOON + HOUR)
    world.hit("order=1042&IMPORTE=59,80", click_at(NOON - HOUR))
    with database.write() as connection:
        accounts.add_account(connection, accounts.Account(2, "Hats", "EUR", NOON))
        shop = shops.shop_of_account(connection, 2, "api", NOON)
        orders.store_order(connection, shop.id, 2, order(), "")
    assert world.reasons()["1042"] == "cookie_at_pixel"


@pytest.mark.parametrize(
    ("change", "amounts"),
    [({"currency": "USD"}, ["5.00", "5.00"]), ({"pixel_amount": "order"}, ["5.00"])],
)
def test_a_pixel_order_follows_the_accounts_current_settings(
    database: Database, sealer: ClickSealer, change: dict[str, Any], amounts: list[str]
) -> None:
    world = World(database, sealer)
    click = click_at(NOON - HOUR)
    for serial, product in enumerate(("Shoes", "Laces")):
        world.hit(f"order=7&PRODUCTO={product}&IMPORTE=5", click, serial)
    world.report()
    with database.write() as connection:
        accounts.change_account(connection, 1, change)
        requeue_account(connection, 1)
    assert [row[4] for row in world.report()] == amounts
    assert verify_all(database, sealer).different == []


def test_a_forged_token_is_no_evidence(world: World) -> None:
    world.order(order(click_token="TOKEN_PLACEHOLDER_A"))
    assert world.reasons() == {"O1": "invalid_token"}


def test_switching_a_link_reconciles_its_orders_again(world: World) -> None:
    world.order(order(click_token=world.sealer.seal(click_at(NOON - HOUR, link=OTHER_LINK))))
    assert world.report() == []
    with world.database.write() as connection:
        campaign = campaigns.get_campaign(connection, CAMPAIGN)
        assert campaign is not None
        campaigns.switch_link(connection, campaign, OTHER_LINK, True)
    assert len(world.report()) == 2


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
    assert world.reasons()["O3"] == "bot_click"
