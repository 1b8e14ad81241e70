"""Clicks end while others are folded and orders are decided: nobody waits for more than one step."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.clicks.store import store_clicks
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.privacy import retention
from salepixel.privacy.retention import Kept, end_old_rows
from salepixel.privacy.use_cases import change_retention
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums.check import find_wrong_sums
from salepixel_worker.rebuild import verify_all
from salepixel_worker.sweep import reconcile_due, settle_verdicts
from tests.make import NOON, click_at, order
from tests.waiting import PATIENCE_SECONDS, until
from tests.worker.world import World

NOW = NOON + timedelta(days=100)
OLD, ROUNDS, AT_ONCE = 600, 12, 10


@contextmanager
def steps_of_others(database: Database) -> Iterator[list[str]]:
    """The transactions that wrote meanwhile, in their sequence, by the thread that committed them."""
    seen: list[str] = []

    def note(_connection: sa.Connection) -> None:
        seen.append(threading.current_thread().name)

    sa.event.listen(database.engine, "commit", note)
    yield seen
    sa.event.remove(database.engine, "commit", note)


def test_folds_and_orders_go_on_while_clicks_end(
    database: Database, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", AT_ONCE)
    world = World(database, sealer)
    world.connect()
    contacts = [f"c{n}" for n in range(20)]
    signals = [Signal(0), Signal.HEAD]
    for start in range(0, OLD, 100):
        batch = [
            (click_at(NOON + timedelta(minutes=n), contacts[n % 20], serial=n % 7), signals[n % 2])
            for n in range(start, start + 100)
        ]
        with database.write() as connection:
            store_clicks(connection, batch)
    for n in range(10):
        bought = click_at(NOON + timedelta(minutes=n), contacts[n], serial=n % 7)
        world.order(order(id=f"O{n}", number=f"{n}", click_token=sealer.seal(bought)))
    world.reconcile()
    with database.write() as connection:
        change_retention(connection, INSTALLATION, 1, dict.fromkeys(Kept) | {Kept.CLICKS: 44})
    problems: list[BaseException] = []
    done, ended = Counter[str](), threading.Event()

    def rounds(name: str) -> Iterator[int]:
        """ROUNDS at once, then about one per step, until all old clicks have ended, however long it takes."""
        for n in count():
            if n >= ROUNDS and ended.wait(retention.YIELD_SECONDS):
                return
            yield n
            done[name] += 1

    def end() -> None:
        try:
            end_old_rows(database, NOW, 60)
        finally:
            ended.set()

    def fold() -> None:
        for n in rounds("fold"):
            at = NOW + timedelta(seconds=30 * n)
            some = [(click_at(at, ref, serial=i), Signal(0)) for i, ref in enumerate(contacts)]
            with database.write() as connection:
                store_clicks(connection, some)
            settle_verdicts(database, NOW + timedelta(days=1), 0)

    def decide() -> None:
        for n in rounds("decide"):
            bought = click_at(NOW + timedelta(seconds=30 * n), contacts[n % 20], serial=n % 20)
            world.order(order(id=f"N{n}", number=f"N{n}", placed_at=NOW, click_token=sealer.seal(bought)))
            while reconcile_due(database, sealer, 100):
                pass

    def attempt(work: object) -> None:
        try:
            assert callable(work)
            work()
        except BaseException as problem:
            problems.append(problem)

    with steps_of_others(database) as seen:
        others = [threading.Thread(target=attempt, args=(work,), name="other") for work in (fold, decide)]
        ending = threading.Thread(target=attempt, args=(end,), name="ends")
        for thread in others:
            thread.start()
        assert until(lambda: problems or len(done) == len(others))
        ending.start()
        for thread in (ending, *others):
            thread.join(120)
            assert not thread.is_alive()
    assert problems == []
    first, last = seen.index("ends"), len(seen) - seen[::-1].index("ends")
    assert seen[first:last].count("ends") > OLD / AT_ONCE, "in steps"
    assert "other" in seen[first:last], "others wrote between the steps"
    with database.read() as connection:
        assert find_wrong_sums(connection) == []
        kept = connection.scalar(sa.select(sa.func.count()).select_from(schema.clicks))
        decided = connection.scalar(sa.select(sa.func.count()).select_from(schema.decisions))
    assert (kept, decided) == (done["fold"] * len(contacts), 10 + done["decide"]), "none is lost"
    assert verify_all(database, sealer).different == []


def test_a_fold_of_other_contacts_does_not_even_wait_for_a_step(
    postgresql_database: Database, sealer: ClickSealer
) -> None:
    """A step has the locks of a fold: only clicks of its own contacts, and orders, wait until it ends."""
    world = World(postgresql_database, sealer)
    world.connect()
    for n in range(3):
        world.click(click_at(NOON, f"c{n}", serial=n))
    world.order(order(click_token=sealer.seal(click_at(NOON, "c1", serial=1))))
    world.reconcile()
    with postgresql_database.write() as connection:
        change_retention(connection, INSTALLATION, 1, dict.fromkeys(Kept) | {Kept.CLICKS: 44})
    opened, done = threading.Event(), threading.Event()

    def hold(connection: sa.Connection) -> None:
        if threading.current_thread().name == "ends" and connection.info.pop("ends", None):
            opened.set()
            done.wait(PATIENCE_SECONDS)

    def mark(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM clicks"):
            connection.info["ends"] = True

    engine = postgresql_database.engine
    sa.event.listen(engine, "commit", hold)
    sa.event.listen(engine, "before_cursor_execute", mark)
    ending = threading.Thread(target=end_old_rows, args=(postgresql_database, NOW, 60), name="ends")
    ending.start()
    try:
        assert opened.wait(PATIENCE_SECONDS)
        with postgresql_database.write() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
            store_clicks(connection, [(click_at(NOW, "dee", serial=9), Signal(0))])
    finally:
        done.set()
        ending.join(PATIENCE_SECONDS)
        sa.event.remove(engine, "commit", hold)
        sa.event.remove(engine, "before_cursor_execute", mark)
    assert not ending.is_alive()
    world.reconcile()
    assert verify_all(postgresql_database, sealer).different == []
