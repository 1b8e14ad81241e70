"""Opens Redis with short timeouts and without retries.

By default, redis-py waits 5 s and tries 10 times; but a repeated XADD would store a click twice.
"""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

BLOCKING_SECONDS = 5.0
"""The longest time that a command of ours blocks; a socket that is silent for longer is dead."""


def open_redis(url: str, *, timeout_seconds: float = 2.0) -> Redis:
    """A client for redis://, rediss:// or unix:// addresses. It connects on first use."""
    return Redis.from_url(
        url,
        socket_connect_timeout=1.0,
        socket_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
