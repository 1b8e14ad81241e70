"""Fixtures for several tests of the edge."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.keys import Keys
from salepixel_edge import shipper as shipper_module
from salepixel_edge.journal import Journal, take_slot
from tests.edge.records import SEGMENT
from tests.edge.running import RunningEdge, Valkey
from tests.edge.shipping import Shipping
from tests.make import CAMPAIGN, LINK


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    folder = tmp_path / "redis"
    folder.mkdir()
    running = Valkey(folder)
    running.start()
    yield running
    running.close()


@pytest.fixture
def path(links: LinkSealer) -> str:
    return f"/c/{links.seal(Link(7, CAMPAIGN, LINK, 'https://shop.test/'))}?k=ana"


@pytest.fixture
def slots(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(slots: Path) -> Iterator[Journal]:
    opened = take_slot(slots, "edge", SEGMENT)
    yield opened
    opened.close()


@pytest.fixture
def edge(tmp_path: Path, valkey: Valkey, keys: Keys) -> Iterator[RunningEdge]:
    """Not started yet."""
    running = RunningEdge(tmp_path / "edge", valkey.address, keys, edge_segment_bytes="4096")
    yield running
    running.kill()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter waits than in operation."""
    monkeypatch.setattr(shipper_module, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(shipper_module, "ADOPT_SECONDS", 0.1)
    monkeypatch.setattr(shipper_module, "RETRY_SECONDS", 0.05)


@pytest.fixture
def shipping(tmp_path: Path, journal: Journal, valkey: Valkey, quick: None) -> Iterator[Shipping]:
    running = Shipping(tmp_path, journal, valkey.address)
    yield running
    running.shipper.stop()
