"""The plugin's application for tests: its routes are built once, and each test has its own stores."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from apiflask import APIFlask
from redis import Redis

from salepixel.keys import Keys
from salepixel.settings import PluginSettings
from salepixel.storage.database import Database
from salepixel_plugin.app import attach, make_routes

routes = cache(make_routes)


@contextmanager
def attached_app(
    settings: PluginSettings, *, database: Database, redis: Redis, keys: Keys
) -> Iterator[APIFlask]:
    """The application with these stores, for one test at a time."""
    app = routes()
    assert "salepixel" not in app.extensions, "another test has it"
    bare = dict(app.extensions)
    attach(app, settings, database=database, redis=redis, keys=keys)
    try:
        yield app
    finally:
        app.extensions.clear()
        app.extensions.update(bare)
