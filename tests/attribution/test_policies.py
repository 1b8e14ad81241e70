"""New attribution settings change orders of open months only, and exactly those that the preview shows."""

from datetime import timedelta
from decimal import Decimal

from salepixel.accounts import store as accounts
from salepixel.attribution import policies
from salepixel.money.rates import SHIPPED
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World


def test_a_changed_policy_affects_only_orders_of_open_months(world: World) -> None:
    first, last = click_at(NOON - 5 * HOUR), click_at(NOON - HOUR, serial=1)
    world.contact("ana", "h")
    for click in (first, last):
        world.click(click)
    world.order(order(email_hash="h"))
    assert len(world.report()) == 2
    world.policy(model="linear")
    halves = sorted(row[4] for row in world.report())
    assert halves == ["10.00", "10.00", "19.90", "19.90"]
    with world.database.write() as connection:
        assert policies.close_months(connection, 1, NOON + HOUR) == 0
    world.policy(model="first")
    world.order(order(email_hash="h", updated_at=NOON + HOUR, refunded=Decimal("59.80")))
    world.order(order(id="late", number="2", email_hash="h"))
    assert sorted(row[4] for row in world.report()) == halves
    assert world.reasons() == {"O1": "email_match", "late": "month_closed"}


def test_a_changed_policy_affects_no_order_decided_in_a_closed_month(world: World) -> None:
    token = world.sealer.seal(click_at(NOON - 2 * HOUR))
    world.order(order(click_token=token, placed_at=NOON - HOUR))
    world.reconcile()
    with world.database.write() as connection:
        assert policies.close_months(connection, 1, NOON) == 0
    world.order(order(click_token=token, placed_at=NOON + 99 * HOUR, updated_at=NOON + 9 * HOUR))
    with world.database.read() as connection:
        account = accounts.get_account(connection, 1)
        assert account is not None
        changed = policies.with_policy(account, {"window_days": 1})
        preview = policies.preview_policy(connection, world.sealer, account, changed, SHIPPED, 9, None)
    assert preview.moves == []


def test_a_preview_lists_exactly_the_orders_that_the_policy_affects(world: World) -> None:
    clicks_made = [click_at(NOON - 10 * 24 * HOUR), click_at(NOON - HOUR, serial=1)]
    world.contact("ana", "h")
    for click in clicks_made:
        world.click(click)
    for number in range(5):
        old = NOON - timedelta(days=3 * (number % 2))
        world.order(order(id=f"O{number}", number=str(number), email_hash="h", placed_at=old))
    before = world.amounts()
    moves: list[policies.Move] = []
    place, examined = None, 0
    with world.database.read() as connection:
        account = accounts.get_account(connection, 1)
        assert account is not None
        changed = policies.with_policy(account, {"window_days": 3, "model": "decay"})
        while True:
            page = policies.preview_policy(connection, world.sealer, account, changed, SHIPPED, 2, place)
            moves += page.moves
            place, examined = page.older, examined + page.examined
            if place is None:
                break
    assert world.amounts() == before, "a preview changes nothing"
    assert examined == 5
    moved = {move.order_id: (dict(move.before), dict(move.after)) for move in moves}
    world.policy(window_days=3, model="decay")
    after = world.amounts()
    assert moved == {
        key: (before.get(key, {}), after.get(key, {}))
        for key in before | after
        if before.get(key) != after.get(key)
    }
    assert moved, "or nothing was shown"
