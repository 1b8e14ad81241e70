"""Orders are decided in batches exactly as one by one, and one that fails takes no other with it."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.attribution.decisions import get_decision
from salepixel.attribution.gather import MAX_CLICKS
from salepixel.attribution.reconcile import reconcile_orders
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.destinations.announce import reconcile_and_announce
from salepixel.orders import batches
from salepixel.orders.batches import due_batches
from salepixel.orders.keys import OrderKey
from salepixel.orders.queue import due_orders
from salepixel.orders.requeue import DueReason, requeue_order
from salepixel.shops.store import list_shops
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums.check import find_wrong_sums
from salepixel_worker import attempt
from salepixel_worker.attempt import attempt_orders
from salepixel_worker.rebuild import verify_all
from salepixel_worker.sweep import reconcile_due
from tests.databases import empty
from tests.examples import costly
from tests.make import NOON, click_at, order
from tests.waiting import PATIENCE_SECONDS
from tests.worker.test_queue import failed, spoil
from tests.worker.world import HOUR, World

pytestmark = pytest.mark.long

PEOPLE = ("ana", "bo", "cy")
CLICKS = [click_at(NOON - n * HOUR, PEOPLE[n % 3], serial=n) for n in range(1, 7)]


@dataclass(frozen=True)
class Bought:
    """An order by what links it to others."""

    customer: str | None
    address: str | None
    token: int | None
    code: str
    number: str
    minutes: int
    paid: bool
    refunded: bool
    draft: bool | None


ORDERS = st.builds(
    Bought,
    customer=st.sampled_from([None, "u1", "u2"]),
    address=st.sampled_from([None, "h-ana", "h-bo"]),
    token=st.one_of(st.none(), st.integers(0, len(CLICKS) - 1)),
    code=st.sampled_from(["", "", "ANA10"]),
    number=st.sampled_from(["1", "2", "3", "4"]),
    minutes=st.integers(0, 5),
    paid=st.sampled_from([True, True, False]),
    refunded=st.booleans(),
    draft=st.sampled_from([False, False, True, None]),
)


def build(world: World, some: Sequence[Bought], bots: set[int], hits: Sequence[tuple[str, int]]) -> None:
    """Clicks, contacts, hits that make orders of the pixel, and then a shop's orders with these numbers."""
    for n, click in enumerate(CLICKS):
        world.click(click, Signal.HEAD if n in bots else Signal(0))
    world.contact("ana", "h-ana")
    world.contact("bo", "h-bo")
    world.coupon("ANA10", "ana")
    for serial, (number, place) in enumerate(hits):
        world.hit(f"order={number}&PRODUCTO=Shoes&IMPORTE=5", CLICKS[place], serial)
    world.connect(NOON + HOUR)
    for n, one in enumerate(some):
        world.order(
            order(
                id=f"O{n}",
                number=one.number,
                customer=one.customer,
                email_hash=one.address,
                click_token=None if one.token is None else world.sealer.seal(CLICKS[one.token]),
                voucher=one.code,
                placed_at=NOON + timedelta(minutes=one.minutes),
                paid=one.paid,
                refunded=Decimal("19.80") if one.refunded and one.paid else Decimal(0),
                draft=one.draft,
            )
        )


COMPARED = ("decisions", "candidates", "sales", "sale_refunds", "bought", "orders", "due", "clicks")
NOT_COMPARED = {"next_attempt_at", "because"}


def everything(connection: sa.Connection) -> dict[str, Counter[tuple[Any, ...]]]:
    found = {}
    for name in COMPARED:
        table = schema.metadata.tables[name]
        columns = [column for column in table.c if column.name not in NOT_COMPARED]
        found[name] = Counter(map(tuple, connection.execute(sa.select(*columns))))
    return found


Decide = Callable[[sa.Connection, ClickSealer], None]


def one_by_one(connection: sa.Connection, sealer: ClickSealer) -> None:
    for key in due_orders(connection, 100):
        reconcile_orders(connection, sealer, [key])


def in_batches(size: int) -> Decide:
    def decide(connection: sa.Connection, sealer: ClickSealer) -> None:
        for batch in due_batches(connection, 100, size):
            reconcile_orders(connection, sealer, batch, only_due=True)

    return decide


def all_at_once(connection: sa.Connection, sealer: ClickSealer) -> None:
    """As no worker does, because they depend on each other."""
    reconcile_orders(connection, sealer, due_orders(connection, 100))


def outcome_of(world: World, decide: Decide) -> dict[str, Counter[tuple[Any, ...]]]:
    """What is stored when no order is due any more; nothing is kept of it."""
    with world.database.write() as connection:
        rounds = 0
        while due_orders(connection, 1):
            decide(connection, world.sealer)
            rounds += 1
            assert rounds < 20, "it comes to an end"
        found = everything(connection)
        assert find_wrong_sums(connection) == []
        connection.rollback()
        return found


def always_decides_as_one_by_one(
    database: Database, sealer: ClickSealer, some: list[Bought], bots: set[int], hits: list[tuple[str, int]]
) -> None:
    empty(database)
    world = World(database, sealer, model="linear")
    build(world, some, bots, hits)
    must = outcome_of(world, one_by_one)
    for decide in (in_batches(3), in_batches(50), all_at_once):
        found = outcome_of(world, decide)
        for table, rows in must.items():
            assert found[table] == rows, table


ANY = given(
    some=st.lists(ORDERS, min_size=2, max_size=8),
    bots=st.sets(st.integers(0, len(CLICKS) - 1)),
    hits=st.lists(st.tuples(st.sampled_from(["1", "2", "3"]), st.integers(0, len(CLICKS) - 1)), max_size=3),
)


@costly(8)
@ANY
def test_a_batch_decides_as_one_by_one(
    sqlite: Database, sealer: ClickSealer, some: list[Bought], bots: set[int], hits: list[tuple[str, int]]
) -> None:
    always_decides_as_one_by_one(sqlite, sealer, some, bots, hits)


@costly(2)
@ANY
def test_a_batch_decides_as_one_by_one_on_postgresql(
    postgresql_database: Database,
    sealer: ClickSealer,
    some: list[Bought],
    bots: set[int],
    hits: list[tuple[str, int]],
) -> None:
    always_decides_as_one_by_one(postgresql_database, sealer, some, bots, hits)


def fifty(world: World) -> list[OrderKey]:
    """Fifty due orders, of as many customers; each carries a click of its own."""
    world.clicks_and_orders(
        (click, order(id=f"O{n}", number=f"N{n}", customer=f"u{n}", click_token=world.sealer.seal(click)))
        for n in range(50)
        for click in [click_at(NOON - HOUR, f"p{n}", serial=n)]
    )
    return world.due()


def count(world: World, table: sa.Table) -> int:
    with world.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_one_bad_order_in_a_batch_of_fifty_fails_alone(world: World) -> None:
    fifty(world)
    spoil(world, "O17")
    assert reconcile_due(world.database, world.sealer, 100) == 50
    assert [(one.order_id, one.attempts) for one in failed(world)] == [("O17", 1)]
    assert (world.due(), count(world, schema.decisions)) == ([], 49)
    assert verify_all(world.database, world.sealer).different == []


def test_a_batch_of_bad_orders_fails_one_by_one(world: World) -> None:
    fifty(world)
    spoil(world, *(f"O{n}" for n in range(50)))
    assert reconcile_due(world.database, world.sealer, 100) == 50
    assert {one.attempts for one in failed(world)} == {1}
    assert len(failed(world)) == 50
    assert count(world, schema.bought) == 0, "nothing is kept of an order that fails"


def test_an_error_while_a_batch_is_written_leaves_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = fifty(world)

    monkeypatch.setattr(attempt, "reconcile_and_announce", dying)
    with pytest.raises(KeyboardInterrupt):
        attempt_orders(world.database, world.sealer, keys)
    assert sorted(world.due()) == sorted(keys)
    for table in (schema.decisions, schema.candidates, schema.sales, schema.bought):
        assert count(world, table) == 0
    monkeypatch.undo()
    world.reconcile()
    assert verify_all(world.database, world.sealer).different == []


def dying(*arguments: Any, **more: Any) -> None:
    """Reconcile, and end after all was written."""
    reconcile_and_announce(*arguments, **more)
    raise KeyboardInterrupt


def test_orders_that_depend_on_each_other_are_in_different_batches(world: World) -> None:
    world.order(order(id="O1", number="1", customer="u1"))
    world.order(order(id="O2", number="2", customer="u1"))
    world.order(order(id="O3", number="3", customer="u2"))
    world.order(order(id="O4", number="3", customer="u3"))
    world.order(order(id="O5", number="5"))
    with world.database.read() as connection:
        found = [[order_id for _, order_id in batch] for batch in due_batches(connection, 100, 50)]
    assert found == [["O1", "O3", "O5"], ["O2", "O4"]]


def test_an_order_that_failed_before_is_alone(world: World) -> None:
    for n in range(4):
        world.order(order(id=f"O{n}", number=str(n)))
    with world.database.write() as connection:
        connection.execute(sa.update(schema.due).where(schema.due.c.order_id == "O1").values(attempts=1))
        found = [[order_id for _, order_id in batch] for batch in due_batches(connection, 100, 50)]
    assert found == [["O0", "O2", "O3"], ["O1"]]


def test_a_mark_that_is_set_while_a_batch_runs_stays(
    postgresql_database: Database, sealer: ClickSealer
) -> None:
    world = World(postgresql_database, sealer)
    world.connect()
    keys = fifty(world)
    marked = threading.Event()

    def mark() -> None:
        with world.database.write() as connection:
            requeue_order(connection, *keys[7], DueReason.BY_HAND)
        marked.set()

    marking = threading.Thread(target=mark)
    with world.database.write() as connection:
        reconcile_orders(connection, sealer, keys, only_due=True)
        marking.start()
        assert not marked.wait(0.2), "it waits for the batch"
    marking.join(PATIENCE_SECONDS)
    assert world.due() == [keys[7]]


def test_two_workers_decide_each_order_once(postgresql_database: Database, sealer: ClickSealer) -> None:
    """Also those of one customer: the decision of one order marks the others due."""
    world = World(postgresql_database, sealer)
    world.connect()
    pairs = []
    for n in range(60):
        click = click_at(NOON - HOUR, f"p{n}", serial=n)
        of = {"number": f"{n}", "customer": f"u{n % 20}", "placed_at": NOON + timedelta(minutes=n)}
        pairs.append((click, order(id=f"O{n}", click_token=sealer.seal(click), **of)))
    world.clicks_and_orders(pairs)
    problems: list[BaseException] = []

    def work() -> None:
        try:
            while reconcile_due(world.database, sealer, 15):
                pass
        except BaseException as problem:
            problems.append(problem)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
    assert problems == []
    world.reconcile()
    found = verify_all(world.database, sealer)
    assert (found.orders, found.due, found.different) == (60, 0, [])
    assert failed(world) == []


def test_what_another_transaction_decides_is_left_to_it(
    postgresql_database: Database, sealer: ClickSealer
) -> None:
    world = World(postgresql_database, sealer)
    world.connect()
    world.order(order(id="O1", number="1", customer="u1"))
    world.order(order(id="O2", number="2", customer="u1"))
    world.order(order(id="O3", number="3"))
    first, second, third = world.due()
    with world.database.write() as one:
        reconcile_orders(one, sealer, [first])
        with world.database.write() as other:
            assert batches.claim_orders(other, [first, second, third], batches.take_free_names) == [third]
            decided = reconcile_orders(other, sealer, [first, second, third], only_due=True)
    assert [done.stored.key for done in decided] == [third]
    assert world.due() == [second]


@pytest.mark.parametrize(("more", "limit"), [(0, None), (3, MAX_CLICKS)])
def test_only_the_newest_clicks_of_a_contact_are_candidates(
    world: World, more: int, limit: int | None
) -> None:
    world.contact("ana", "hash-of-ana")
    with world.database.write() as connection:
        some = [
            click_at(NOON - HOUR - timedelta(minutes=n), "ana", serial=n) for n in range(MAX_CLICKS + more)
        ]
        clicks.store_clicks(connection, [(click, Signal(0)) for click in some])
    world.order(order(email_hash="hash-of-ana"))
    world.reconcile()
    with world.database.read() as connection:
        (shop,) = list_shops(connection, 1)
        decision = get_decision(connection, shop.id, "O1")
    assert decision is not None
    assert decision.explanation.clicks_limit == limit
    examined = {one.click_id for one in decision.explanation.candidates}
    assert examined == {click.id for click in some[:MAX_CLICKS]}
    assert verify_all(world.database, world.sealer).different == []
