"""Databases with a world."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from salepixel.keys import Keys
from salepixel.storage.database import Database
from tests.databases import copy_template, open_without_waiting
from tests.use_cases.world import World, fill


@pytest.fixture(scope="session")
def world_files(keys: Keys, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database of a world, and its ids: filling one takes longer than most tests here."""
    folder = tmp_path_factory.mktemp("world")
    database = copy_template(sqlite_template, folder)
    world = fill(database, keys, folder)
    database.close()
    ids = {field.name: getattr(world, field.name) for field in fields(World) if field.default == ""}
    (folder / "world.json").write_text(json.dumps(ids))
    return folder


@pytest.fixture
def sqlite(world_files: Path, tmp_path: Path) -> Iterator[Database]:
    """The database of a world that a test may change."""
    shutil.copytree(world_files, tmp_path, dirs_exist_ok=True)
    database = open_without_waiting(tmp_path)
    yield database
    database.close()
