"""What an operator sees of one process of the edge."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from salepixel_edge.shipper import Shipper
from salepixel_edge.writer import Writer

STALLED_SECONDS = 5.0


def read_health(writer: Writer, shipper: Shipper, counts: Counter[str]) -> tuple[str, dict[str, Any]]:
    """The status line and the facts.

    503 only when visitors wait for the disk: without Redis the edge does its work, and says "degraded".
    """
    own, durable = shipper.own, writer.journal.durable.number
    stalled = writer.stalled_seconds() > STALLED_SECONDS
    degraded = stalled or writer.is_refused or not shipper.connected
    now_ms = time.time_ns() // 1_000_000
    lost = writer.lost
    return "503 Service Unavailable" if stalled else "200 OK", {
        "status": "degraded" if degraded else "ok",
        "journal": writer.journal.name,
        "last": writer.last,
        "durable": durable,
        "shipped": own.shipped,
        "mark": own.mark,
        "lag": max(durable - own.mark, 0),
        "oldest_unshipped_seconds": max(now_ms - own.oldest_ms, 0) / 1000 if own.oldest_ms else 0,
        "redis": "ok" if shipper.connected else "away",
        "disk": "stalled" if stalled else "refuses" if writer.is_refused else "ok",
        "lost": {
            "count": lost.count if lost else 0,
            "from": _rfc3339(lost.from_ms) if lost else None,
            "to": _rfc3339(lost.to_ms) if lost else None,
        },
        "counts": dict(sorted(counts.items())),
    }


def _rfc3339(milliseconds: int) -> str:
    time = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
