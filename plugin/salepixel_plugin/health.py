"""Health: is this process able to do its work now?"""

import sqlalchemy as sa
from apiflask import APIBlueprint
from flask import Response, jsonify
from redis.exceptions import RedisError

from salepixel.logs import lost_lines
from salepixel.storage.database import is_current
from salepixel_plugin.services import services

blueprint = APIBlueprint("health", __name__, enable_openapi=False)


@blueprint.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 when deliveries can be taken; Redis away is only degraded, since the sweep finds all work."""
    here = services()
    try:
        ready = is_current(here.database)
    except sa.exc.SQLAlchemyError:
        return jsonify(status="unavailable", database="away"), 503
    if not ready:
        return jsonify(status="unavailable", database="not migrated"), 503
    facts: dict[str, object] = {"database": "ok", "log_lines_lost": lost_lines()}
    try:
        waiting = here.bell.waiting()
    except RedisError:
        return jsonify(status="degraded", redis="away", **facts), 200
    return jsonify(status="ok", redis="ok", jobs_waiting=waiting, **facts), 200
