"""Forwarding: tell another server of sales, again and again until it took them or it is hopeless."""

import threading
import time
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import structlog

from salepixel.outgoing import CallFailed, call
from salepixel.storage import outbox
from salepixel.storage.database import Database
from salepixel.storage.outbox import Outgoing

RETRY_AFTER = [timedelta(minutes=m) for m in (1, 5, 30, 120, 300, 600, 840, 1200, 1440)]
"""Pauses between attempts, about three days in all, as Standard Webhooks advises."""

LOOK_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0

_AT_ONCE = 10
_CLAIM = timedelta(minutes=5)  # longer than all of them may take
_TRY_AGAIN = (408, 425, 429)

log = structlog.get_logger()


class Forwarder(threading.Thread):
    """Sends what is due, on a thread of its own: orders must not wait for another server's slowness."""

    def __init__(self, database: Database, allowed_hosts: Set[str]) -> None:
        super().__init__(name="forwarder", daemon=True)
        self._database = database
        self._allowed_hosts = allowed_hosts

    def run(self) -> None:
        """Look for what is due, for as long as the process lives; the database may come and go."""
        while True:
            try:
                forward_due(self._database, self._allowed_hosts)
            except Exception:
                log.exception("not_forwarded")
                time.sleep(5)
            time.sleep(LOOK_SECONDS)


def forward_due(database: Database, allowed_hosts: Set[str], limit: int = _AT_ONCE) -> int:
    """Send what is due; gives the number of requests that were taken by the other side."""
    now = datetime.now(UTC)
    with database.write() as connection:
        claimed = outbox.claim_outgoing(connection, now, now + _CLAIM, limit)
    taken = 0
    for outgoing in claimed:
        state, answer = _send(outgoing, allowed_hosts)
        next_at = datetime.now(UTC)
        if state == "waiting":
            next_at += RETRY_AFTER[min(outgoing.attempts, len(RETRY_AFTER) - 1)]
        with database.write() as connection:
            outbox.record_attempt(connection, outgoing, state=state, answer=answer, next_at=next_at)
        taken += state == "sent"
    return taken


def _send(outgoing: Outgoing, allowed_hosts: Set[str]) -> tuple[str, str]:
    host = (urlsplit(outgoing.url).hostname or "").lower()
    if host not in allowed_hosts:
        return "dead", f"{host} is not in SALEPIXEL_FORWARD_HOSTS"
    try:
        # A redirect could lead anywhere, so it is an answer as well; the body does not matter.
        status = call(
            "GET", outgoing.url, seconds=TIMEOUT_SECONDS, headers={"Idempotency-Key": outgoing.id}
        ).status
    except CallFailed as error:
        return _again(outgoing), error.reason
    if 200 <= status < 300:
        return "sent", str(status)
    if 300 <= status < 500 and status not in _TRY_AGAIN:
        return "dead", str(status)
    return _again(outgoing), str(status)


def _again(outgoing: Outgoing) -> str:
    return "waiting" if outgoing.attempts < len(RETRY_AFTER) else "dead"
