"""Health of this process, and whether the worker keeps up with the orders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from apiflask import APIBlueprint
from flask import Response, jsonify
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from salepixel.destinations import outbox
from salepixel.logs import lost_lines
from salepixel.orders import queue
from salepixel.orders.deliveries import sum_rejections
from salepixel.privacy.erasures import count_unfinished
from salepixel.storage.database import is_current
from salepixel_plugin.reception import count_refused
from salepixel_plugin.services import services

blueprint = APIBlueprint("health", __name__, enable_openapi=False)

_ORDERS = {
    "due": ("salepixel_orders_due", "Orders that wait for their first attempt."),
    "oldest_due_seconds": (
        "salepixel_orders_oldest_due_seconds",
        "Seconds for which the oldest waiting order has waited.",
    ),
    "retrying": ("salepixel_orders_retrying", "Orders that failed and are retried."),
    "parked": ("salepixel_orders_parked", "Orders that failed too often and are no longer retried."),
}


@dataclass(frozen=True, slots=True)
class _Facts:
    """The current facts. Those of the database are empty while the database is unavailable."""

    database: str
    redis: str
    jobs_waiting: int | None
    orders: Mapping[str, Any]
    rejected: Mapping[tuple[str, str], int]
    outbox: Mapping[str, int]
    erasures: Mapping[str, int]


@blueprint.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 if deliveries can be accepted. Without Redis the status is `degraded`: the sweep finds all work."""
    state = _database_state()
    if state != "ok":
        return jsonify(status="unavailable", database=state), 503
    facts = {
        "database": "ok",
        "orders": _orders(),
        "erasures": _erasures(),
        "refused": count_refused(),
        "log_lines_lost": lost_lines(),
    }
    jobs_waiting = _jobs_waiting()
    if jobs_waiting is None:
        return jsonify(status="degraded", redis="unavailable", **facts), 200
    return jsonify(status="ok", redis="ok", jobs_waiting=jobs_waiting, **facts), 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """The same for Prometheus, with the counts of refusals and of forwarded sales."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(_read_facts()))
    return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


def _read_facts() -> _Facts:
    state, waiting = _database_state(), _jobs_waiting()
    redis = "unavailable" if waiting is None else "ok"
    if state != "ok":
        return _Facts(state, redis, waiting, {}, {}, {}, {})
    with services().database.read() as connection:
        rejected, forwarded = sum_rejections(connection), outbox.count_outgoing(connection)
    return _Facts(state, redis, waiting, _orders(), rejected, forwarded, _erasures())


def _database_state() -> str:
    try:
        return "ok" if is_current(services().database) else "not migrated"
    except sa.exc.SQLAlchemyError:
        return "unavailable"


def _jobs_waiting() -> int | None:
    try:
        return services().job_queue.waiting()
    except RedisError:
        return None


def _orders() -> dict[str, Any]:
    with services().database.read() as connection:
        state = queue.read_state(connection)
    waited = datetime.now(UTC) - state.oldest_due_at if state.oldest_due_at else None
    return {
        "due": state.due,
        "oldest_due_seconds": max(round(waited.total_seconds(), 1), 0) if waited else 0,
        "retrying": state.retrying,
        "parked": state.parked,
        "because": dict(state.because),
    }


def _erasures() -> dict[str, int]:
    with services().database.read() as connection:
        in_progress, failed = count_unfinished(connection)
    return {"in_progress": in_progress, "failed": failed}


class _Metrics(Collector):
    def __init__(self, facts: _Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterable[Metric]:
        facts = self._facts
        up = GaugeMetricFamily(
            "salepixel_plugin_up", "1 if the part is available: database, redis.", labels=("part",)
        )
        up.add_metric(("database",), facts.database == "ok")
        up.add_metric(("redis",), facts.redis == "ok")
        rejected = CounterMetricFamily(
            "salepixel_rejections",
            "Refused or ignored requests and hits, since the installation.",
            labels=("source", "reason"),
        )
        for key, count in facts.rejected.items():
            rejected.add_metric(key, count)
        forwarded = GaugeMetricFamily(
            "salepixel_outbox", "Forwarded and waiting sales, by state.", labels=("state",)
        )
        for state, count in facts.outbox.items():
            forwarded.add_metric((state,), count)
        erasures = GaugeMetricFamily(
            "salepixel_erasures", "Unfinished erasures of people, by state.", labels=("state",)
        )
        for state, count in facts.erasures.items():
            erasures.add_metric((state,), count)
        yield erasures
        early = "Requests since the start that were refused before they were complete."
        refused = CounterMetricFamily("salepixel_plugin_refused_requests", early, labels=("reason",))
        for reason, count in count_refused().items():
            refused.add_metric((reason,), count)
        yield from (up, rejected, forwarded, refused)
        lost = "Log lines since the start that could not be written."
        yield CounterMetricFamily("salepixel_plugin_log_lines_lost", lost, value=lost_lines())
        if facts.jobs_waiting is not None:
            jobs = "Jobs that no worker has started yet."
            yield GaugeMetricFamily("salepixel_jobs_waiting", jobs, value=facts.jobs_waiting)
        for name, described in _ORDERS.items():
            if name in facts.orders:
                yield GaugeMetricFamily(*described, value=facts.orders[name])
        because = GaugeMetricFamily(
            "salepixel_orders_due_because", "Waiting orders, by reason.", labels=("reason",)
        )
        for reason, count in facts.orders.get("because", {}).items():
            because.add_metric((reason,), count)
        yield because
