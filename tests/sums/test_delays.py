"""The time from a click to its order, in steps."""

from datetime import timedelta

import pytest

from salepixel.clicks.tokens import ClickSealer
from salepixel.storage.database import Database
from salepixel.sums.days import day_of
from salepixel.sums.delays import STEPS, orders_by_step, step_of
from tests.make import CAMPAIGN, NOON, order
from tests.sums.test_sales import CLICKS, check, shop

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("milliseconds", "step"),
    [
        (-5000, 0),
        (0, 0),
        (599_999, 0),
        (600_000, 1),
        (HOUR - 1, 2),
        (HOUR, 3),
        (24 * HOUR - 1, 6),
        (24 * HOUR, 7),
        (7 * 24 * HOUR - 1, len(STEPS) - 1),
        (7 * 24 * HOUR, len(STEPS)),
        (400 * 24 * HOUR, len(STEPS)),
    ],
)
def test_a_delay_is_in_the_step_that_ends_after_it(milliseconds: int, step: int) -> None:
    assert step_of(milliseconds) == step


def test_orders_are_counted_by_the_time_since_their_click(database: Database, sealer: ClickSealer) -> None:
    world = shop(database, sealer, model="last")
    for click in CLICKS:
        world.click(click)
    for number, hours in ((1, 0), (2, 2), (3, 30)):
        placed = NOON + timedelta(hours=hours)
        token = sealer.seal(CLICKS[0])
        world.order(
            order(id=f"O{number}", number=f"{number}", placed_at=placed, updated_at=placed, click_token=token)
        )
    world.reconcile()
    day = day_of(NOON)
    with database.read() as connection:
        found = orders_by_step(connection, 1, (None, None), CAMPAIGN)
        assert {step: count for step, count in enumerate(found) if count} == {3: 1, 4: 1, 7: 1}
        assert orders_by_step(connection, 1, (None, None)) == found
        assert sum(orders_by_step(connection, 1, (day, day + 1))) == 2
        assert sum(orders_by_step(connection, 2, (None, None))) == 0
    check(database)
