"""An edge's state for operators: JSON for people and load balancers, metrics for Prometheus."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from salepixel.logs import lost_lines
from salepixel_edge.board import Facts
from salepixel_edge.connection import Connections
from salepixel_edge.shipper import Shipper
from salepixel_edge.writer import Writer

STALLED_SECONDS = 5.0
SHIPPER_SECONDS = 60.0
"""A healthy step of the shipper is shorter than this: its Redis timeouts are a few seconds."""

_GAUGES = {
    "lag": ("salepixel_edge_journal_lag_records", "Records on disk, not yet in the database."),
    "lag_seconds": (
        "salepixel_edge_journal_lag_seconds",
        "Age of the oldest record not yet in the database.",
    ),
    "oldest_unshipped_seconds": (
        "salepixel_edge_oldest_unshipped_seconds",
        "Age of the oldest record not yet in Redis.",
    ),
    "connections": ("salepixel_edge_connections", "Open connections."),
}
_DISKS = ("stalled", "refuses", "ok")
_REDIS = ("unavailable", "full", "ok")


def read_facts(
    writer: Writer, shipper: Shipper, counts: Counter[str], connections: Connections | None
) -> Facts:
    """The facts of one process."""
    own, journal = shipper.own, writer.journal
    durable, mark = journal.durable.number if journal else 0, own.mark if own else 0
    shipments = shipper.shipments
    oldest_ms = min((shipment.oldest_ms for shipment in shipments if shipment.oldest_ms), default=0)
    held_up = any(shipment.is_full for shipment in shipments)
    stalled = writer.stalled_seconds() > STALLED_SECONDS
    now_ms = time.time_ns() // 1_000_000
    lost = writer.lost
    return {
        "journal": journal.name if journal else "",
        "last": writer.last,
        "durable": durable,
        "shipped": own.shipped if own else 0,
        "mark": mark,
        "lag": sum(max(shipment.journal.durable.number - shipment.mark, 0) for shipment in shipments),
        "lag_seconds": max((shipment.lag_seconds for shipment in shipments), default=0),
        "oldest_unshipped_seconds": max(now_ms - oldest_ms, 0) / 1000 if oldest_ms else 0,
        "redis": "unavailable" if not shipper.connected else "full" if held_up else "ok",
        "shipper_stalled_seconds": shipper.stalled_seconds(),
        "disk": "stalled" if stalled else "refuses" if writer.is_failing else "ok",
        "lost": [lost.count, lost.from_ms, lost.to_ms] if lost else [0, 0, 0],
        "connections": len(connections.open) if connections else 0,
        "refused": connections.refused if connections else 0,
        "counts": dict(counts),
        "log_lines_lost": lost_lines(),
    }


def judge_health(processes: Sequence[Facts], expected: int) -> tuple[str, Facts]:
    """The status line and the facts of a whole edge, from those of its processes.

    503 if an expected process is missing or stuck, or a disk is stalled. If Redis is unavailable or full, or
    a disk refuses writes, the edge still answers requests: 200 with the status "degraded".
    """
    stuck = expected - len(processes) + sum(not _is_alive(process) for process in processes)
    disk = next(state for state in _DISKS if any(process["disk"] == state for process in processes))
    redis = next(state for state in _REDIS if any(process["redis"] == state for process in processes))
    well = not stuck and disk == "ok" and redis == "ok"
    counts: Counter[str] = Counter()
    for process in processes:
        counts.update(process["counts"])
    losses = [process["lost"] for process in processes if process["lost"][0]]
    whole = {
        "status": "ok" if well else "degraded",
        "processes": len(processes),
        "stuck": stuck,
        **{
            name: sum(process[name] for process in processes)
            for name in ("last", "durable", "shipped", "mark")
        },
        "lag": sum(process["lag"] for process in processes),
        "lag_seconds": max(process["lag_seconds"] for process in processes),
        "oldest_unshipped_seconds": max(process["oldest_unshipped_seconds"] for process in processes),
        "redis": redis,
        "disk": disk,
        "lost": {
            "count": sum(count for count, _, _ in losses),
            "from": _rfc3339(min(start for _, start, _ in losses)) if losses else None,
            "to": _rfc3339(max(end for _, _, end in losses)) if losses else None,
        },
        "connections": sum(process["connections"] for process in processes),
        "refused": sum(process["refused"] for process in processes),
        "log_lines_lost": sum(process["log_lines_lost"] for process in processes),
        "counts": dict(sorted(counts.items())),
        "journals": sorted(process["journal"] for process in processes if process["journal"]),
    }
    return "503 Service Unavailable" if stuck or disk == "stalled" else "200 OK", whole


def _is_alive(process: Facts) -> bool:
    return not process["stuck"] and process["shipper_stalled_seconds"] < SHIPPER_SECONDS


def write_metrics(processes: Sequence[Facts]) -> bytes:
    """The facts of each process in Prometheus text format. The label `journal` identifies the process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Processes(processes))
    return generate_latest(registry)


class _Processes(Collector):
    def __init__(self, processes: Sequence[Facts]) -> None:
        self._processes = processes

    def collect(self) -> Iterable[Metric]:
        counted = CounterMetricFamily(
            "salepixel_edge_counted", "Clicks, pixel hits, and their signals.", labels=("journal", "name")
        )
        lost = CounterMetricFamily(
            "salepixel_edge_lost", "Clicks and pixel hits answered but not written.", labels=("journal",)
        )
        refused = CounterMetricFamily(
            "salepixel_edge_refused_connections", "Connections refused above the limit.", labels=("journal",)
        )
        log_lines = CounterMetricFamily(
            "salepixel_edge_log_lines_lost",
            "Log lines that could not be written.",
            labels=("journal",),
        )
        up = GaugeMetricFamily(
            "salepixel_edge_up", "Whether a part works: process, disk, redis.", labels=("journal", "part")
        )
        gauges = {key: GaugeMetricFamily(*texts, labels=("journal",)) for key, texts in _GAUGES.items()}
        for process in self._processes:
            journal = process["journal"]
            for name, count in process["counts"].items():
                counted.add_metric((journal, name), count)
            lost.add_metric((journal,), process["lost"][0])
            refused.add_metric((journal,), process["refused"])
            log_lines.add_metric((journal,), process["log_lines_lost"])
            up.add_metric((journal, "process"), _is_alive(process))
            up.add_metric((journal, "disk"), process["disk"] == "ok")
            up.add_metric((journal, "redis"), process["redis"] == "ok")
            for key, gauge in gauges.items():
                gauge.add_metric((journal,), process[key])
        return [counted, lost, refused, log_lines, up, *gauges.values()]


def _rfc3339(milliseconds: int) -> str:
    time = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
