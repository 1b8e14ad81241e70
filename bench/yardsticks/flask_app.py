"""A tracked click by Flask, gunicorn and Redis."""

from flask import Flask, Response, request
from redis import Redis

from bench.yardsticks.click import KEEP, REDIS_ADDRESS, click

redis = Redis.from_url(REDIS_ADDRESS)
app = Flask(__name__)


@app.get("/c/<token>")
def answer(token: str) -> Response:
    """Redirect."""
    fields, headers = click(
        token, request.args.get("k", ""), request.user_agent.string, request.remote_addr or ""
    )
    redis.xadd("clicks", fields, maxlen=KEEP)  # type: ignore[arg-type]  # an invariant dict in the stubs
    return Response(status=302, headers=headers)
