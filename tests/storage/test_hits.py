"""Without a shop, the pixel's hits make the orders: reloads count once."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from salepixel.hits import Hit
from salepixel.storage.accounts import Account
from salepixel.storage.hits import StoredHit, order_from_hits, pixel_order_id
from tests.make import NOON, click_at

SHOES = Hit(1, "Shoes", Decimal(2), Decimal("39.8"), "A-1")
LACES = Hit(1, "Laces", Decimal(1), Decimal("5"), "A-1")


def stored(hit: Hit, second: int) -> StoredHit:
    return StoredHit(click_at(NOON + timedelta(seconds=second)).id, hit, "", False, "", "A-1")


def test_an_order_is_known_by_the_shops_reference_or_by_click_and_content() -> None:
    click, other = click_at(NOON), click_at(NOON, serial=1)
    bare = Hit(1, "Shoes", Decimal(2), Decimal("39.8"))
    assert pixel_order_id(SHOES, None) == pixel_order_id(LACES, click) == "A-1"
    assert pixel_order_id(bare, click) == pixel_order_id(bare, click)
    assert pixel_order_id(bare, click) != pixel_order_id(bare, other)
    assert pixel_order_id(bare, click) != pixel_order_id(Hit(1, "Shoes", Decimal(1), Decimal("39.8")), click)
    assert pixel_order_id(bare, None) == ""


@pytest.mark.parametrize(
    "arrival", list(permutations([stored(SHOES, 0), stored(LACES, 1), stored(SHOES, 9)]))
)
def test_hits_of_one_order_make_its_lines_and_reloads_count_once(arrival: tuple[StoredHit, ...]) -> None:
    order = order_from_hits(Account(1, "Shoes", "EUR", NOON), "A-1", arrival)
    assert [(line.item, line.quantity, str(line.amount)) for line in order.lines] == [
        ("Shoes", Decimal(2), "39.80"),
        ("Laces", Decimal(1), "5.00"),
    ]
    assert (order.total, order.currency, order.placed_at) == (Decimal("44.80"), "EUR", NOON)


def test_where_each_hit_tells_the_whole_amount_it_is_one_sale() -> None:
    account = Account(1, "Shoes", "EUR", NOON, pixel_amount="order")
    whole = [
        stored(Hit(1, name, Decimal(1), Decimal(50), "A-1"), i) for i, name in enumerate(("Shoes", "Laces"))
    ]
    (line,) = order_from_hits(account, "A-1", whole).lines
    assert (line.item, line.quantity, line.amount) == ("Shoes, Laces", Decimal(2), Decimal("50.00"))
