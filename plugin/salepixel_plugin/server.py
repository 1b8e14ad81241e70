"""Starts the plugin: Flask on granian."""

import sys
from pathlib import Path

from apiflask import APIFlask
from granian.constants import Interfaces
from granian.server import Server

from salepixel.keys import BadKeys, load_keys
from salepixel.logs import configure_logs
from salepixel.processes import end_with_parent
from salepixel.redis import open_redis
from salepixel.settings import BadSettings, PluginSettings, environment
from salepixel.storage.database import DatabaseAway, UnsafeDatabase, migrate, open_database
from salepixel.storage.installation import claim_database
from salepixel_plugin.app import create_app, prepare


def create() -> APIFlask:
    """The application of one granian worker process, from the environment."""
    configure_logs()
    end_with_parent()
    settings = PluginSettings.load(environment())
    database = open_database(settings.database_url, settings.data)
    redis = open_redis(settings.redis_address)
    return create_app(settings, database=database, redis=redis, keys=load_keys(settings.keys_file))


def main() -> None:
    """Migrate, prepare, serve; exits 2 with a line per problem when the settings cannot be used."""
    configure_logs()
    try:
        settings = PluginSettings.load(environment())
        keys = load_keys(settings.keys_file)
        database = open_database(settings.database_url, settings.data)
        migrate(database)
        with database.write() as connection:
            claim_database(connection, keys)
        prepare(settings, database, open_redis(settings.redis_address))
        database.close()
    except (BadSettings, BadKeys, UnsafeDatabase) as problem:
        print(problem, file=sys.stderr)  # noqa: T201  # the terminal is where one looks
        sys.exit(2)
    except DatabaseAway as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        sys.exit(1)
    Server(
        "salepixel_plugin.server:create",
        address=settings.host,
        port=settings.plugin_port,
        interface=Interfaces.WSGI,
        factory=True,
        blocking_threads=settings.plugin_threads,
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=10,
        working_dir=Path.cwd(),
    ).serve()


if __name__ == "__main__":
    main()
