"""What several tests of the edge stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.running import Valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    folder = tmp_path / "redis"
    folder.mkdir()
    running = Valkey(folder)
    running.start()
    yield running
    running.close()
