"""What orders are worth, and which is the first one of its buyer, in whatever sequence they come."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.store import change_account
from salepixel.clicks.tokens import ClickSealer
from salepixel.orders.order import Order
from salepixel.orders.requeue import requeue_account
from salepixel.storage.database import Database
from salepixel.storage.schema import decisions
from salepixel_worker.rebuild import verify_all
from tests.databases import empty
from tests.examples import costly
from tests.make import NOON, order
from tests.sums.test_sales import CLICKS, DAY, check, shop
from tests.worker.world import World


def placed(number: int, days: int, email: str | None = "of-ana", **changes: object) -> Order:
    at = NOON + days * DAY
    its = order(id=f"O{number}", number=f"{number}", placed_at=at, updated_at=at, email_hash=email)
    return replace(its, **changes)  # type: ignore[arg-type]  # fields of an order


def found(database: Database) -> dict[str, tuple[int, int, str]]:
    d = decisions.c
    with database.read() as connection:
        rows = connection.execute(sa.select(d.order_id, d.gross, d.refunded, d.buyer_is))
        return {row.order_id: (row.gross, row.refunded, row.buyer_is) for row in rows}


def buyers(database: Database) -> dict[str, str]:
    return {name: its[2] for name, its in found(database).items()}


def test_an_order_without_a_click_is_worth_what_its_account_counts(
    database: Database, sealer: ClickSealer
) -> None:
    world = shop(database, sealer, model="last")
    world.order(placed(1, 0, refunded=Decimal("9.80"), shipping=Decimal("5.00"), total=Decimal("64.80")))
    world.reconcile()
    gross, refunded, _ = found(database)["O1"]
    assert (gross, refunded) == (5980, 904), "its lines, with their part of the refund"
    with database.write() as connection:
        change_account(connection, 1, {"shipping": "included"})
        requeue_account(connection, 1)
    world.reconcile()
    assert found(database)["O1"][:2] == (6480, 980)
    check(database)
    assert verify_all(database, sealer).different == []


def test_a_refund_counts_until_the_month_is_closed(database: Database, sealer: ClickSealer) -> None:
    world = shop(database, sealer, model="last")
    for click in CLICKS:
        world.click(click)
    for number, token in ((1, None), (2, sealer.seal(CLICKS[0]))):
        world.order(placed(number, 0, click_token=token))
    world.close(NOON + 9 * DAY)
    for number, token in ((1, None), (2, sealer.seal(CLICKS[0]))):
        later = NOON + 20 * DAY
        world.order(placed(number, 0, click_token=token, refunded=Decimal("9.80"), updated_at=later))
    world.reconcile()
    assert {its[:2] for its in found(database).values()} == {(5980, 0)}
    check(database)
    assert verify_all(database, sealer).different == []


def test_an_earlier_order_that_comes_later_is_the_first_one(database: Database, sealer: ClickSealer) -> None:
    world = shop(database, sealer, model="last")
    world.order(placed(3, 3))
    world.order(placed(4, 1, "of-bo"))
    world.order(placed(5, 1, None))
    world.reconcile()
    assert buyers(database) == {"O3": "first", "O4": "first", "O5": ""}
    world.order(placed(2, 2))
    world.order(placed(1, 1, paid=False))
    world.reconcile()
    assert buyers(database) == {"O1": "", "O2": "first", "O3": "returning", "O4": "first", "O5": ""}
    world.order(placed(1, 1, updated_at=NOON + 5 * DAY))
    world.reconcile()
    assert buyers(database) | {"O4": "", "O5": ""} == {
        "O1": "first",
        "O2": "returning",
        "O3": "returning",
        "O4": "",
        "O5": "",
    }
    world.order(placed(1, 1, "of-bo", updated_at=NOON + 6 * DAY))
    world.reconcile()
    assert buyers(database) == {
        "O1": "first",
        "O2": "first",
        "O3": "returning",
        "O4": "returning",
        "O5": "",
    }
    check(database)
    assert verify_all(database, sealer).different == []


ORDER = st.builds(
    placed,
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from([None, "of-ana", "of-ana", "of-bo"]),
    paid=st.sampled_from([True, True, False]),
    replaces=st.sampled_from([None, None, None, "O9"]),
)


def shuffled(database: Database, sealer: ClickSealer, steps: list[tuple[Order, bool]]) -> None:
    empty(database)
    world: World = shop(database, sealer, model="last")
    for serial, (bought, decides) in enumerate(steps):
        world.order(replace(bought, updated_at=NOON + 9 * DAY + serial * timedelta(hours=1)))
        if decides:
            world.reconcile()
    world.reconcile()
    check(database)
    assert verify_all(database, sealer).different == []


@costly(12)
@given(st.lists(st.tuples(ORDER, st.booleans()), max_size=8))
def test_the_first_order_does_not_depend_on_the_sequence(
    sqlite: Database, sealer: ClickSealer, steps: list[tuple[Order, bool]]
) -> None:
    shuffled(sqlite, sealer, steps)


@costly(4)
@given(st.lists(st.tuples(ORDER, st.booleans()), max_size=8))
def test_the_first_order_does_not_depend_on_the_sequence_on_postgresql(
    postgresql_database: Database, sealer: ClickSealer, steps: list[tuple[Order, bool]]
) -> None:
    shuffled(postgresql_database, sealer, steps)
