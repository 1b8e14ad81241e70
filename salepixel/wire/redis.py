"""Opening Redis the way this product needs it: short timeouts, and no blind retries.

redis-py waits 5 s and tries 10 times by default; a repeated XADD would be a second click.
"""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

BLOCKING_SECONDS = 5.0
"""No command of ours blocks for longer, so a socket that is silent for more is dead."""


def open_redis(url: str, *, timeout_seconds: float = 2.0) -> Redis:
    """A client for redis://, rediss:// or unix:// addresses. Connects when first used."""
    return Redis.from_url(
        url,
        socket_connect_timeout=1.0,
        socket_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
