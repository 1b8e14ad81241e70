"""Publishes the directory of accounts and links to the edges."""

import structlog
from redis import Redis
from redis.exceptions import RedisError

from salepixel.campaigns.directory import publish_directory
from salepixel.storage.database import Database

log = structlog.get_logger()


def publish_if_possible(database: Database, redis: Redis) -> None:
    """Publish to the edges after the commit. If Redis is unavailable, the worker's sweep does it later."""
    try:
        publish_directory(database, redis)
    except RedisError as error:
        log.warning("directory_not_published", error=str(error))
