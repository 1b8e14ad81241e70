"""Faults of descriptors, Redis and clock, by real means: each answered click arrives once.

The disk: test_disk.py. Kills, stops and freezes: test_kills.py.
A Redis that is killed, frozen or flushed: test_shipper.py.
"""

import resource
import shutil
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis.exceptions import ResponseError

from salepixel.clicks.records import ClickRecord
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel_worker.fold import fold_all
from salepixel_worker.sweep import republish
from tests.edge.make import Fold
from tests.edge.running import AGENT, RunningEdge, Valkey
from tests.edge.visitors import Visitors, click, folded, has_all
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.long

# Descriptors


def test_connections_beyond_the_descriptors_are_refused_and_the_journal_keeps_working(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge.start(RLIMIT_NOFILE=128)
    answered = click(edge, path, sealer, 3)
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: {AGENT}\r\n\r\n".encode()
    served, refused = 0, 0
    with ExitStack() as stack:
        for _ in range(300):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", edge.port), timeout=PATIENCE_SECONDS)
            )
            with suppress(ConnectionError):
                client.sendall(request)
            status = client.recv(12)
            served, refused = served + (status[9:] == b"302"), refused + (status[9:] == b"503")
    assert (served, refused) == (64, 236), "64 descriptors are kept for the journal"
    assert len(list((edge.data / "journal" / "0").glob("*.seg"))) > 1, "a new segment found its descriptor"
    assert until(lambda: edge.get("/robots.txt").status == 200)
    answered += click(edge, path, sealer, 3)
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, answered))
    assert len(folded(fold)) == 70
    assert edge.health()["lost"]["count"] == 0


def test_a_process_without_free_descriptors_recovers(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    """The limit of a running edge is lowered below the one that it read at the start."""
    edge.start()
    answered = click(edge, path, sealer, 1)
    (worker,) = edge.workers()
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{worker}/fd").iterdir()))
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 2, before[1]))
    with ExitStack() as stack:

        def is_out_of_descriptors() -> bool:
            # Again and again: the edge ends clients that send nothing, before a busy machine has looked.
            for _ in range(10):
                stack.enter_context(
                    socket.create_connection(("127.0.0.1", edge.port), timeout=PATIENCE_SECONDS)
                )
            return len(list(Path(f"/proc/{worker}/fd").iterdir())) >= used + 2

        assert until(is_out_of_descriptors)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
    assert until(lambda: _serves(edge))
    answered += click(edge, path, sealer, 30)
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, answered))
    assert edge.workers() == [worker]


def _serves(edge: RunningEdge) -> bool:
    with suppress(OSError):
        return edge.get("/robots.txt", timeout=1).status == 200
    return False


# Redis


def test_a_redis_whose_snapshots_fail_is_waited_for(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    valkey.close()
    folder = valkey.folder / "gone"
    folder.mkdir()
    valkey.start("--appendonly", "no", "--save", "3600 1", "--dir", str(folder))
    edge.start()
    fold = Fold(valkey.client)
    answered = click(edge, path, sealer, 5)
    assert until(lambda: has_all(fold, answered))
    shutil.rmtree(folder)
    valkey.client.bgsave()

    def refuses() -> bool:
        try:
            valkey.client.set("x", 1)
        except ResponseError as error:
            return "MISCONF" in str(error)
        return False

    assert until(refuses)
    answered += click(edge, path, sealer, 20)
    edge.wait_for("redis", "unavailable")
    valkey.client.config_set("stop-writes-on-bgsave-error", "no")
    assert until(lambda: has_all(fold, answered))
    assert len(folded(fold)) == 25


def test_a_redis_that_is_full_is_waited_for(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge.start()
    valkey.client.config_set("maxmemory", "3mb")
    with suppress(ResponseError):
        while True:
            valkey.client.rpush("other", b"x" * 10_000)
    answered = click(edge, path, sealer, 50)
    edge.wait_for("redis", "unavailable")
    valkey.client.delete("other")
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, answered))
    assert len(folded(fold)) == 50


def test_a_loading_redis_is_waited_for(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    pipeline = valkey.client.pipeline()
    for number in range(20_000):
        pipeline.set(f"other:{number}", "x")
    pipeline.execute()
    edge.start()
    answered = click(edge, path, sealer, 5)
    edge.wait_for("shipped", 5)
    valkey.signal(signal.SIGKILL)
    valkey.start("--key-load-delay", "20", answers="LOADING")  # microseconds, more or less
    answered += click(edge, path, sealer, 20)
    edge.wait_for("redis", "unavailable")
    fold = Fold(valkey.client)
    assert until(valkey.answers)
    assert until(lambda: has_all(fold, answered))
    assert len(folded(fold)) == 25


def test_an_empty_redis_gets_everything_that_is_not_in_the_database(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge.start()
    fold = Fold(valkey.client)
    answered = click(edge, path, sealer, 30)
    assert until(lambda: has_all(fold, answered))
    answered += click(edge, path, sealer, 30)
    edge.wait_for("shipped", 60)
    valkey.signal(signal.SIGKILL)
    shutil.rmtree(valkey.folder / "valkey")
    answered += click(edge, path, sealer, 5)
    valkey.start()
    assert until(lambda: has_all(fold, answered))
    assert len(folded(fold)) == 65
    assert fold.lost == 0


# Numbers


def test_a_journal_restored_while_redis_is_down_reuses_no_number(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge.start()
    fold = Fold(valkey.client)
    answered = click(edge, path, sealer, 20)
    assert until(lambda: has_all(fold, answered))
    edge.terminate()
    backup = edge.data / "backup"
    shutil.copytree(edge.data / "journal", backup)
    edge.start()
    answered += click(edge, path, sealer, 20)
    assert until(lambda: has_all(fold, answered))
    edge.kill()
    shutil.rmtree(edge.data / "journal")
    backup.rename(edge.data / "journal")
    valkey.signal(signal.SIGKILL)
    edge.start()
    answered += click(edge, path, sealer, 20)
    valkey.start()
    assert until(lambda: has_all(fold, answered))
    assert len(folded(fold)) == 60


def test_a_restored_database_gets_its_clicks_even_without_new_ones(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey, sqlite: Database
) -> None:
    """Redis still has the mark and the stream of clicks that the database has lost."""
    edge.start()
    answered = click(edge, path, sealer, 15)
    edge.wait_for("shipped", 15)
    fold_all(sqlite, valkey.client, sealer, 5)
    edge.wait_for("mark", 15)
    with sqlite.write() as connection:
        connection.execute(sa.update(schema.journals).values(mark=10))
        connection.execute(sa.delete(schema.clicks).where(schema.clicks.c.id.in_(answered[10:])))
    republish(sqlite, valkey.client)

    def is_whole() -> bool:
        fold_all(sqlite, valkey.client, sealer, 5)
        with sqlite.read() as connection:
            return set(connection.scalars(sa.select(schema.clicks.c.id))) == set(answered)

    assert until(is_whole)


# Clocks


def test_a_stepping_clock_neither_doubles_nor_loses_a_click(
    tmp_path: Path, path: str, keys: Keys, sealer: ClickSealer, valkey: Valkey
) -> None:
    """Back by a day, ahead by an hour, and standing still: ids stay unique and records in sequence."""
    clock = tmp_path / "clock"
    _turn(clock, "0")
    edge = RunningEdge(tmp_path / "edge", valkey.address, keys, program=_stepping(clock))
    edge.start()
    visitors = Visitors(edge, path, sealer)
    try:
        for step in ("-86400", "3600", "stands", "0"):
            visitors.wait_for(50)
            _turn(clock, step)
        visitors.wait_for(50)
        assert edge.health()["oldest_unshipped_seconds"] >= 0
    finally:
        visitors.stop()
    fold = Fold(valkey.client)
    try:
        assert until(lambda: has_all(fold, visitors.answered))
    finally:
        edge.kill()
    assert len(folded(fold)) == len(set(visitors.answered)) == len(visitors.answered)
    times = [record.click.clicked_ms for record in fold.records if isinstance(record, ClickRecord)]
    assert max(times) - min(times) > 86_000_000, "the clock did step"


def _turn(clock: Path, step: str) -> None:
    """At once: the edge reads the file for each click, and never the beginning of a new text."""
    draft = clock.with_suffix(".draft")
    draft.write_text(step)
    draft.replace(clock)


def _stepping(clock: Path) -> list[str]:
    """The edge with a clock that a file controls: seconds to add, or "stands"."""
    return [
        sys.executable,
        "-c",
        f"""
import time
from pathlib import Path
now_ns, stood = time.time_ns, time.time_ns()

def stepped_ns():
    step = Path({str(clock)!r}).read_text()
    return stood if step == "stands" else now_ns() + int(step) * 1_000_000_000

time.time_ns = stepped_ns
time.time = lambda: stepped_ns() / 1e9
from salepixel_edge.server import main
main()
""",
    ]
