"""A world with a shop, for the tests of reconciling and of what changes it."""

import pytest

from salepixel.clicks.tokens import ClickSealer
from salepixel.storage.database import Database
from tests.worker.world import World


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    world = World(database, sealer)
    world.connect()
    return world
