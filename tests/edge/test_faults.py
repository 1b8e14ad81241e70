"""Faults of disk, descriptors, Redis and clock, by real means: visitors are sent on, and what was answered
arrives once or is counted as lost exactly.

Kills, stops and freezes: test_kills.py. A Redis that is killed, frozen or flushed: test_shipper.py.
"""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis.exceptions import ResponseError

from salepixel.clicks.records import ClickRecord, LossRecord
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.wire.streams import read_frames
from salepixel_worker.fold import fold_all
from salepixel_worker.sweep import republish
from tests.edge.make import Fold, make_unreadable
from tests.edge.running import AGENT, RunningEdge, Valkey
from tests.edge.visitors import Visitors, folded, has_all
from tests.waiting import PATIENCE_SECONDS, until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="to mount a small disk one must be root")


@pytest.fixture
def edge(tmp_path: Path, valkey: Valkey, keys: Keys) -> Iterator[RunningEdge]:
    """Not started yet."""
    running = RunningEdge(tmp_path / "edge", valkey.address, keys, edge_segment_bytes="4096")
    yield running
    running.kill()


class Disk:
    """The folder of journals on a disk of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    def mount(self, *arguments: str) -> None:
        """Mount, or mount differently as soon as those who were killed have let go."""
        command = ["mount", *arguments, str(self.folder)]
        assert until(lambda: subprocess.run(command, check=False, timeout=10).returncode == 0)

    def fill(self) -> Path:
        """Take all the room; gives the file that does."""
        filler = self.folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        return filler

    def close(self) -> None:
        # Lazily: an edge that was killed may need a moment to let go.
        subprocess.run(["umount", "-l", str(self.folder)], check=False, timeout=10)


@pytest.fixture
def small_disk(edge: RunningEdge) -> Iterator[Disk]:
    disk = Disk(edge.data / "journal")
    disk.mount("-t", "tmpfs", "-o", "size=512k", "none")
    yield disk
    edge.kill()
    disk.close()


def click(edge: RunningEdge, path: str, sealer: ClickSealer, count: int) -> list[bytes]:
    """So many clicks; gives their ids."""
    answers = [edge.get(path) for _ in range(count)]
    assert {answer.status for answer in answers} == {302}
    tokens = [answer.header("location").partition("spx=")[2] for answer in answers]
    return [sealer.open(token).id for token in tokens]


def losses(fold: Fold) -> list[LossRecord]:
    return [record for record in fold.records if isinstance(record, LossRecord)]


def has_losses(fold: Fold, count: int) -> bool:
    fold.turn()
    return sum(loss.count for loss in losses(fold)) >= count


# Descriptors


def test_more_connections_than_descriptors_are_refused_and_the_journal_goes_on(
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


def test_a_process_without_any_free_descriptor_recovers(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    """The limit is lowered under a running edge, below what it was told at the start."""
    edge.start()
    answered = click(edge, path, sealer, 1)
    (worker,) = edge.workers()
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{worker}/fd").iterdir()))
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 2, before[1]))
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(socket.create_connection(("127.0.0.1", edge.port), timeout=PATIENCE_SECONDS))
        assert until(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) >= used + 2)
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


# Disk


@needs_root
def test_a_full_disk_delays_nobody_and_the_loss_is_in_the_report_exactly(
    edge: RunningEdge, small_disk: Disk, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge.start()
    answered = click(edge, path, sealer, 5)
    filler = small_disk.fill()
    begun = time.time_ns() // 1_000_000
    tried: list[bytes] = []
    while edge.health()["lost"]["count"] < 20:
        assert len(tried) < 200
        tried += click(edge, path, sealer, 5)  # the last page of the open segment still takes some
    lost = edge.health()["lost"]["count"]
    ended = time.time_ns() // 1_000_000
    filler.unlink()
    answered += click(edge, path, sealer, 5)
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, answered) and has_losses(fold, lost))
    assert (
        sum(loss.count for loss in losses(fold)) == lost == len(tried) - len(set(tried) & set(folded(fold)))
    )
    assert all(begun <= loss.from_ms <= loss.to_ms <= ended for loss in losses(fold))
    assert len(folded(fold)) == len(set(folded(fold)))


@needs_root
@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_a_restart_while_the_disk_is_full_forgets_no_loss(
    edge: RunningEdge, small_disk: Disk, path: str, sealer: ClickSealer, valkey: Valkey, end: str
) -> None:
    edge.start()
    answered = click(edge, path, sealer, 5)
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, answered))
    filler = small_disk.fill()
    tried: list[bytes] = []
    lost = 0
    for _ in range(2):
        edge.kill()
        edge.start()
        while (state := edge.health()["lost"]["count"]) < 20:
            assert len(tried) < 400
            tried += click(edge, path, sealer, 5)
        lost += state
        if end == "SIGTERM":
            edge.terminate()
        edge.kill()
    filler.unlink()
    edge.start()  # and nobody clicks
    assert until(lambda: has_losses(fold, lost))
    answered += click(edge, path, sealer, 5)
    edge.kill()
    edge.start()
    answered += click(edge, path, sealer, 5)
    assert until(lambda: has_all(fold, answered))
    assert (
        sum(loss.count for loss in losses(fold)) == lost == len(tried) - len(set(tried) & set(folded(fold)))
    )


@needs_root
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_an_edge_that_finds_no_room_for_a_journal_serves_and_counts_and_takes_one_later(
    edge: RunningEdge, small_disk: Disk, path: str, sealer: ClickSealer, valkey: Valkey, fault: str
) -> None:
    filler = small_disk.fill()
    if fault == "read-only":
        filler.unlink()
        small_disk.mount("-o", "remount,ro")
    edge.start()
    click(edge, path, sealer, 7)
    health = edge.health()
    assert (health["status"], health["disk"], health["lost"]["count"]) == ("degraded", "refuses", 7)
    time.sleep(1.2)  # it has tried again by now
    assert len(list(small_disk.folder.glob("*/"))) <= 1, "and makes no folder for each time"
    if fault == "read-only":
        small_disk.mount("-o", "remount,rw")
    else:
        filler.unlink()
    edge.wait_for("disk", "ok")
    answered = click(edge, path, sealer, 3)
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, answered) and has_losses(fold, 1))
    assert [loss.count for loss in losses(fold)] == [7]
    assert sorted(folded(fold)) == sorted(answered)


@needs_root
def test_what_a_disk_holds_that_is_read_only_at_the_start_is_shipped(
    edge: RunningEdge, small_disk: Disk, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge.start()
    valkey.signal(signal.SIGSTOP)
    answered = click(edge, path, sealer, 40)
    edge.kill()
    valkey.signal(signal.SIGCONT)
    with (small_disk.folder / "0" / "00000000000000000001.seg").open("ab") as segment:
        segment.write(b"torn")
    small_disk.mount("-o", "remount,ro")
    edge.start()
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, answered))
    click(edge, path, sealer, 2)
    assert edge.health()["lost"]["count"] == 2
    small_disk.mount("-o", "remount,rw")
    assert until(lambda: has_losses(fold, 2))
    assert sorted(folded(fold)) == sorted(answered)


@needs_root
def test_a_file_system_that_turns_read_only_under_a_running_edge_loses_only_what_is_counted(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey, tmp_path: Path
) -> None:
    """As ext4 does by itself when its disk fails."""
    disk, image = Disk(edge.data / "journal"), tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(4 * 1024 * 1024)
    try:
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, timeout=10)
        disk.mount("-o", "loop", str(image))
    except (OSError, AssertionError, subprocess.CalledProcessError):
        pytest.skip("there is no ext4 on a loop device here")
    try:
        edge.start()
        answered = click(edge, path, sealer, 30)
        disk.mount("-o", "remount,abort")
        click(edge, path, sealer, 9)
        assert edge.health()["lost"]["count"] == 9
        fold = Fold(valkey.client)
        assert until(lambda: has_all(fold, answered))
        assert sorted(folded(fold)) == sorted(answered)
        assert until(lambda: edge.health()["mark"] == 30), "shipping goes on where nothing can be freed"
    finally:
        edge.kill()
        disk.close()


def test_a_segment_that_cannot_be_read_at_a_start_holds_up_nothing_else(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge.start()
    valkey.signal(signal.SIGSTOP)
    before = click(edge, path, sealer, 60)
    edge.kill()
    *_, previous, newest = sorted((edge.data / "journal" / "0").glob("*.seg"))
    make_unreadable(newest)
    lost = 60 - (int(newest.stem) - 1)
    assert 0 < lost < int(newest.stem) - int(previous.stem) + 1
    valkey.signal(signal.SIGCONT)
    edge.start()
    after = click(edge, path, sealer, 10)
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, before[:-lost] + after))
    assert not set(before[-lost:]) & set(folded(fold))


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_records_damaged_under_a_running_edge_cost_only_themselves(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey, damage: str
) -> None:
    """The edge ships what it wrote itself without looking; the fold looks, and asks for it again."""
    edge.start()
    valkey.signal(signal.SIGSTOP)
    clicked = click(edge, path, sealer, 90)
    _, second, third, *_ = sorted((edge.data / "journal" / "0").glob("*.seg"))
    content = second.read_bytes()
    middle = len(content) // 2
    whole = [number for number, _, end in read_frames(content) if end <= middle]
    if damage == "flipped":
        second.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])
        spoiled = range(whole[-1] + 1, whole[-1] + 2)
    else:
        second.write_bytes(content[:middle])
        spoiled = range(whole[-1] + 1, int(third.stem))
    valkey.signal(signal.SIGCONT)
    fold = Fold(valkey.client)
    intact = [click_id for number, click_id in enumerate(clicked, 1) if number not in spoiled]
    assert until(lambda: has_all(fold, intact))
    arrived = folded(fold)
    assert sorted(arrived) == sorted(intact)
    assert fold.lost == len(spoiled), "and the worker counts them"
    assert edge.health()["lost"]["count"] == 0


def test_damage_to_what_is_in_the_database_is_no_loss(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey
) -> None:
    edge.start()
    fold = Fold(valkey.client)
    answered = click(edge, path, sealer, 20)
    assert until(lambda: has_all(fold, answered))
    edge.kill()
    for segment in (edge.data / "journal" / "0").glob("*.seg"):
        content = segment.read_bytes()
        segment.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])
    edge.start()
    answered += click(edge, path, sealer, 1)
    assert until(lambda: has_all(fold, answered))
    assert (len(fold.records), fold.lost) == (21, 0)


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
    edge.wait_for("redis", "away")
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
    edge.wait_for("redis", "away")
    valkey.client.delete("other")
    fold = Fold(valkey.client)
    assert until(lambda: has_all(fold, answered))
    assert len(folded(fold)) == 50


def test_a_redis_that_loads_is_waited_for(
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
    edge.wait_for("redis", "away")
    fold = Fold(valkey.client)
    assert until(valkey.answers)
    assert until(lambda: has_all(fold, answered))
    assert len(folded(fold)) == 25


def test_a_redis_that_comes_back_empty_gets_what_is_not_in_the_database(
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


def test_a_journal_set_back_while_redis_is_away_gives_no_number_twice(
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


def test_a_database_from_a_backup_is_shipped_to_though_nobody_clicks(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey, sqlite: Database
) -> None:
    """Redis still has the mark and the stream of what the database has lost."""
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


def test_a_clock_that_steps_gives_no_click_twice_and_loses_none(
    tmp_path: Path, path: str, keys: Keys, sealer: ClickSealer, valkey: Valkey
) -> None:
    """Back by a day, ahead by an hour, and standing still: ids stay unique, records in their sequence."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    edge = RunningEdge(tmp_path / "edge", valkey.address, keys, program=_stepping(clock))
    edge.start()
    visitors = Visitors(edge, path, sealer)
    try:
        for step in ("-86400", "3600", "stands", "0"):
            visitors.wait_for(50)
            clock.write_text(step)
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


def _stepping(clock: Path) -> list[str]:
    """The edge, by a clock that a file sets: seconds to add, or "stands"."""
    return [
        sys.executable,
        "-c",
        f"""
import time
from pathlib import Path
now_ns, stood = time.time_ns, time.time_ns()

def stepped_ns():
    step = Path({str(clock)!r}).read_text() or "0"
    return stood if step == "stands" else now_ns() + int(step) * 1_000_000_000

time.time_ns = stepped_ns
time.time = lambda: stepped_ns() / 1e9
from salepixel_edge.server import main
main()
""",
    ]
