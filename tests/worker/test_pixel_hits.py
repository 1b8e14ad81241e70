"""A pixel hit counts once, as intended; with a connected shop it is only evidence."""

from collections.abc import Callable
from itertools import permutations

import pytest
import sqlalchemy as sa

from salepixel.clicks.records import HitRecord
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Sealed
from salepixel.orders.deliveries import list_rejections
from salepixel.shops.pixel_hits import store_pixel_hit
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World

ANA = click_at(NOON - HOUR, "ana")


def rejections(world: World) -> list[tuple[str, int]]:
    with world.database.read() as connection:
        return sorted((reason, count) for _, _, reason, count in list_rejections(connection, 1))


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
@pytest.mark.parametrize(
    ("spellings", "amount"),
    [
        (
            (
                "PRODUCTO=Tee&IMPORTE=175",
                "PRODUCTO=Tee&IMPORTE=175.0000",
                "PRODUCTO=Tee&IMPORTE=175&MONEDA=EUR",
            ),
            "175.00",
        ),
        (
            ("order=9&currency=EUR&IMPORTE=5", "PEDIDO=9&IMPORTE=5", "PEDIDO=%239&amp;IMPORTE=5,00%20%80"),
            "5.00",
        ),
    ],
)
def test_one_purchase_in_several_spellings_counts_once(
    sqlite: Database, sealer: ClickSealer, spellings: tuple[str, ...], amount: str, arrival: tuple[int, ...]
) -> None:
    world = World(sqlite, sealer)
    world.click(ANA)
    for serial in arrival:
        world.hit(spellings[serial], ANA, serial)
    assert [row[4] for row in world.report()] == [amount]


def test_buyers_without_an_order_number_are_separate_sales(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    for serial, contact in enumerate(("ana", "bo", "cy")):
        click = click_at(NOON - HOUR, contact, serial=serial)
        world.click(click)
        world.hit("PEDIDO=undefined&PRODUCTO=Tee&IMPORTE=10", click, serial)
    assert sorted(row[2] for row in world.report()) == ["ana", "bo", "cy"]
    assert rejections(world) == [("placeholder_order", 3)]


@pytest.mark.parametrize(
    ("currency", "reported", "amount"),
    [
        ("KWD", "12.500", "12.500"),
        ("BHD", "1,250", "1.250"),
        ("JPY", "1.250", "1250"),
        ("EUR", "59.849999999999994", "59.85"),
    ],
)
def test_the_accounts_currency_sets_the_decimals(
    sqlite: Database, sealer: ClickSealer, currency: str, reported: str, amount: str
) -> None:
    world = World(sqlite, sealer, currency=currency)
    world.click(ANA)
    world.hit(f"PRODUCTO=Tea&IMPORTE={reported}", ANA)
    assert [row[4] for row in world.report()] == [amount]


def test_goods_sold_by_weight_are_a_sale(sqlite: Database, sealer: ClickSealer) -> None:
    world = World(sqlite, sealer)
    world.click(ANA)
    world.hit("PRODUCTO=Tea&CANTIDAD=0,5&IMPORTE=7", ANA)
    assert [row[4] for row in world.report()] == ["7.00"]


@pytest.mark.parametrize(
    "reported", ["IMPORTE=much", "IMPORTE=-5", "CANTIDAD=some", "MONEDA=EURO", "IMPORTE=5&IMPORTE=6"]
)
def test_without_a_shop_an_unreadable_amount_is_not_a_sale(
    sqlite: Database, sealer: ClickSealer, reported: str
) -> None:
    world = World(sqlite, sealer)
    world.click(ANA)
    world.hit(f"order=77&{reported}", ANA)
    assert world.report() == []
    assert len(rejections(world)) == 1


@pytest.mark.parametrize(
    "reported", ["IMPORTE=much", "IMPORTE=-5", "CANTIDAD=some", "MONEDA=EURO", "IMPORTE=5&IMPORTE=6", ""]
)
@pytest.mark.parametrize("hit_first", [True, False])
def test_with_a_shop_a_hit_is_evidence_whatever_its_amount(
    database: Database, sealer: ClickSealer, reported: str, hit_first: bool
) -> None:
    world = World(database, sealer)
    world.connect()
    world.click(ANA)
    happens: list[Callable[[], None]] = [
        lambda: world.hit(f"PEDIDO=77&{reported}", ANA),
        lambda: world.order(order(id="T3JkZXI6MQ==", number="77", placed_at=NOON)),
    ]
    for happen in happens if hit_first else reversed(happens):
        happen()
        world.reconcile()
    assert world.reasons() == {"T3JkZXI6MQ==": "cookie_at_pixel"}


@pytest.mark.parametrize("number", ["77", "#77", "077", "A-1"])
@pytest.mark.parametrize("hit_first", [True, False])
def test_a_hit_matches_its_order_in_any_spelling_of_the_number(
    database: Database, sealer: ClickSealer, number: str, hit_first: bool
) -> None:
    world = World(database, sealer)
    world.connect()
    world.click(ANA)
    reported = {"77": "%2377", "#77": "0077", "077": "N%BA77", "A-1": "a-1"}[number]
    happens: list[Callable[[], None]] = [
        lambda: world.hit(f"PEDIDO={reported}", ANA),
        lambda: world.order(order(id="T3JkZXI6MQ==", number=number, placed_at=NOON)),
    ]
    for happen in happens if hit_first else reversed(happens):
        happen()
        world.reconcile()
    assert world.reasons() == {"T3JkZXI6MQ==": "cookie_at_pixel"}


def test_values_unreadable_for_an_older_edge_are_parsed_again(sqlite: Database, sealer: ClickSealer) -> None:
    world = World(sqlite, sealer)
    world.click(ANA)
    world.hit("PRODUCTO=Red%C2%A0shoes&IMPORTE=5", ANA, ignored="bad_text")
    assert [row[1] for row in world.report()] == ["Red shoes"]


@pytest.mark.parametrize(
    ("required", "signed", "ignored"),
    [(True, True, ""), (True, False, "unsigned"), (False, True, ""), (False, False, "")],
)
def test_a_hit_with_an_unopenable_secret_is_stored_as_the_edge_judged_it(
    database: Database, sealer: ClickSealer, required: bool, signed: bool, ignored: str
) -> None:
    """Another process started first after a rotation and sealed the secret with the new key."""
    secret = Sealed("sealed 9 AAAA")
    world = World(database, sealer, pixel_signed=required, pixel_secret=secret)
    query = "empId=1&order=9&IMPORTE=5&sig=" + "ab" * 32
    with database.write() as connection:
        store_pixel_hit(connection, sealer, HitRecord(ANA.id, 1, query, sealer.seal(ANA), "", signed))
    with database.read() as connection:
        (hit,) = connection.execute(sa.select(schema.hits.c.ignored, schema.hits.c.signed))
    assert hit == (ignored, signed)
    assert len(world.due()) == (not ignored)
