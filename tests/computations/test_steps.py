"""Computations are done in steps: once, in turn, resumed after a crash, with the result of all at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from rq.timeouts import JobTimeoutException

from salepixel.accounts import store as accounts
from salepixel.accounts.declined import Conflict
from salepixel.accounts.principal import INSTALLATION
from salepixel.clicks.tokens import ClickSealer
from salepixel.computations import store, use_cases
from salepixel.computations.store import Computation, State, Wanted
from salepixel.computations.work import Json, Progress, Task, Tools
from salepixel.money.rates import SHIPPED
from salepixel.storage.database import Database
from salepixel.storage.schema import computation_parts, computations
from salepixel_worker import computing
from tests.make import NOON

COUNT = "count"
WANTED = Wanted(1, COUNT, {"to": 5})
OUT_OF_TIME = -2
Do = Callable[..., bool]


def count(connection: sa.Connection, tools: Tools, task: Task, place: Json) -> Progress:
    """Counts to a number, one in each step, and writes each number into a file."""
    so_far, until = place.get("so_far", 0) + 1, task.parameters["to"]
    if until == OUT_OF_TIME:
        raise JobTimeoutException
    if until < 0:
        raise ValueError("ana@shop.test is in this text")
    if so_far > until:
        return Progress(None, until, until, result={"counted": until})
    return Progress({"so_far": so_far}, so_far, until, part=store.compress(f"{so_far},"))


@pytest.fixture
def do(database: Database, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Does one step, as a worker with other jobs waiting."""
    monkeypatch.setattr(computing, "KINDS", {COUNT: count})
    with database.write() as connection:
        for emp_id in (1, 2):
            accounts.add_account(connection, accounts.Account(emp_id, "Shoes", "EUR", NOON))
    tools = Tools(sealer, SHIPPED)
    return lambda seconds=60.0, waiting=1: computing.compute_some(database, tools, seconds, lambda: waiting)


def ask(database: Database, wanted: Wanted = WANTED, now: datetime | None = None) -> Computation:
    with database.write() as connection:
        return use_cases.request_computation(connection, INSTALLATION, wanted, now or datetime.now(UTC))


def see(database: Database, its_id: str) -> Computation:
    with database.read() as connection:
        return use_cases.see_computation(connection, INSTALLATION, its_id)


def file_of(database: Database, its_id: str) -> str:
    return b"".join(store.read_parts(database, its_id)).decode()


def test_two_equal_requests_are_one_computation(database: Database, do: Do) -> None:
    first = ask(database)
    assert ask(database).id == first.id
    assert ask(database, Wanted(1, COUNT, {"to": 6})).id != first.id
    assert ask(database, Wanted(2, COUNT, {"to": 5})).id != first.id
    do()
    assert ask(database).id == first.id, "also when it runs"


def test_the_progress_grows_and_a_step_is_done_between_other_jobs(database: Database, do: Do) -> None:
    """Another job waits all the time, so each call does one step."""
    asked, seen = ask(database), []
    assert (asked.state, asked.done) == (State.QUEUED, 0)
    while do():
        seen.append(see(database, asked.id))
    assert [(one.done, one.total) for one in seen] == [(n, 5) for n in range(1, 6)]
    assert {one.state for one in seen} == {State.RUNNING}
    done = see(database, asked.id)
    assert (done.state, done.done, done.total) == (State.DONE, 5, 5)
    assert done.as_of == seen[0].as_of
    assert done.finished_at is not None
    assert file_of(database, asked.id) == "1,2,3,4,5,"
    with database.read() as connection:
        assert store.read_result(connection, asked.id) == {"counted": 5}


def test_without_other_jobs_all_steps_are_done_in_one_call(database: Database, do: Do) -> None:
    asked = ask(database)
    assert not do(waiting=0)
    assert see(database, asked.id).state is State.DONE


def test_computations_take_turns(database: Database, do: Do) -> None:
    long, short = ask(database, Wanted(1, COUNT, {"to": 50})), ask(database, Wanted(2, COUNT, {"to": 1}))
    for _ in range(4):
        do()
    assert see(database, short.id).state is State.DONE
    assert see(database, long.id).done == 2


def test_a_killed_worker_loses_one_step_and_nothing_is_counted_twice(database: Database, do: Do) -> None:
    asked = ask(database)
    do()
    with database.write() as connection:
        assert store.claim(connection, datetime.now(UTC)) is not None
    assert not do(), "another worker waits for the lease"
    assert see(database, asked.id).done == 1
    with database.write() as connection:
        connection.execute(sa.update(computations).values(next_at=NOON))
    while do():
        pass
    assert file_of(database, asked.id) == "1,2,3,4,5,"


def test_of_two_workers_that_do_the_same_step_one_stores_it(database: Database, do: Do) -> None:
    asked = ask(database)
    do()
    with database.read() as connection:
        tools: Any = None
        progress = count(connection, tools, Task(1, {"to": 5}, NOON), {"so_far": 1})
    kept = []
    for _ in range(2):
        with database.write() as connection:
            kept.append(store.keep_step(connection, asked.id, 1, progress, datetime.now(UTC)))
    assert kept == [True, False]
    while do():
        pass
    assert file_of(database, asked.id) == "1,2,3,4,5,"


def test_a_deleted_computation_gets_no_more_pieces(database: Database, do: Do) -> None:
    """Its step was under way when a person was erased."""
    asked = ask(database)
    do()
    with database.write() as connection:
        while store.delete_some(connection, computations.c.id == asked.id):
            pass
        progress = Progress({"so_far": 2}, 2, 5, part=store.compress("2,"))
        assert not store.keep_step(connection, asked.id, 1, progress, NOON)
        assert connection.scalar(sa.select(sa.func.count()).select_from(computation_parts)) == 0


def test_a_reader_of_a_deleted_file_gets_an_error_and_no_half_of_it(
    database: Database, do: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PARTS_AT_ONCE", 2)
    asked = ask(database)
    do(waiting=0)
    pieces = store.read_parts(database, asked.id)
    assert next(pieces) == b"1,"
    with database.write() as connection:
        while store.delete_some(connection, computations.c.id == asked.id):
            pass
    with pytest.raises(LookupError):
        list(pieces)


def test_a_failed_step_ends_its_computation_and_no_other(database: Database, do: Do) -> None:
    bad, good = ask(database, Wanted(1, COUNT, {"to": -1})), ask(database)
    do(waiting=0)
    assert see(database, good.id).state is State.DONE
    failed = see(database, bad.id)
    assert failed.state is State.FAILED
    assert failed.error.startswith("ValueError")
    assert "ana" not in failed.error


def test_a_step_that_takes_all_time_of_its_job_is_not_done_again(database: Database, do: Do) -> None:
    slow = ask(database, Wanted(1, COUNT, {"to": OUT_OF_TIME}))
    with pytest.raises(JobTimeoutException):
        do()
    assert see(database, slow.id).state is State.FAILED
    other = ask(database)
    while do():
        pass
    assert see(database, other.id).state is State.DONE


def test_the_last_result_is_given_until_a_newer_one_is_there(database: Database, do: Do) -> None:
    def look(now: datetime) -> use_cases.Computed[Json]:
        with database.read() as connection:
            return use_cases.find_result(connection, INSTALLATION, WANTED, dict, now)

    now = datetime.now(UTC)
    assert look(now).wanted == WANTED
    first = ask(database)
    assert (look(now).result, look(now).computation) == (None, first)
    do(waiting=0)
    found = look(datetime.now(UTC))
    assert (found.result, found.computation, found.wanted) == ({"counted": 5}, None, None)
    later = datetime.now(UTC) + use_cases.FRESH + timedelta(seconds=1)
    assert (look(later).result, look(later).wanted) == ({"counted": 5}, WANTED)
    second = ask(database)
    assert second.id != first.id
    do()
    found = look(datetime.now(UTC))
    assert (found.result, found.as_of and found.as_of >= now) == ({"counted": 5}, True)
    assert found.computation is not None
    do(waiting=0)
    with database.read() as connection:
        ids = set(connection.scalars(sa.select(computations.c.id)))
    assert ids == {first.id, second.id}, "a file stays until it is old: somebody may be reading it"


def test_an_account_has_a_limited_number_under_way(database: Database, do: Do) -> None:
    for n in range(use_cases.MOST_UNDER_WAY):
        ask(database, Wanted(1, COUNT, {"to": n}))
    with pytest.raises(Conflict):
        ask(database, Wanted(1, COUNT, {"to": 1000}))
    ask(database, Wanted(1, COUNT, {"to": 3}))
    ask(database, Wanted(2, COUNT, {"to": 1000}))
