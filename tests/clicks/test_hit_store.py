"""Without a shop, the pixel's hits make the orders: reloads count once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from salepixel.accounts.store import Account
from salepixel.clicks.hit_store import StoredHit, order_from_hits, order_names, pixel_order_id, store_hit
from salepixel.clicks.hits import Hit, parse_hit
from salepixel.clicks.tokens import Click
from salepixel.storage.database import Database
from tests.make import NOON, click_at

SHOES = Hit(1, "Shoes", Decimal(2), Decimal("39.8"), "A-1")
LACES = Hit(1, "Laces", Decimal(1), Decimal("5"), "A-1")


def name(hit: Hit, click: Click | None) -> str:
    return order_names(hit, "EUR", click)[0]


def stored(hit: Hit, second: int) -> StoredHit:
    return StoredHit(click_at(NOON + timedelta(seconds=second)).id, hit, "", False, "", "A-1")


def test_an_order_is_identified_by_its_number_or_by_click_and_content() -> None:
    click, other = click_at(NOON), click_at(NOON, serial=1)
    bare = Hit(1, "Shoes", Decimal(2), Decimal("39.8"))
    assert name(SHOES, None) == name(LACES, click) == "A-1"
    assert name(bare, click) == name(bare, click)
    assert name(bare, click) != name(bare, other)
    assert name(bare, click) != name(Hit(1, "Shoes", Decimal(1), Decimal("39.8")), click)
    assert order_names(bare, "EUR", None) == []


@pytest.mark.parametrize(
    "same",
    [
        ("IMPORTE=175", "IMPORTE=175.0000", "IMPORTE=175&MONEDA=EUR", "IMPORTE=175,00+EUR&CANTIDAD=1,0"),
        ("PRODUCTO=Tea%20cup&IMPORTE=1", "PRODUCTO=Tea%C2%A0cup&IMPORTE=1"),
        ("order=9&currency=EUR", "PEDIDO=9", "PEDIDO=%239", "PEDIDO=009&IMPORTE=5"),
        ("order=so-9", "order=SO-9"),
        ("order=9&currency=USD", "order=%239&IMPORTE=5+USD"),
        ("IMPORTE=5&order=undefined", "IMPORTE=5"),
    ],
)
def test_all_spellings_of_a_purchase_have_one_id(same: tuple[str, ...]) -> None:
    click = click_at(NOON)
    assert len({name(parse_hit(f"empId=1&{query}"), click) for query in same}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("IMPORTE=175", "IMPORTE=175&MONEDA=USD"), ("order=9", "order=9&currency=USD"), ("IMPORTE=1", "")],
)
def test_different_content_is_another_purchase(one: str, other: str) -> None:
    click = click_at(NOON)
    assert name(parse_hit(f"empId=1&{one}"), click) != name(parse_hit(f"empId=1&{other}"), click)


@pytest.mark.parametrize(
    ("older", "query"),
    [
        ("9 EUR", "order=9&currency=EUR"),
        ("9 EUR", "order=9"),
        ("#9", "order=%239"),
        ("so-9", "order=so-9"),
        ("9 USD", "order=9&currency=USD"),
    ],
)
def test_a_purchase_stored_under_an_older_id_keeps_it(sqlite: Database, older: str, query: str) -> None:
    account, hit = Account(1, "Shoes", "EUR", NOON), parse_hit(f"empId=1&{query}")
    with sqlite.write() as connection:
        store_hit(connection, StoredHit(click_at(NOON).id, hit, "", False, "", older))
        assert pixel_order_id(connection, account, hit, None) == older
        assert (
            pixel_order_id(connection, replace(account, emp_id=2), hit, None)
            == order_names(hit, "EUR", None)[0]
        )


def test_a_reload_after_an_upgrade_is_the_same_purchase(sqlite: Database) -> None:
    account, click, hit = Account(1, "Shoes", "EUR", NOON), click_at(NOON), parse_hit("empId=1&IMPORTE=175")
    older = order_names(hit, "EUR", click)[1]
    with sqlite.write() as connection:
        store_hit(connection, StoredHit(click.id, hit, "", False, "", older))
        assert pixel_order_id(connection, account, hit, click) == older


@pytest.mark.parametrize(
    "arrival", list(permutations([stored(SHOES, 0), stored(LACES, 1), stored(SHOES, 9)]))
)
def test_hits_of_one_order_become_its_lines_and_reloads_count_once(arrival: tuple[StoredHit, ...]) -> None:
    order = order_from_hits(Account(1, "Shoes", "EUR", NOON), "A-1", arrival)
    assert [(line.item, line.quantity, str(line.amount)) for line in order.lines] == [
        ("Shoes", Decimal(2), "39.80"),
        ("Laces", Decimal(1), "5.00"),
    ]
    assert (order.total, order.currency, order.placed_at) == (Decimal("44.80"), "EUR", NOON)


def test_hits_that_each_report_the_whole_amount_are_one_sale() -> None:
    account = Account(1, "Shoes", "EUR", NOON, pixel_amount="order")
    whole = [
        stored(Hit(1, name, Decimal(1), Decimal(50), "A-1"), i) for i, name in enumerate(("Shoes", "Laces"))
    ]
    (line,) = order_from_hits(account, "A-1", whole).lines
    assert (line.item, line.quantity, line.amount) == ("Shoes, Laces", Decimal(2), Decimal("50.00"))
