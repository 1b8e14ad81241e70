"""The edge killed, stopped and orphaned: every answered click is on disk and reaches the worker."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis import Redis

from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.wire.streams import stream_key
from salepixel_worker.fold import fold_all
from salepixel_worker.journals import known_journals
from tests.edge.make import Fold
from tests.edge.running import RunningEdge, Valkey, eventually_gone
from tests.edge.visitors import Visitors, folded, has_all
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.long

ROUNDS = int(os.environ.get("KILL_ROUNDS", "6"))
"""`make soak` asks for more."""


@pytest.fixture
def edge(tmp_path: Path, redis_address: str, redis: Redis, keys: Keys) -> Iterator[RunningEdge]:
    running = RunningEdge(tmp_path, redis_address, keys, edge_segment_bytes="8192", edge_workers="2")
    running.start()
    yield running
    running.kill()


def test_after_kill_9_each_answered_click_is_in_the_database_once(
    tmp_path: Path, path: str, keys: Keys, sealer: ClickSealer, sqlite: Database, valkey: Valkey
) -> None:
    edge = RunningEdge(tmp_path, valkey.address, keys, edge_segment_bytes="8192", edge_workers="2")
    edge.start()
    chance = random.Random(302)  # noqa: S311
    visitors = Visitors(edge, path, sealer)
    try:
        for turn in range(ROUNDS):
            visitors.wait_for(20)
            time.sleep(chance.uniform(0, 0.2))
            if turn % 3 == 0:
                # Its parent starts another, or ends when that happens too often, and is started again.
                os.kill(chance.choice(edge.workers()), signal.SIGKILL)
                time.sleep(0.1)
                if edge.is_running():
                    continue
            edge.kill()
            if turn % 3 == 1:
                fold_all(sqlite, valkey.client, sealer, 5)
                edge.start()
            else:
                valkey.signal(signal.SIGKILL)
                edge.start()
                visitors.wait_for(20)
                valkey.start()
        visitors.wait_for(20)
        visitors.stop()
        assert until(lambda: has_each_once(sqlite, valkey, sealer, visitors.answered))
    finally:
        visitors.stop()
        edge.kill()
    with sqlite.read() as connection:
        assert connection.execute(sa.select(schema.losses)).all() == []


def test_removing_one_of_two_edges_on_one_redis_loses_nothing(
    tmp_path: Path, path: str, keys: Keys, sealer: ClickSealer, sqlite: Database, valkey: Valkey
) -> None:
    first, second = (
        RunningEdge(tmp_path / name, valkey.address, keys, edge_segment_bytes="8192", edge_name=name)
        for name in ("madrid", "paris")
    )
    crowds = []
    try:
        for edge in (first, second):
            edge.start()
            crowds.append(Visitors(edge, path, sealer, count=2))
        for crowd in crowds:
            crowd.wait_for(50)
        first.kill()
        crowds[1].wait_for(50)
        fold_all(sqlite, valkey.client, sealer, 5)
        # A new machine with the disk of the removed one.
        again = RunningEdge(tmp_path / "madrid", valkey.address, keys, edge_name="madrid")
        again.start()
        answered = []
        for crowd in crowds:
            crowd.stop()
            answered += crowd.answered
        assert until(lambda: has_each_once(sqlite, valkey, sealer, answered))
        names = {name.split("-")[0] for name in known_journals(valkey.client)}
        assert names == {"madrid", "paris"}
        again.kill()
    finally:
        for crowd in crowds:
            crowd.stop()
        for edge in (first, second):
            edge.kill()


def has_each_once(sqlite: Database, valkey: Valkey, sealer: ClickSealer, answered: list[bytes]) -> bool:
    """Fold once more; true if all these clicks are in the database, each once."""
    fold_all(sqlite, valkey.client, sealer, 5)
    with sqlite.read() as connection:
        stored = connection.scalars(sa.select(schema.clicks.c.id)).all()
    assert len(stored) == len(set(stored))
    return set(answered) <= set(stored)


def test_sigterm_answers_waiting_clients_and_ships_everything(
    edge: RunningEdge, path: str, sealer: ClickSealer, redis: Redis
) -> None:
    visitors = Visitors(edge, path, sealer)
    try:
        assert until(lambda: len(visitors.answered) > 50)
        assert edge.terminate() == 0
    finally:
        visitors.stop()
    fold = Fold(redis)
    for _ in range(20):
        fold.turn()
    assert set(visitors.answered) <= set(folded(fold)), "shipped before the processes ended"


NOT_HEEDED = "process_killed"


def test_a_stopping_edge_answers_connected_clients_and_refuses_new_ones(edge: RunningEdge, path: str) -> None:
    address = "127.0.0.1", edge.port
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connected:
        assert edge.process is not None
        edge.process.terminate()
        # A connection left in the accept queue would end without an answer.
        connected.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connected.recv(4096).startswith(b"HTTP/1.1 302")
    assert until(lambda: not takes_connections(address))
    assert edge.process.wait(PATIENCE_SECONDS) == 0


def takes_connections(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("after", [0.0, 0.15, 0.3, 0.6])
def test_an_edge_stopped_during_its_start_ends(
    tmp_path: Path, redis_address: str, keys: Keys, after: float
) -> None:
    starting = RunningEdge(tmp_path, redis_address, keys, edge_workers="2")
    starting.start(wait=False)
    try:
        assert until(lambda: len(starting.workers()) == 2)
        time.sleep(after)
        workers = starting.workers()
        starting.terminate()
        assert NOT_HEEDED not in (tmp_path / "edge.log").read_text()
        assert eventually_gone(workers)
    finally:
        starting.kill()


def test_a_restarted_process_reopens_its_journal(edge: RunningEdge, path: str, redis: Redis) -> None:
    assert until(lambda: len(journals(edge)) == 2)
    for _ in range(20):
        edge.get(path)
    # A journal that Redis does not know is not continued: its numbers may have been given before.
    assert until(lambda: all(stream_exists(redis, name) for name in used_journals(edge)))
    names = used_journals(edge)
    for _ in range(3):
        edge.kill()
        edge.start()
    # Another process may hold a dead one's slot for a moment, to ship what is left of it.
    assert names <= journals(edge)
    assert len(journals(edge)) <= 3


def journals(edge: RunningEdge) -> set[str]:
    return {file.read_text() for file in (edge.data / "journal").glob("*/name")}


def used_journals(edge: RunningEdge) -> set[str]:
    return {(file.parent / "name").read_text() for file in (edge.data / "journal").glob("*/*.seg")}


def stream_exists(redis: Redis, journal: str) -> bool:
    return bool(redis.exists(stream_key(journal)))


def test_workers_end_after_their_parent_was_killed(edge: RunningEdge) -> None:
    assert until(lambda: len(journals(edge)) == 2), "both have begun"
    workers = edge.workers()
    assert len(workers) == 2
    assert edge.process is not None
    edge.process.kill()
    edge.process.wait()
    try:
        assert eventually_gone(workers)
    finally:
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    edge.start()  # the port is free


def test_an_edge_that_cannot_fork_serves_with_the_processes_it_has_and_retries(
    tmp_path: Path, redis_address: str, path: str, keys: Keys
) -> None:
    refusing = tmp_path / "refusing"
    edge = RunningEdge(
        tmp_path / "edge", redis_address, keys, program=_without_processes(refusing), edge_workers="2"
    )
    edge.start()
    try:
        assert until(lambda: len(edge.workers()) == 2)
        refusing.touch()
        stays, dies = edge.workers()
        os.kill(dies, signal.SIGKILL)
        assert until(lambda: "process_not_started" in (tmp_path / "edge" / "edge.log").read_text())
        assert edge.get(path).status == 302
        assert edge.workers() == [stays]
        os.kill(stays, signal.SIGKILL)
        assert until(lambda: edge.workers() == [])
        refusing.unlink()
        edge.wait()
        assert until(lambda: len(edge.workers()) == 2)
        refusing.touch()
        os.kill(edge.workers()[0], signal.SIGKILL)
        assert until(lambda: len(edge.workers()) == 1)
        assert edge.terminate() == 0
        assert NOT_HEEDED not in (tmp_path / "edge" / "edge.log").read_text()
    finally:
        edge.kill()


def _without_processes(refusing: Path) -> list[str]:
    """The edge on a machine that cannot start a process while a file exists."""
    return [
        sys.executable,
        "-c",
        f"""
import os
from errno import EAGAIN
from pathlib import Path
fork = os.fork

def refuse_or_fork():
    if Path({str(refusing)!r}).exists():
        raise OSError(EAGAIN, os.strerror(EAGAIN))
    return fork()

os.fork = refuse_or_fork
from salepixel_edge.server import main
main()
""",
    ]


def is_stopped(pid: int) -> bool:
    return "State:\tT" in Path(f"/proc/{pid}/status").read_text()


def test_a_frozen_edge_continues_where_it_stopped(edge: RunningEdge, path: str, sealer: ClickSealer) -> None:
    visitors = Visitors(edge, path, sealer)
    try:
        assert until(lambda: len(visitors.answered) > 20)
        workers = edge.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        assert until(lambda: all(is_stopped(pid) for pid in workers))
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        before = len(visitors.answered)
        assert until(lambda: len(visitors.answered) > before + 20)
    finally:
        visitors.stop()
    assert edge.workers() == workers


def test_no_visitor_waits_for_redis(
    tmp_path: Path, path: str, keys: Keys, sealer: ClickSealer, redis: Redis, redis_address: str
) -> None:
    away = RunningEdge(tmp_path, f"unix://{tmp_path}/nobody.sock", keys)
    away.start()
    visitors = Visitors(away, path, sealer, count=2)
    try:
        assert until(lambda: len(visitors.answered) > 200), "each would wait for 2 s, or for 5"
        assert until(lambda: away.health()["oldest_unshipped_seconds"] > 0.3)
        health = away.health()
        answer = away.get("/healthz")
    finally:
        visitors.stop()
        away.kill()
    assert (answer.status, health["status"], health["redis"]) == (200, "degraded", "unavailable")
    assert health["lag"] == health["durable"] > 0
    again = RunningEdge(tmp_path, redis_address, keys)
    again.start()
    fold = Fold(redis)
    try:
        assert until(lambda: has_all(fold, visitors.answered))
    finally:
        again.kill()


def test_no_visitor_waits_for_a_hanging_redis(
    tmp_path: Path, path: str, keys: Keys, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge = RunningEdge(tmp_path, valkey.address, keys)
    edge.start()
    visitors = Visitors(edge, path, sealer, count=2)
    try:
        assert until(lambda: len(visitors.answered) > 20)
        valkey.signal(signal.SIGSTOP)
        visitors.wait_for(200)
        valkey.signal(signal.SIGCONT)
        fold = Fold(valkey.client)
        visitors.stop()
        assert until(lambda: has_all(fold, visitors.answered))
    finally:
        visitors.stop()
        edge.kill()


def test_an_edge_restarted_without_redis_keeps_its_directory(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "directory.json").write_text(
        '{"accounts": {"7": ["", ""]}, "require_signature": [], "links": {}}'
    )
    away = RunningEdge(tmp_path, f"unix://{tmp_path}/nobody.sock", keys)
    away.start()
    try:
        assert away.get("/track/sale?empId=7").header("x-salepixel") == "counted"
        assert away.get("/track/sale?empId=8").header("x-salepixel") == "ignored; unknown_account"
    finally:
        assert away.terminate() == 0


def test_all_invalid_settings_are_named_at_the_start(tmp_path: Path) -> None:
    reported = subprocess.run(
        [sys.executable, "-m", "salepixel_edge.server"],
        env={"SALEPIXEL_DATA": str(tmp_path), "SALEPIXEL_EDGE_PORT": "x", "SALEPIXEL_EDGE_NAME": "a b"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert reported.returncode == 2
    assert [line.split("=")[0] for line in reported.stderr.splitlines()] == [
        "SALEPIXEL_EDGE_PORT",
        "SALEPIXEL_EDGE_NAME",
    ]
