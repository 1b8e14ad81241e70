"""What an edge reports to its operator: all its processes, and when one is stuck."""

import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.keys import Keys
from salepixel.wire.streams import stream_key
from salepixel_edge.board import STUCK_SECONDS
from salepixel_edge.health import judge_health, write_metrics
from salepixel_edge.shipment import MAX_STREAM
from tests.edge.make import open_journal, payload
from tests.edge.running import RunningEdge, Valkey
from tests.make import CAMPAIGN, LINK
from tests.waiting import until

WELL: dict[str, Any] = {
    "journal": "edge-1",
    "last": 12,
    "durable": 10,
    "shipped": 9,
    "mark": 7,
    "lag": 3,
    "lag_seconds": 1.5,
    "oldest_unshipped_seconds": 0.5,
    "redis": "ok",
    "shipper_stalled_seconds": 0.1,
    "disk": "ok",
    "lost": [0, 0, 0],
    "connections": 4,
    "refused": 0,
    "log_lines_lost": 3,
    "counts": {"clicks": 8, "hits": 2},
    "stuck": False,
}
OTHER = WELL | {"journal": "edge-2", "lag_seconds": 4.0, "counts": {"clicks": 1, "bad_link": 5}}


@pytest.mark.parametrize(
    ("second", "code", "status"),
    [
        ({}, "200", "ok"),
        ({"redis": "unavailable"}, "200", "degraded"),
        ({"redis": "full"}, "200", "degraded"),
        ({"shipper_stalled_seconds": 61.0}, "503", "degraded"),
        ({"disk": "refuses"}, "200", "degraded"),
        ({"disk": "stalled"}, "503", "degraded"),
        ({"stuck": True}, "503", "degraded"),
        ({"stuck": True, "redis": "unavailable"}, "503", "degraded"),
    ],
)
def test_an_edge_is_as_healthy_as_its_worst_process(second: dict[str, Any], code: str, status: str) -> None:
    line, facts = judge_health([WELL, OTHER | second], 2)
    assert (line.split()[0], facts["status"]) == (code, status)
    assert judge_health([OTHER | second, WELL], 2)[1]["status"] == status


def test_an_edge_is_not_ready_until_all_processes_have_started() -> None:
    line, facts = judge_health([WELL], 2)
    assert (line.split()[0], facts["processes"], facts["stuck"]) == ("503", 1, 1)


def test_health_adds_up_all_processes() -> None:
    lost = [WELL | {"lost": [3, 1_000, 2_000]}, OTHER | {"lost": [4, 500, 1_500]}]
    _, facts = judge_health(lost, 2)
    assert facts["counts"] == {"bad_link": 5, "clicks": 9, "hits": 2}
    assert (facts["durable"], facts["lag"], facts["connections"]) == (20, 6, 8)
    assert facts["log_lines_lost"] == 6
    assert facts["lag_seconds"] == 4.0
    assert facts["lost"] == {
        "count": 7,
        "from": "1970-01-01T00:00:00.500Z",
        "to": "1970-01-01T00:00:02.000Z",
    }
    assert (facts["processes"], facts["journals"]) == (2, ["edge-1", "edge-2"])


def test_metrics_are_labelled_by_process() -> None:
    text = write_metrics([WELL, OTHER | {"stuck": True, "lost": [4, 500, 1_500]}]).decode()
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["salepixel_edge_counted_total", "clicks", "edge-1"] == 8
    assert samples["salepixel_edge_counted_total", "bad_link", "edge-2"] == 5
    assert samples["salepixel_edge_journal_lag_records", "edge-1"] == 3
    assert samples["salepixel_edge_journal_lag_seconds", "edge-2"] == 4
    assert samples["salepixel_edge_lost_total", "edge-2"] == 4
    assert samples["salepixel_edge_up", "edge-1", "process"] == 1
    assert samples["salepixel_edge_up", "edge-2", "process"] == 0


@pytest.fixture
def edge(tmp_path: Path, redis_address: str, keys: Keys) -> Iterator[RunningEdge]:
    running = RunningEdge(tmp_path, redis_address, keys, edge_workers="2")
    running.start()
    yield running
    for pid in running.workers():
        os.kill(pid, signal.SIGCONT)
    running.kill()


def test_any_process_reports_for_all_and_a_frozen_one_is_noticed(
    edge: RunningEdge, links: LinkSealer
) -> None:
    path = f"/c/{links.seal(Link(7, CAMPAIGN, LINK, 'https://shop.test/'))}?k=ana"
    assert until(lambda: edge.health()["processes"] == 2)
    for _ in range(40):
        edge.get(path)
    assert until(lambda: edge.health()["counts"].get("clicks") == 40), "whichever process took them"
    with urllib.request.urlopen(f"http://127.0.0.1:{edge.port}/metrics") as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert b"salepixel_edge_counted_total{" in answer.read()
    os.kill(edge.workers()[0], signal.SIGSTOP)

    def is_unwell() -> bool:
        try:
            return edge.get("/healthz", timeout=2).status == 503
        except OSError:  # the frozen one was asked
            return False

    assert until(is_unwell)
    os.kill(edge.workers()[0], signal.SIGCONT)
    assert until(lambda: edge.get("/healthz").status == 200)


def test_a_dead_process_is_no_longer_counted_and_its_successor_is(edge: RunningEdge) -> None:
    assert until(lambda: edge.health()["processes"] == 2)
    before = edge.workers()
    os.kill(before[0], signal.SIGKILL)
    assert until(lambda: len(set(edge.workers()) - set(before)) == 1)
    time.sleep(STUCK_SECONDS)  # as long as the page of the one that died would count
    assert until(lambda: edge.get("/healthz").status == 200)
    assert edge.health()["processes"] == 2


def test_a_dead_process_without_a_successor_is_reported_missing(edge: RunningEdge) -> None:
    assert until(lambda: edge.get("/healthz").status == 200)
    assert edge.process is not None
    # A stuck parent starts no process.
    os.kill(edge.process.pid, signal.SIGSTOP)
    try:
        os.kill(edge.workers()[0], signal.SIGKILL)
        assert edge.get("/healthz").status == 200, "it has a moment for that"
        assert until(lambda: edge.get("/healthz").status == 503)
    finally:
        os.kill(edge.process.pid, signal.SIGCONT)
    assert until(lambda: edge.get("/healthz").status == 200)


def test_an_unfolded_stream_and_journals_of_dead_processes_are_reported(
    tmp_path: Path, path: str, valkey: Valkey, keys: Keys
) -> None:
    left = open_journal(tmp_path / "journal" / "5")
    left.write([payload("left")] * 7)
    left.close()
    edge = RunningEdge(tmp_path, valkey.address, keys)
    edge.start()
    try:
        edge.get(path)
        edge.wait_for("lag", 8)
        edge.wait_for("oldest_unshipped_seconds", 0)  # the stream has a record before its shipper knows
        assert until(lambda: edge.health()["lag_seconds"] > 0.5)
        pipeline = valkey.client.pipeline()
        for _ in range(MAX_STREAM):
            pipeline.xadd(stream_key(left.name), {"r": b""}, id="7-*")
        pipeline.execute()
        edge.wait_for("redis", "full")
        assert (edge.get("/healthz").status, edge.health()["status"]) == (200, "degraded")
    finally:
        edge.kill()
