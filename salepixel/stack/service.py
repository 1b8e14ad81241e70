"""One child process of `salepixel up`: its start, health check and restart."""

import errno
import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import structlog
from redis.exceptions import RedisError

from salepixel.stack.embedded import die_with_parent
from salepixel.wire.redis import open_redis

log = structlog.get_logger()

BAD_SETTINGS = 2
"""The exit code of a service with unusable settings, keys or database, after it printed why."""

_ENDED_BY_OTHERS = (-signal.SIGKILL, -signal.SIGTERM)

_MAX_HEALTH_BYTES = 1_000_000
RESTART_PAUSE_SECONDS = (0.2, 1.0, 3.0, 10.0)
STEADY_SECONDS = 30.0
"""A process that ran for this long is restarted without a pause."""


@dataclass
class Service:
    """One child process and its state."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    answers: Callable[[int], bool]
    before_restart: Callable[[int], None] = lambda _: None
    """Called with the number of times in a row that it ended before it was ready."""

    process: subprocess.Popen[bytes] | None = None
    has_answered: bool = False
    """Since this stack was started."""

    ended: int | None = None
    """Its last exit code."""

    started_at: float = 0.0
    restarts: int = 0
    failures: int = 0
    next_start: float = 0.0
    _is_ready: bool = False

    @property
    def runs(self) -> bool:
        """True while there is a process."""
        return self.process is not None and self.process.poll() is None

    @property
    def state(self) -> str:
        """Its state, as text for people."""
        if self._is_ready and self.runs:
            return "answers"
        if self.runs:
            return "does not answer yet"
        return "not started" if self.ended is None else f"ended with {self.ended}"

    def start(self) -> None:
        """Start the process, which ends with this one. If it cannot start now, it is tried again later."""
        self._is_ready = False
        self.next_start = 0.0
        self.started_at = time.monotonic()
        try:
            self.process = subprocess.Popen(  # noqa: S603  # our own programs
                self.command,
                env=dict(self.environment),
                preexec_fn=die_with_parent,  # no threads run here yet
                stdin=subprocess.DEVNULL,
                restore_signals=False,  # otherwise SIGPIPE ends Valkey when nobody reads its log
            )
        except (OSError, subprocess.SubprocessError) as error:
            log.error("service_not_started", service=self.name, error=str(error))
            self.process = None
            self._wait_before_restart()

    def ready(self, *, ask_again: bool = True) -> bool:
        """True if the process answers within 2 seconds. `ask_again=False`: one earlier answer is enough."""
        if not self.runs:
            return False
        if self._is_ready and not ask_again:
            return True
        assert self.process is not None  # noqa: S101  # it runs
        self._is_ready = self.answers(self.process.pid)
        if self._is_ready:
            self.has_answered = True
            self.failures = 0
        return self._is_ready

    def restart_if_dead(self) -> None:
        """Restart it if it has ended and its pause is over."""
        now = time.monotonic()
        if self.process is not None:
            if self.process.poll() is None:
                return
            self.ended, self.process = self.process.returncode, None
            self.failures += not self._is_ready and self.ended not in _ENDED_BY_OTHERS
            log.warning("service_restarted", service=self.name, ended_with=self.ended)
            self._wait_before_restart()
        if now >= self.next_start:
            if self.ended is not None:
                self.before_restart(self.failures)
            self.start()

    def _wait_before_restart(self) -> None:
        now = time.monotonic()
        steady = now - self.started_at > STEADY_SECONDS
        self.restarts = 0 if steady else self.restarts + 1
        pause = RESTART_PAUSE_SECONDS[min(self.restarts, len(RESTART_PAUSE_SECONDS)) - 1] if not steady else 0
        self.next_start = now + pause


def is_free(host: str, port: int) -> bool:
    """False if a process listens on the port. Raises OSError if this user may not listen on it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def is_healthy(host: str, port: int) -> bool:
    """True if /healthz reports the service as healthy."""
    address = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{address}:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, HTTPException):
        return False


def own_address(host: str) -> str:
    """The address at which a program on this machine reaches one that listens on SALEPIXEL_HOST."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  # compared


def read_health(host: str, port: int) -> Mapping[str, Any] | None:
    """The facts at /healthz, whatever its status; empty if another program answers; None if nobody does."""
    address = f"[{host}]" if ":" in host else host
    try:
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/healthz", timeout=5) as answer:
                body = answer.read(_MAX_HEALTH_BYTES)
        except urllib.error.HTTPError as refused:
            with refused:
                body = refused.read(_MAX_HEALTH_BYTES)
        facts = json.loads(body)
    except (urllib.error.URLError, OSError, HTTPException):
        return None
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) and "status" in facts else {}


def redis_answers(address: str) -> bool:
    """True if Redis has loaded its data and answers."""
    with closing(open_redis(address)) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


def is_set(address: str, key: str) -> bool:
    """True if Redis has this key."""
    with closing(open_redis(address)) as client:
        try:
            return bool(client.exists(key))
        except RedisError:
            return False
