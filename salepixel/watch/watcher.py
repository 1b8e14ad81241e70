"""Looks at each watched account on a thread of its own: canary, alerts, messages."""

import shutil
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from salepixel.accounts.store import get_account
from salepixel.checks.installation import BEHIND_SECONDS, SHORT_BYTES
from salepixel.destinations.outbox import count_dead
from salepixel.stack.service import read_health
from salepixel.watch import canary, store
from salepixel.watch.canary import Chain
from salepixel.watch.facts import evidence_counts, silent_since
from salepixel.watch.notify import Send, SendMail, send_due
from salepixel.watch.rules import Kind, are_silent, changes, has_dropped

TURN_SECONDS = 5.0
LOOK_EVERY = timedelta(minutes=1)

log = structlog.get_logger()


class Watcher:
    """Runs beside the worker's jobs. Several processes may run one: rows are claimed."""

    def __init__(
        self, chain: Chain, send_one: Send, send_mail: SendMail, data: Path, edge: tuple[str, int]
    ) -> None:
        """`edge`: host and port of an edge on this machine."""
        self._chain, self._data, self._edge = chain, data, edge
        self._send, self._send_mail = send_one, send_mail
        self._looked_at: datetime | None = None

    def start(self) -> None:
        """Start the thread; it runs until the process ends."""
        threading.Thread(target=self._run, name="watcher", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self.turn(datetime.now(UTC))
            except Exception:
                log.exception("watch_failed")  # for example, the database is down: try again
            time.sleep(TURN_SECONDS)

    def turn(self, now: datetime) -> None:
        """Do what is due: steps of canaries, alerts that begin or end, messages."""
        database = self._chain.database
        with database.read() as connection:
            watched = store.watched_accounts(connection)
        if not watched:
            return
        ended = []
        for emp_id in watched:
            self._prepare(emp_id, now)
            if canary.run(self._chain, emp_id, now):
                ended.append(emp_id)
        is_due = self._looked_at is None or now - self._looked_at >= LOOK_EVERY
        if is_due or ended:
            machine = self._examine_machine()
            for emp_id in watched if is_due else ended:
                self._look(emp_id, machine, now)
        if is_due:
            self._looked_at = now
        send_due(database, self._chain.keys, self._send, self._send_mail, now)

    def _prepare(self, emp_id: int, now: datetime) -> None:
        with self._chain.database.read() as connection:
            known = store.get_canary(connection, emp_id)
        if known is None:
            with self._chain.database.write() as connection:
                account = get_account(connection, emp_id)
                if account is not None:
                    canary.set_up(connection, self._chain.keys, account, now)

    def _look(self, emp_id: int, machine: Mapping[str, str], now: datetime) -> None:
        with self._chain.database.write() as connection:
            found, asked = _examine_account(connection, emp_id, now)
            found |= machine
            asked |= {Kind.DISK, Kind.JOURNAL}
            known = {alert.kind for alert in store.list_alerts(connection, emp_id) if alert.ended_at is None}
            begun, ended = changes(known, found, asked)
            for kind in sorted(begun):
                store.begin_alert(connection, emp_id, kind, found[kind], now)
            for kind in sorted(ended):
                store.end_alert(connection, emp_id, kind, now)

    def _examine_machine(self) -> dict[str, str]:
        found: dict[str, str] = {}
        free = shutil.disk_usage(self._data).free
        if free < SHORT_BYTES:
            found[Kind.DISK] = str(free // 2**20)
        # None: no edge here; the canary says whether one answers.
        if problem := journal_problem(read_health(*self._edge)):
            found[Kind.JOURNAL] = problem
        return found


def journal_problem(health: Mapping[str, Any] | None) -> str:
    """What is wrong with the journals of an edge, by its /healthz; empty if nothing is."""
    if not health or "journals" not in health:
        return ""
    if health["disk"] != "ok":
        return f"disk {health['disk']}"
    if health["lag_seconds"] > BEHIND_SECONDS:
        return f"lag_seconds {int(health['lag_seconds'])}"
    return ""


def _examine_account(
    connection: sa.Connection, emp_id: int, now: datetime
) -> tuple[dict[str, str], set[str]]:
    """Kind -> detail of what is wrong now, and the kinds that could be examined."""
    found: dict[str, str] = {}
    asked: set[str] = {Kind.WEBHOOKS, Kind.EVIDENCE, Kind.FORWARDS}
    bird = store.get_canary(connection, emp_id)
    if bird is not None and bird.ended_at is not None:
        asked.add(Kind.CANARY)
        if bird.result:
            found[Kind.CANARY] = bird.result
    silent = [last for last, earlier in silent_since(connection, emp_id, now) if are_silent(earlier)]
    if silent:
        found[Kind.WEBHOOKS] = f"{min(silent):%Y-%m-%d %H:%M} UTC"
    of_day, habit = evidence_counts(connection, emp_id, now)
    if has_dropped(of_day, habit):
        found[Kind.EVIDENCE] = f"{of_day.credited}/{of_day.orders}, {habit.credited}/{habit.orders}"
    if dead := count_dead(connection, emp_id):
        found[Kind.FORWARDS] = str(dead)
    return found, asked
