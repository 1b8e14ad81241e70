"""Telling the edges what they must know of accounts."""

import structlog
from redis import Redis
from redis.exceptions import RedisError

from salepixel.storage import accounts
from salepixel.storage.database import Database
from salepixel.streams import DIRECTORY_KEY

log = structlog.get_logger()


def publish_directory(database: Database, redis: Redis) -> None:
    """Tell the edges what they must know of accounts; the worker's sweep does it again and again."""
    with database.read() as connection:
        directory = accounts.read_directory(connection)
    try:
        redis.set(DIRECTORY_KEY, directory.to_json())
    except RedisError as error:
        log.warning("directory_not_published", error=str(error))
