"""Starts the plugin: Flask on waitress."""

import gc
import logging
import os
import socket
import sys
import tempfile

from salepixel.keys import BadKeys, load_keys
from salepixel.logs import configure_logs, write_problem
from salepixel.settings import BadSettings, PluginSettings, environment
from salepixel.storage.database import DatabaseUnavailable, UnsafeDatabase, migrate, open_database
from salepixel.storage.installation import claim_database
from salepixel.wire import outgoing
from salepixel.wire.redis import open_redis
from salepixel_plugin.app import create_app, prepare
from salepixel_plugin.reception import listen, serve


def main() -> None:
    """Migrate, prepare, serve. Exits with 2 and a line per problem if the settings are invalid."""
    configure_logs()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # or a line per request on a busy day
    try:
        settings = PluginSettings.load(environment())
        keys = load_keys(settings.keys_file)
        outgoing.allow_private(settings.private_networks)
        database = open_database(settings.database_url, settings.data)
        redis = open_redis(settings.redis_address)
        migrate(database)
        with database.write() as connection:
            claim_database(connection, keys)
        prepare(settings, database, redis)
        # Last, so that earlier connections are refused at once instead of waiting.
        listener = _listen(settings)
    except (BadSettings, BadKeys, UnsafeDatabase) as problem:
        write_problem(str(problem))
        sys.exit(2)
    except DatabaseUnavailable as problem:
        write_problem(str(problem))
        sys.exit(1)
    tempfile.tempdir = str(settings.data)  # for large bodies, because /tmp is memory on many machines
    app = create_app(settings, database=database, redis=redis, keys=keys)
    tally = app.extensions["salepixel"].tally
    tally.start()
    gc.freeze()  # a full collection would look at all modules: 0.1 s in the middle of an answer
    serve(app, listener, settings.plugin_threads)
    tally.stop()
    database.close()


def _listen(settings: PluginSettings) -> socket.socket:
    try:
        return listen(settings.host, settings.plugin_port)
    except OSError as error:
        address = f"{settings.host} port {settings.plugin_port}"
        reason = os.strerror(error.errno or 0)
        raise BadSettings(f"The plugin cannot listen on {address}: {reason}") from error


if __name__ == "__main__":
    main()
