"""Faults of the disk, by real means: each answered click arrives once, or is counted as lost."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from salepixel.clicks.tokens import ClickSealer
from salepixel.wire.streams import read_frames
from tests.edge.make import Fold, make_unreadable
from tests.edge.running import RunningEdge, Valkey
from tests.edge.visitors import click, folded, has_all, has_losses, losses
from tests.waiting import until

pytestmark = pytest.mark.long

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="to mount a small disk one must be root")


class Disk:
    """The folder of journals on a disk of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    def mount(self, *arguments: str) -> None:
        """Mount, or remount once killed processes have released it."""
        command = ["mount", *arguments, str(self.folder)]
        assert until(lambda: subprocess.run(command, check=False, timeout=10).returncode == 0)

    def fill(self) -> Path:
        """Fill the disk; gives the file that does."""
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


@needs_root
def test_a_full_disk_delays_no_visitor_and_the_exact_loss_is_reported(
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
def test_an_edge_without_room_for_a_journal_serves_counts_and_opens_one_later(
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
def test_records_on_a_disk_that_is_read_only_at_the_start_are_shipped(
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
def test_a_file_system_that_turns_read_only_loses_only_counted_clicks(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey, tmp_path: Path
) -> None:
    """As ext4 does when its disk fails."""
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


def test_an_unreadable_segment_at_the_start_delays_no_other_record(
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
def test_records_damaged_under_a_running_edge_lose_only_themselves(
    edge: RunningEdge, path: str, sealer: ClickSealer, valkey: Valkey, damage: str
) -> None:
    """The edge ships its own records without checking them; the fold checks them and asks for them again."""
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


def test_damage_to_records_already_in_the_database_is_no_loss(
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
