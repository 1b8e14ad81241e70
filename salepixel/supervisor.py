"""`salepixel up`: starts the processes, says when all are ready, restarts what dies, stops all in order."""

import fcntl
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog
from redis.exceptions import RedisError

from salepixel.embedded import die_with_parent, valkey_command
from salepixel.keys import load_keys
from salepixel.redis import open_redis
from salepixel.settings import BadSettings, EdgeSettings, PluginSettings, WorkerSettings

log = structlog.get_logger()

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
PORT_SECONDS = 10.0
RESTART_PAUSE_SECONDS = (0.2, 1.0, 3.0, 10.0)
STEADY_SECONDS = 30.0
"""A process that ran for so long is started again without a pause."""


class CannotStart(RuntimeError):
    """The stack cannot start; the message says what to do."""


@dataclass
class Service:
    """One child process and what is known of it."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    is_ready: Callable[[int], bool]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restarts: int = 0
    next_start: float = field(default=0.0)

    def start(self) -> None:
        """Start the process; it ends when this one does."""
        self.process = subprocess.Popen(  # noqa: S603  # our own programs
            self.command,
            env=dict(self.environment),
            preexec_fn=die_with_parent,  # no threads run here yet
            stdin=subprocess.DEVNULL,
        )
        self.started_at = time.monotonic()

    def ready(self) -> bool:
        """True when the process answers."""
        return self.process is not None and self.process.poll() is None and self.is_ready(self.process.pid)


class Supervisor:
    """The stack of one data folder."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read all settings. Raises BadSettings, BadKeys."""
        problems: list[str] = []
        for kind in (EdgeSettings, PluginSettings, WorkerSettings):
            try:
                kind.load(environ)
            except BadSettings as error:
                problems += str(error).splitlines()
        if problems:
            raise BadSettings("\n".join(dict.fromkeys(problems)))
        self.settings = PluginSettings.load(environ)
        self.settings.data.mkdir(parents=True, exist_ok=True)
        load_keys(self.settings.keys_file)
        self.services = self._services(environ)
        self._stopping = False

    def run(self, announce: Callable[[str], None]) -> None:
        """Run until SIGTERM or SIGINT. Raises CannotStart."""
        lock = _lock(self.settings.data / "up.lock")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            self._wait_for_ports()
            for service in self.services:
                service.start()
                self._wait(service)
            if not self._stopping:
                announce("ready")
            while not self._stopping:
                self._restart_the_dead()
                time.sleep(0.1)
        finally:
            self._stop_all()
            lock.close()

    def _services(self, environ: Mapping[str, str]) -> list[Service]:
        settings = self.settings
        inherited = {
            **environ,
            "SALEPIXEL_DATA": str(settings.data),
            "SALEPIXEL_REDIS_URL": settings.redis_address,
        }
        python = [sys.executable, "-m"]
        services = [
            Service(
                "plugin",
                [*python, "salepixel_plugin.server"],
                inherited,
                lambda _: _healthy(settings.host, settings.plugin_port),
            ),
            Service(
                "edge",
                [*python, "salepixel_edge.server"],
                inherited,
                lambda _: _healthy(settings.host, settings.edge_port),
            ),
            Service(
                "worker",
                [*python, "salepixel_worker.server"],
                inherited,
                lambda pid: _is_set(settings.redis_address, f"salepixel:worker:{pid}"),
            ),
        ]
        if not settings.redis_url:
            command = valkey_command(settings.data, settings.embedded_socket)
            services.insert(
                0, Service("valkey", command, inherited, lambda _: _answers(settings.redis_address))
            )
        return services

    def _wait_for_ports(self) -> None:
        """Better one sentence now than a process that ends again and again."""
        deadline = time.monotonic() + PORT_SECONDS  # processes of a killed stack need a moment to end
        for port in (self.settings.edge_port, self.settings.plugin_port):
            while not self._stopping and not _is_free(self.settings.host, port):
                if time.monotonic() > deadline:
                    raise CannotStart(
                        f"Another program listens on port {port}; stop it, or set SALEPIXEL_EDGE_PORT and "
                        "SALEPIXEL_PLUGIN_PORT."
                    )
                time.sleep(0.1)

    def _wait(self, service: Service) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._stopping and not service.ready():
            assert service.process is not None  # noqa: S101  # just started
            if service.process.poll() is not None:
                raise CannotStart(f"The {service.name} ended with {service.process.returncode}; see above.")
            if time.monotonic() > deadline:
                raise CannotStart(f"The {service.name} is not ready after {READY_SECONDS:.0f} s; see above.")
            time.sleep(0.05)

    def _restart_the_dead(self) -> None:
        now = time.monotonic()
        for service in self.services:
            if service.process is None or service.process.poll() is None:
                continue
            if service.next_start == 0:
                steady = now - service.started_at > STEADY_SECONDS
                service.restarts = 0 if steady else service.restarts + 1
                pause = RESTART_PAUSE_SECONDS[min(service.restarts, len(RESTART_PAUSE_SECONDS) - 1)]
                service.next_start = now + (0 if steady else pause)
                log.warning("starting_again", service=service.name, ended_with=service.process.returncode)
            if now >= service.next_start:
                service.start()
                service.next_start = 0

    def _stop(self, _signal: int, _frame: object) -> None:
        self._stopping = True

    def _stop_all(self) -> None:
        # Backwards: who writes stops before what is written to.
        for service in reversed(self.services):
            process = service.process
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _lock(path: Path) -> IO[str]:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise CannotStart(
            f"Another `salepixel up` runs on {path.parent}; stop it, or use another --data."
        ) from error
    return file


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _healthy(host: str, port: int) -> bool:
    try:
        address = f"[{host}]" if ":" in host else host
        with urllib.request.urlopen(f"http://{address}:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _answers(address: str) -> bool:
    client = open_redis(address)
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def _is_set(address: str, key: str) -> bool:
    client = open_redis(address)
    try:
        return bool(client.exists(key))
    except RedisError:
        return False
    finally:
        client.close()
