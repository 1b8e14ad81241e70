"""An order that cannot be decided is retried and then parked; it never delays another one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg.errors
import pytest
import sqlalchemy as sa
from redis import Redis
from rq.timeouts import JobTimeoutException

from salepixel.accounts import store as accounts
from salepixel.attribution import policies
from salepixel.attribution.decisions import get_decision
from salepixel.clicks.records import ClickRecord
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.money.amounts import BadMoney
from salepixel.money.rates import Rates
from salepixel.orders import queue
from salepixel.orders import store as orders
from salepixel.orders.requeue import DueReason, requeue_failed, requeue_order
from salepixel.settings import WorkerSettings
from salepixel.shops import store as shops
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.wire.jobs import JobQueue
from salepixel_worker import attempt, jobs, rebuild, sweep
from salepixel_worker.sweep import reconcile_due
from tests.make import NOON, click_at, order
from tests.worker.test_fold import ship
from tests.worker.world import HOUR, World


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    world = World(database, sealer)
    world.connect()
    return world


WHOLE, BROKEN = '"placed_at":"2026-11-23', '"placed_at":"0001-01-01'
"""An order of the year 1, as earlier versions took it: no window of days before it can be reckoned."""


def spoil(world: World, *ids: str, whole: str = WHOLE, broken: str = BROKEN) -> None:
    """Make it impossible to decide these orders."""
    snapshot = sa.func.replace(schema.orders.c.snapshot, whole, broken)
    with world.database.write() as connection:
        its = schema.orders.c.id.in_(ids)
        connection.execute(sa.update(schema.orders).where(its).values(snapshot=snapshot))


def later(world: World, by: timedelta) -> None:
    """Let time pass: postponed orders become due this much earlier."""
    at = schema.due.c.next_attempt_at
    with world.database.write() as connection:
        micros = sa.type_coerce(at, sa.BigInteger) - by // timedelta(microseconds=1)
        connection.execute(sa.update(schema.due).values(next_attempt_at=sa.type_coerce(micros, at.type)))


def failed(world: World) -> list[queue.FailedOrder]:
    with world.database.read() as connection:
        return queue.list_failed(connection, None, 100)


def test_undecidable_orders_do_not_delay_other_accounts(world: World) -> None:
    # In the size of jobs.DRAIN_ORDERS this was 1,050 orders, from one mail link and one second.
    at_once, ids = 20, [f"P{n}" for n in range(25)]
    with world.database.write() as connection:
        (shop,) = shops.list_shops(connection, 1)
        for order_id in ids:
            orders.store_order(connection, shop.id, 1, order(id=order_id, number=order_id), "")
        accounts.add_account(connection, accounts.Account(2, "Hats", "EUR", NOON))
        other = shops.shop_of_account(connection, 2, "api", NOON)
        orders.store_order(connection, other.id, 2, order(id="H1", number="1"), "")
    spoil(world, *ids)
    taken = reconcile_due(world.database, world.sealer, at_once)
    assert taken == at_once, "the sweep goes on, although all of these failed"
    assert reconcile_due(world.database, world.sealer, at_once) == 6
    with world.database.read() as connection:
        assert get_decision(connection, other.id, "H1") is not None
        state = queue.read_state(connection)
        assert queue.count_failed(connection, 1) == 25
        assert queue.count_failed(connection, 2) == 0
    assert (state.due, state.oldest_due_at, state.retrying, state.parked) == (0, None, 25, 0)


def test_a_failed_order_does_not_block_the_others(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.click(click)
    for n in range(5):
        world.order(order(id=f"O{n}", number=str(n), click_token=world.sealer.seal(click)))
    spoil(world, "O2")
    assert {row[0] for row in world.report()} == {"0", "1", "3", "4"}
    (one,) = failed(world)
    assert (one.order_id, one.number, one.emp_id, one.attempts, one.state) == ("O2", "2", 1, 1, "retrying")


def test_a_failing_order_is_retried_with_growing_pauses_and_then_parked(world: World) -> None:
    world.order(order())
    spoil(world, "O1")
    pauses = []
    for n in range(1, queue.MAX_ATTEMPTS):
        assert reconcile_due(world.database, world.sealer, 10) == 1
        (one,) = failed(world)
        assert one.attempts == n
        assert one.next_attempt_at is not None
        pauses.append((one.next_attempt_at - one.failed_at) // timedelta(minutes=1))
        assert reconcile_due(world.database, world.sealer, 10) == 0, "it is not its turn yet"
        later(world, timedelta(days=1))
    assert pauses == [1, 2, 4, 8, 16, 32, 64]
    reconcile_due(world.database, world.sealer, 10)
    (one,) = failed(world)
    assert (one.state, one.next_attempt_at) == ("parked", None)
    assert reconcile_due(world.database, world.sealer, 10) == 0
    with world.database.read() as connection:
        assert queue.attempts_of(connection, [(one.shop_id, "O1")]), "no month is closed over it"
        assert queue.read_state(connection).parked == 1
    with world.database.write() as connection:
        assert requeue_failed(connection, 2) == 0
        assert requeue_failed(connection, 1, (one.shop_id, "O2")) == 0
        assert requeue_failed(connection, 1, (one.shop_id, "O1")) == 1
    spoil(world, "O1", whole=BROKEN, broken=WHOLE)
    assert reconcile_due(world.database, world.sealer, 10) == 1
    assert failed(world) == []


def test_a_changed_order_starts_its_attempts_again(world: World) -> None:
    world.order(order())
    spoil(world, "O1")
    for _ in range(queue.MAX_ATTEMPTS):
        reconcile_due(world.database, world.sealer, 10)
        later(world, timedelta(days=1))
    assert failed(world)[0].state == "parked"
    world.order(order(updated_at=NOON + HOUR))
    assert failed(world) == []
    assert reconcile_due(world.database, world.sealer, 10) == 1
    assert failed(world) == []
    with world.database.read() as connection:
        assert queue.read_state(connection) == queue.QueueState()


def test_new_evidence_starts_the_attempts_again(world: World) -> None:
    world.order(order(email_hash="hash-of-ana"))
    spoil(world, "O1")
    reconcile_due(world.database, world.sealer, 10)
    assert len(failed(world)) == 1
    world.contact("ana", "hash-of-ana")
    assert failed(world) == []
    assert world.due() == [(failed_shop(world), "O1")]


def failed_shop(world: World) -> str:
    with world.database.read() as connection:
        return shops.list_shops(connection, 1)[0].id


def test_the_oldest_order_is_first_and_keeps_its_position(world: World) -> None:
    for n in range(4):
        world.order(order(id=f"O{n}", number=str(n)))
    with world.database.write() as connection:
        (shop,) = shops.list_shops(connection, 1)
        requeue_order(connection, shop.id, "O0", DueReason.CLICKS)
    assert [order_id for _, order_id in world.due()] == ["O0", "O1", "O2", "O3"]


def test_a_failure_is_stored_without_personal_data(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.click(click)
    world.order(order(customer="ana@shop.test", click_token=world.sealer.seal(click)))
    spoil(world, "O1", whole='"amount":"39.80"', broken='"amount":"1E+12"')
    reconcile_due(world.database, world.sealer, 10)
    (one,) = failed(world)
    assert one.last_error.startswith("BadMoney: bad_amount (amounts.py:")
    assert "ana" not in one.last_error


def test_a_database_error_is_stored_without_its_values() -> None:
    too_large = psycopg.errors.NumericValueOutOfRange("value of ana@shop.test is out of range")
    text = attempt.describe(sa.exc.DataError("INSERT", {"contact": "ana@shop.test"}, too_large))
    assert text == "NumericValueOutOfRange: 22003"
    assert attempt.describe(ValueError("ana@shop.test")) == "ValueError"
    assert attempt.describe(BadMoney("bad_amount")) == "BadMoney: bad_amount"


UNAVAILABLE = [
    sa.exc.OperationalError("", {}, psycopg.OperationalError("connection failed")),
    sa.exc.OperationalError("", {}, psycopg.errors.AdminShutdown("")),
    sa.exc.OperationalError("", {}, psycopg.errors.DeadlockDetected("")),
    sa.exc.OperationalError("", {}, psycopg.errors.DiskFull("")),
    sa.exc.InternalError("", {}, psycopg.errors.ReadOnlySqlTransaction("")),
    sa.exc.TimeoutError(),
]
OWN_FAULT = [
    sa.exc.OperationalError("", {}, psycopg.errors.ProgramLimitExceeded("")),
    sa.exc.OperationalError("", {}, psycopg.errors.QueryCanceled("")),
    sa.exc.OperationalError("", {}, psycopg.errors.OutOfMemory("")),
    sa.exc.DataError("", {}, psycopg.errors.NumericValueOutOfRange("")),
    OverflowError("Python int too large to convert to SQLite INTEGER"),
    MemoryError(),
]


@pytest.mark.parametrize("error", UNAVAILABLE, ids=lambda error: type(getattr(error, "orig", error)).__name__)
def test_a_database_outage_does_not_count_as_an_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    world.order(order())
    monkeypatch.setattr(attempt, "reconcile_and_announce", _raises(error))
    with pytest.raises(type(error)):
        reconcile_due(world.database, world.sealer, 10)
    assert failed(world) == []
    assert len(world.due()) == 1


@pytest.mark.parametrize("error", OWN_FAULT, ids=lambda error: type(getattr(error, "orig", error)).__name__)
def test_a_permanent_error_counts_as_an_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    world.order(order())
    monkeypatch.setattr(attempt, "reconcile_and_announce", _raises(error))
    assert reconcile_due(world.database, world.sealer, 10) == 1
    assert failed(world)[0].attempts == 1


def test_an_order_that_uses_up_the_jobs_time_is_postponed_and_ends_the_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.order(order())
    monkeypatch.setattr(attempt, "reconcile_and_announce", _raises(JobTimeoutException()))
    with pytest.raises(JobTimeoutException):
        reconcile_due(world.database, world.sealer, 10)
    assert failed(world)[0].attempts == 1


def _raises(error: Exception) -> object:
    def reconcile(*_: object, **_more: object) -> None:
        raise error

    return reconcile


@pytest.fixture
def here(world: World, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stores of the jobs."""
    settings = WorkerSettings.load({})
    stores = jobs.Stores(settings, world.database, redis, world.sealer, Rates())
    monkeypatch.setattr(jobs, "stores", lambda: stores)


@pytest.mark.usefixtures("here")
def test_due_orders_are_decided_in_slices_until_none_is_left(
    world: World, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand failing orders delay no new one: each slice of them ends and enqueues the next.

    A slice of no time has the newest order and the oldest.
    """
    monkeypatch.setattr(jobs, "DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "FOLDS_PER_DRAIN", 0)
    monkeypatch.setattr(sweep, "AT_ONCE", 1)
    for n in range(6):
        world.order(order(id=f"O{n}", number=str(n)))
    spoil(world, "O0", "O1", "O2", "O3")
    jobs.sweep()
    assert (len(failed(world)), JobQueue(redis).waiting()) == (1, 1)
    jobs.sweep()
    assert (len(failed(world)), JobQueue(redis).waiting()) == (2, 1), "one slice waits already"
    jobs.drain()
    assert (len(failed(world)), JobQueue(redis).waiting()) == (3, 2), "the one that ran enqueued the next"
    assert len(world.due()) == 2
    jobs.drain()
    assert (world.due(), JobQueue(redis).waiting()) == ([], 2)
    assert len(failed(world)) == 4


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("job", [jobs.drain, jobs.sweep], ids=["drain", "sweep"])
def test_orders_are_decided_even_if_a_journal_cannot_be_folded(
    world: World, redis: Redis, job: Callable[[], None]
) -> None:
    ship(redis, 1, [ClickRecord(click_at(datetime.now(UTC)), Signal(0), "", "")])
    world.order(order())
    with world.database.write() as connection:
        connection.execute(sa.text("ALTER TABLE click_sums RENAME TO elsewhere"))
    with pytest.raises(sa.exc.DBAPIError):
        jobs.fold()
    job()
    assert world.due() == []
    with world.database.write() as connection:
        connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO click_sums"))
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.clicks)) == 0
    job()
    with world.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.clicks)) == 1


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("table", ["erasures", "retention"])
def test_a_step_of_a_sweep_that_fails_stops_no_other_and_no_order(
    world: World, redis: Redis, table: str
) -> None:
    ship(redis, 1, [ClickRecord(click_at(datetime.now(UTC)), Signal(0), "", "")])
    world.order(order())
    with world.database.write() as connection:
        connection.execute(sa.text(f"ALTER TABLE {table} RENAME TO elsewhere"))
    jobs.sweep()
    with world.database.write() as connection:
        connection.execute(sa.text(f"ALTER TABLE elsewhere RENAME TO {table}"))
    assert world.due() == []
    with world.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.clicks)) == 1


@pytest.mark.usefixtures("here")
def test_one_job_decides_all_due_orders(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DRAIN_SECONDS", 60.0)
    monkeypatch.setattr(jobs, "NEWEST_ORDERS", 2)
    for n in range(5):
        world.order(order(id=f"O{n}", number=str(n)))
    jobs.drain()
    assert world.due() == []
    jobs.drain()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("attempts", [0, 3], ids=["never tried", "tried before"])
def test_a_thousand_failing_orders_do_not_delay_a_new_order(
    world: World, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    monkeypatch.setattr(jobs, "DRAIN_SECONDS", 0.0)
    world.order(order(id="P0", number="P0"))
    spoil(world, "P0")
    with world.database.write() as connection:
        for table, changed in ((schema.orders, {}), (schema.due, {"attempts": attempts})):
            (row,) = connection.execute(sa.select(table)).mappings()
            its_id = "id" if table is schema.orders else "order_id"
            poison = [dict(row) | changed | {its_id: f"P{n}"} for n in range(1, 1000)]
            connection.execute(sa.insert(table), poison)
    world.order(order())
    jobs.drain()
    with world.database.read() as connection:
        assert get_decision(connection, failed_shop(world), "O1") is not None
        assert [one.last_error for one in queue.list_failed(connection, None, 1000) if one.last_error], (
            "the job went on with those that waited longer"
        )
    # One that failed waits before it is tried again, so the others have their turn.
    first = {order_id for _, order_id in world.due()}
    jobs.drain()
    assert not first <= {order_id for _, order_id in world.due()}


@pytest.mark.usefixtures("here")
def test_an_order_that_its_own_job_cannot_decide_is_postponed_too(world: World) -> None:
    world.order(order())
    spoil(world, "O1")
    jobs.drain()
    assert failed(world)[0].attempts == 1
    assert world.due() == []
    assert failed(world)[0].failed_at <= datetime.now(UTC)


def test_an_undecidable_order_stops_no_preview_and_no_rebuild(world: World) -> None:
    click = click_at(NOON - HOUR)
    world.click(click)
    for n in range(3):
        world.order(order(id=f"O{n}", number=str(n), click_token=world.sealer.seal(click)))
    spoil(world, "O1")
    world.reconcile()
    with world.database.read() as connection:
        account = accounts.get_account(connection, 1)
        assert account is not None
        changed = replace(account, window_days=0)
        preview = policies.preview_policy(connection, world.sealer, account, changed, Rates(), 10, None)
    assert [move.order_id for move in preview.moves] == ["O2", "O0"]
    with world.database.write() as connection:
        requeue_failed(connection, None)
    found = rebuild.rebuild_all(world.database, world.sealer)
    assert (found.orders, len(found.different)) == (2, 1)
    assert "cannot be decided: OverflowError" in found.different[0]
    assert [one.order_id for one in failed(world)] == ["O1"]
    assert rebuild.verify_all(world.database, world.sealer).different == []


def test_orders_without_a_decision_come_before_those_that_may_be_decided_otherwise(world: World) -> None:
    """A fold marks every order of its clickers: a new order does not wait until all of these are decided."""
    for n in range(3):
        world.order(order(id=f"O{n}", number=str(n)))
    world.reconcile()
    with world.database.write() as connection:
        (shop,) = shops.list_shops(connection, 1)
        for n in range(2):
            requeue_order(connection, shop.id, f"O{n}", DueReason.CLICKS)
    world.order(order(id="new", number="new"))
    world.order(order(id="O1", number="1", updated_at=NOON + timedelta(hours=1)))
    with world.database.read() as connection:
        found = {turn: [key[1] for key in queue.due_orders(connection, 9, turn=turn)] for turn in TURNS}
    assert found == {
        "all": ["new", "O1", "O0"],
        "new": ["new", "O1"],
        "newest": ["O1", "new"],
        "again": ["O0"],
    }


TURNS: tuple[queue.Turn, ...] = ("all", "new", "newest", "again")


@pytest.mark.usefixtures("here")
def test_a_job_that_can_decide_nothing_does_not_enqueue_itself(world: World, redis: Redis) -> None:
    """Two workers called each other as long as one of them was deciding what was due."""
    with world.database.write() as connection:
        orders.store_order(connection, "of no shop", 1, order(), "")
    jobs.drain()
    assert (len(world.due()), JobQueue(redis).waiting()) == (1, 0)
