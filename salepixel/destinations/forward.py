"""Forwarding sales to other servers: retry until accepted or permanently rejected."""

import threading
import time
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import structlog

from salepixel.destinations import outbox
from salepixel.destinations.outbox import Outgoing
from salepixel.storage.database import Database
from salepixel.wire.outgoing import CallFailed, call

RETRY_AFTER = [timedelta(minutes=m) for m in (1, 5, 30, 120, 300, 600, 840, 1200, 1440)]
"""Pauses between attempts, about three days in all, as Standard Webhooks advises."""

LOOK_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
MAX_PAUSE_SECONDS = 300.0
"""The longest pause for a host that does not answer. The pause doubles each time."""

_AT_ONCE = 10
_CLAIM = timedelta(minutes=5)  # longer than the claimed requests may take: _AT_ONCE times TIMEOUT_SECONDS
_TRY_AGAIN = (408, 425, 429)

log = structlog.get_logger()


class Forwarder(threading.Thread):
    """Sends the due forwards to one host, on its own thread: neither orders nor other hosts wait for it.

    The host "" stands for all hosts that are not allowed: forwards to them fail without a call.
    """

    def __init__(self, database: Database, host: str, allowed_hosts: Set[str]) -> None:
        super().__init__(name=f"forwarder {host}", daemon=True)
        self._database, self._host, self._allowed_hosts = database, host, allowed_hosts

    def run(self) -> None:
        """Send due forwards as long as the process lives; continue after failures of the database."""
        pause = LOOK_SECONDS
        while True:
            try:
                _, answers = forward_to(self._database, self._host, self._allowed_hosts)
                pause = LOOK_SECONDS if answers else min(2 * pause, MAX_PAUSE_SECONDS)
            except Exception:
                log.exception("forwarding_failed", host=self._host)
                pause = 5.0
            time.sleep(pause)


def start_forwarders(database: Database, allowed_hosts: Set[str]) -> None:
    """A thread for each allowed host, and one for all others."""
    for host in {"", *allowed_hosts}:
        Forwarder(database, host, allowed_hosts).start()


def forward_due(database: Database, allowed_hosts: Set[str]) -> int:
    """Send the due forwards to each host in turn; returns how many were accepted."""
    return sum(forward_to(database, host, allowed_hosts)[0] for host in sorted({"", *allowed_hosts}))


def forward_to(database: Database, host: str, allowed_hosts: Set[str]) -> tuple[int, bool]:
    """Send the due forwards to a host, the longest due first.

    Returns the number of accepted requests, and False if the host did not answer. Then the remaining requests
    keep their place, and their attempts are not counted.
    """
    now = datetime.now(UTC)
    with database.read() as connection:
        if not outbox.has_due(connection, now):
            return 0, True
    with database.write() as connection:
        claimed = outbox.claim_outgoing(connection, now, now + _CLAIM, _AT_ONCE, host, allowed_hosts)
    taken = 0
    for number, outgoing in enumerate(claimed):
        state, answer, answers = _send(outgoing, allowed_hosts)
        next_at = datetime.now(UTC)
        if state == "waiting":
            next_at += RETRY_AFTER[min(outgoing.attempts, len(RETRY_AFTER) - 1)]
        with database.write() as connection:
            outbox.record_attempt(connection, outgoing, state=state, answer=answer, next_at=next_at)
            if not answers:
                outbox.release_outgoing(connection, claimed[number + 1 :])
        taken += state == "sent"
        if not answers:
            return taken, False
    return taken, True


def _send(outgoing: Outgoing, allowed_hosts: Set[str]) -> tuple[str, str, bool]:
    """The row's new state, the answer to store, and whether the host answered."""
    host = (urlsplit(outgoing.url).hostname or "").lower()
    if host not in allowed_hosts:
        return "dead", f"{host} is not in SALEPIXEL_FORWARD_HOSTS", True
    try:
        # A redirect could lead anywhere, so it is an answer as well; the body does not matter.
        status = call(
            "GET", outgoing.url, seconds=TIMEOUT_SECONDS, headers={"Idempotency-Key": outgoing.id}
        ).status
    except CallFailed as error:
        return _again(outgoing), error.reason, False
    if 200 <= status < 300:
        return "sent", str(status), True
    if 300 <= status < 500 and status not in _TRY_AGAIN:
        return "dead", str(status), True
    return _again(outgoing), str(status), True


def _again(outgoing: Outgoing) -> str:
    return "waiting" if outgoing.attempts < len(RETRY_AFTER) else "dead"
