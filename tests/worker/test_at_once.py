"""Two concurrent transactions that do not see each other: rows of one affect orders of the other."""

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from redis import Redis

from salepixel.accounts import store as accounts
from salepixel.accounts.lanes import lock_one_lane
from salepixel.attribution.reconcile import reconcile_orders
from salepixel.campaigns import contacts, coupons
from salepixel.campaigns import store as campaigns
from salepixel.clicks import store as clicks
from salepixel.clicks.records import ClickRecord, HitRecord
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.orders import store as orders
from salepixel.orders.requeue import requeue_account
from salepixel.shops import store as shops
from salepixel.shops.pixel_hits import store_pixel_hit
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel_worker.fold import fold_journal
from salepixel_worker.rebuild import verify_all
from tests.make import CAMPAIGN, LINK, NOON, click_at, order
from tests.waiting import PATIENCE_SECONDS, until
from tests.worker.test_fold import JOURNAL, ship
from tests.worker.world import HOUR, NO_SIGNAL, World

CLICK = click_at(NOON - HOUR)
OTHER = click_at(NOON - 3 * HOUR, serial=1)


@pytest.fixture
def world(postgresql_database: Database, sealer: ClickSealer) -> World:
    world = World(postgresql_database, sealer)
    world.connect()
    return world


def until_it_ends_or_waits(database: Database, other: threading.Thread) -> None:
    """Let another thread run until it ends or waits for us."""
    waits = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    def ended_or_waits() -> bool:
        with database.read() as connection:
            return not other.is_alive() or bool(connection.scalar(waits))

    assert until(ended_or_waits)


def send_contacts(connection: sa.Connection, world: World) -> None:
    contacts.store_contacts(connection, 1, [contacts.Contact("ana", "h")], NOON)


def opt_out(connection: sa.Connection, world: World) -> None:
    contacts.store_contacts(connection, 1, [contacts.Contact("ana", "h", consent=False)], NOON)


def send_coupons(connection: sa.Connection, world: World) -> None:
    coupons.store_coupons(connection, 1, [coupons.Coupon("A-1", CAMPAIGN, "ana")], NOON)


def fold_a_click(connection: sa.Connection, world: World) -> None:
    clicks.store_clicks(connection, [(CLICK, NO_SIGNAL)])


def fold_a_hit(connection: sa.Connection, world: World) -> None:
    hit = HitRecord(click_at(NOON).id, 1, "empId=1&order=1042", world.sealer.seal(CLICK), "", False)
    store_pixel_hit(connection, world.sealer, hit)


def settle_a_verdict(connection: sa.Connection, world: World) -> None:
    clicks.settle_clicks(connection, NOON + HOUR, 10)


def switch_a_link_off(connection: sa.Connection, world: World) -> None:
    campaign = campaigns.get_campaign(connection, CAMPAIGN)
    assert campaign is not None
    campaigns.switch_link(connection, campaign, LINK, False)


@pytest.mark.parametrize(
    ("before", "meanwhile", "reported", "reason"),
    [
        (["click"], send_contacts, {"email_hash": "h"}, "email_match"),
        (["click", "contact"], opt_out, {"email_hash": "h"}, "opted_out"),
        ([], send_coupons, {"voucher": "A-1"}, "coupon_of_contact"),
        (["contact"], fold_a_click, {"email_hash": "h"}, "email_match"),
        ([], fold_a_hit, {}, "cookie_at_pixel"),
        (["contact", "click", "wrong"], settle_a_verdict, {"email_hash": "h"}, "email_match"),
        (["contact", "click"], switch_a_link_off, {"email_hash": "h"}, "not_a_sales_link"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_data_stored_while_an_order_is_decided_affects_it(
    world: World,
    before: list[str],
    meanwhile: Callable[[sa.Connection, World], None],
    reported: dict[str, str],
    reason: str,
) -> None:
    if "contact" in before:
        world.contact("ana", "h")
    if "click" in before:
        world.click(CLICK)
    if "wrong" in before:
        with world.database.write() as connection:
            connection.execute(sa.update(schema.clicks).values(verdict="bot"))

    def buy() -> None:
        world.order(order(**reported))
        world.reconcile()

    buying = threading.Thread(target=buy)
    with world.database.write() as connection:
        meanwhile(connection, world)
        buying.start()
        until_it_ends_or_waits(world.database, buying)
    buying.join(PATIENCE_SECONDS)
    assert not buying.is_alive()
    assert world.reasons() == {"O1": reason}


def test_concurrently_decided_orders_of_a_customer_affect_each_other(world: World) -> None:
    world.click(CLICK)
    world.click(OTHER)
    first = order(
        id="O1",
        number="1",
        customer="u1",
        click_token=world.sealer.seal(OTHER),
        placed_at=NOON - 2 * HOUR,
    )
    world.order(first)
    shop_id, _ = world.due()[0]

    def buy_again() -> None:
        world.order(order(id="O2", number="2", customer="u1"))
        with world.database.write() as connection:
            world.decide(connection, shop_id, "O2")

    buying = threading.Thread(target=buy_again)
    with world.database.write() as connection:
        world.decide(connection, shop_id, "O1")
        buying.start()
        until_it_ends_or_waits(world.database, buying)
    buying.join(PATIENCE_SECONDS)
    assert world.reasons() == {"O1": "click_token_on_order", "O2": "known_customer"}


@pytest.mark.parametrize("only_due", [False, True], ids=["waits", "is left for later"])
@pytest.mark.parametrize("first", ["O1", "O2"])
def test_an_order_that_clears_a_click_affects_a_concurrently_decided_order_of_its_contact(
    world: World, first: str, only_due: bool
) -> None:
    """Nothing stored shows yet that the other order names this contact."""
    world.click(CLICK, Signal.HEAD)
    world.click(OTHER)
    for name, number, click in (("O1", "1", CLICK), ("O2", "2", OTHER)):
        world.order(order(id=name, number=number, click_token=world.sealer.seal(click)))
    (shop_id, _), _ = world.due()
    second = {"O1": "O2", "O2": "O1"}[first]

    def decide_second() -> None:
        with world.database.write() as connection:
            reconcile_orders(connection, world.sealer, [(shop_id, second)], only_due=only_due)

    deciding = threading.Thread(target=decide_second)
    with world.database.write() as connection:
        world.decide(connection, shop_id, first)
        deciding.start()
        until_it_ends_or_waits(world.database, deciding)
        assert deciding.is_alive() is not only_due
    deciding.join(PATIENCE_SECONDS)
    assert not deciding.is_alive()
    world.reconcile()
    assert verify_all(world.database, world.sealer).different == []


def test_a_fold_locks_the_accounts_of_clicks_and_hits_in_the_sequence_of_their_numbers(
    world: World, redis: Redis
) -> None:
    """As a worker does that decides orders of both, or each would wait for the other."""
    with world.database.write() as connection:
        accounts.add_account(connection, accounts.Account(2, "Hats", "EUR", NOON))
    hit = HitRecord(click_at(NOON).id, 1, "empId=1&order=1042", "", "", False)
    ship(redis, 1, [ClickRecord(CLICK._replace(emp_id=2), NO_SIGNAL, ""), hit])
    folding = threading.Thread(target=fold_journal, args=(world.database, redis, world.sealer, JOURNAL))
    with world.database.write() as connection:
        lock_one_lane(connection, [1])
        folding.start()
        until_it_ends_or_waits(world.database, folding)
        assert folding.is_alive()
        connection.exec_driver_sql("SET LOCAL lock_timeout = 500")
        lock_one_lane(connection, [2])
    folding.join(PATIENCE_SECONDS)
    assert not folding.is_alive()
    with world.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.hits)) == 1


def test_settings_may_change_while_an_order_is_decided_without_a_deadlock(world: World) -> None:
    """Both lock the account first and then its orders, so there is no deadlock."""
    world.order(order())
    world.reconcile()
    failed: list[Exception] = []

    def change() -> None:
        try:
            with world.database.write() as connection:
                requeue_account(connection, 1)
                accounts.change_account(connection, 1, {"tax": "net"})
        except sa.exc.OperationalError as error:
            failed.append(error)

    changing = threading.Thread(target=change)
    with world.database.write() as connection:
        accounts.lock_account(connection, 1)
        changing.start()
        until_it_ends_or_waits(world.database, changing)
        shop = shops.find_shop(connection, "https://shop.test/graphql/")
        assert shop is not None
        orders.get_order(connection, shop.id, "O1", lock=True)
    changing.join(PATIENCE_SECONDS)
    assert failed == []
    assert world.due() == [(shop.id, "O1")]
