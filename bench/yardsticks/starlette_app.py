"""A tracked click by Starlette, uvicorn and Redis."""

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.yardsticks.click import KEEP, REDIS_ADDRESS, click

redis = Redis.from_url(REDIS_ADDRESS)


async def answer(request: Request) -> Response:
    """Redirect."""
    fields, headers = click(
        request.path_params["token"],
        request.query_params.get("k", ""),
        request.headers.get("user-agent", ""),
        request.client.host if request.client else "",
    )
    await redis.xadd("clicks", fields, maxlen=KEEP)  # type: ignore[arg-type]  # an invariant dict in the stubs
    return Response(status_code=302, headers=headers)


app = Starlette(routes=[Route("/c/{token}", answer)])
