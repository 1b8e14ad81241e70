"""`salepixel up`: starts the processes, reports when all are ready, restarts those that end, stops all."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import structlog

from salepixel.keys import load_keys
from salepixel.settings import BadSettings, EdgeSettings, PluginSettings, WorkerSettings
from salepixel.stack.embedded import set_aside, valkey_command
from salepixel.stack.service import BAD_SETTINGS, Service, is_free, is_healthy, is_set, redis_answers

log = structlog.get_logger()

TURN_SECONDS = 10.0
"""The time that a process has to start before the next one is started too."""

REPORT_SECONDS = 10.0
"""Processes that are not ready are logged after this time, then after double the time, and so on."""

STOP_SECONDS = 15.0
PORT_SECONDS = 10.0
DAMAGED_AFTER = 2
"""If Valkey ends this often before it is ready, it cannot read its file."""


class CannotStart(RuntimeError):
    """The stack cannot start; the message says what to do."""


class Supervisor:
    """The stack of one data folder."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read all settings. Raises BadSettings, BadKeys, NoEmbeddedRedis."""
        problems: list[str] = []
        for kind in (EdgeSettings, PluginSettings, WorkerSettings):
            try:
                kind.load(environ)
            except BadSettings as error:
                problems += str(error).splitlines()
        if problems:
            raise BadSettings("\n".join(dict.fromkeys(problems)))
        self.settings = PluginSettings.load(environ)
        if self.settings.edge_port == self.settings.plugin_port:
            raise BadSettings(
                f"SALEPIXEL_EDGE_PORT and SALEPIXEL_PLUGIN_PORT are both {self.settings.edge_port}: "
                "give each a port of its own"
            )
        _make_folder(self.settings.data)
        load_keys(self.settings.keys_file)
        self.services = self._services(environ)
        self._stopping = False

    def run(self, announce: Callable[[str], None]) -> None:
        """Run until SIGTERM or SIGINT. Raises CannotStart.

        Each process is started and restarted independently, so one that fails does not stop the others. The
        edge starts first, because it needs no other process.
        """
        lock = _lock(self.settings.data / "up.lock")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            self._wait_for_ports()
            self._start_all(announce)
            while not self._stopping:
                for service in self.services:
                    service.restart_if_dead()
                    service.ready(ask_again=False)
                time.sleep(0.1)
        finally:
            self._stop_all()
            lock.close()

    def _start_all(self, announce: Callable[[str], None]) -> None:
        """Start each process when the one before is ready or had enough time; return when all are ready."""
        begun, next_report = time.monotonic(), REPORT_SECONDS
        started = 0
        while not self._stopping:
            while started < len(self.services) and self._may_start(started):
                self.services[started].start()
                started += 1
            for service in self.services[:started]:
                if service.process and service.process.poll() == BAD_SETTINGS and not service.has_answered:
                    raise CannotStart(f"The {service.name} cannot run with these settings; see above.")
                service.restart_if_dead()
            if started == len(self.services) and all(service.ready() for service in self.services):
                announce(self._welcome())
                return
            if time.monotonic() - begun > next_report:
                next_report *= 2
                states = {service.name: service.state for service in self.services if not service.ready()}
                log.warning("not_ready", **states, seconds=round(time.monotonic() - begun))
            time.sleep(0.05)

    def _may_start(self, number: int) -> bool:
        if number == 0:
            return True
        before = self.services[number - 1]
        return before.ready() or before.restarts > 0 or time.monotonic() - before.started_at > TURN_SECONDS

    def _welcome(self) -> str:
        settings = self.settings
        lines = [
            "ready",
            f"Open {settings.plugin_url} first: your campaigns, and the sales of each (the plugin).",
            f"Tracking links and the pixel use {settings.edge_url} (the edge).",
        ]
        if link := _first_link(settings):
            lines.append(f"Choose the first person's password, with this link, once: {link}")
        if settings.api_key:
            lines.append("Sign in with the key in SALEPIXEL_API_KEY.")
        elif not link:
            lines.append("Sign in with your e-mail address and password.")
        return "\n".join(lines)

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
                "edge",
                [*python, "salepixel_edge.server"],
                inherited,
                lambda _: is_healthy(settings.host, settings.edge_port),
            ),
            Service(
                "plugin",
                [*python, "salepixel_plugin.server"],
                inherited,
                lambda _: is_healthy(settings.host, settings.plugin_port),
            ),
            Service(
                "worker",
                [*python, "salepixel_worker.server"],
                inherited,
                lambda pid: is_set(settings.redis_address, f"salepixel:worker:{pid}"),
            ),
        ]
        if not settings.redis_url:
            valkey = Service(
                "valkey",
                valkey_command(settings.data, settings.embedded_socket),
                inherited,
                lambda _: redis_answers(settings.redis_address),
                self._look_at_valkey,
            )
            services.insert(1, valkey)
        return services

    def _look_at_valkey(self, failures: int) -> None:
        """Start Valkey empty if it cannot read its file: its data is shipped and enqueued again."""
        # Only once: if it also fails with an empty folder, the file is not the cause.
        if failures == DAMAGED_AFTER and (kept := set_aside(self.settings.data)):
            log.error(
                "valkey_file_damaged",
                set_aside=str(kept),
                lost="nothing: the edges ship their journals again",
            )

    def _wait_for_ports(self) -> None:
        """Report a port that another program uses here, once, instead of in each restart of a service."""
        deadline = time.monotonic() + PORT_SECONDS  # processes of a killed stack need a moment to end
        host = self.settings.host
        for name, port in (("EDGE", self.settings.edge_port), ("PLUGIN", self.settings.plugin_port)):
            try:
                while not self._stopping and not is_free(host, port):
                    if time.monotonic() > deadline:
                        raise CannotStart(
                            f"Another program listens on port {port}: stop it, or choose another port with "
                            f"SALEPIXEL_{name}_PORT."
                        )
                    time.sleep(0.1)
            except PermissionError as error:
                raise CannotStart(
                    f"This user may not listen on port {port}: choose one from 1024 on with "
                    f"SALEPIXEL_{name}_PORT, and put a proxy in front."
                ) from error
            except OSError as error:
                raise CannotStart(
                    f"Nothing can listen on SALEPIXEL_HOST={host}: {error.strerror}. Use an address of this "
                    "machine, such as 127.0.0.1, or 0.0.0.0 for all of them."
                ) from error

    def _stop(self, _signal: int, _frame: object) -> None:
        self._stopping = True

    def _stop_all(self) -> None:
        # Writers stop first, Valkey last.
        for service in sorted(self.services, key=lambda service: service.name == "valkey"):
            process = service.process
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _first_link(settings: PluginSettings) -> str | None:
    """The link for the first person; None if there are people. The plugin has migrated the database."""
    # Here and not above: an edge alone has no storage.
    from salepixel.people.command import first_link
    from salepixel.storage.database import open_database

    database = open_database(settings.database_url, settings.data)
    try:
        with database.write() as connection:
            return first_link(connection, settings.plugin_url, datetime.now(UTC))
    finally:
        database.close()


def _make_folder(data: Path) -> None:
    """Create the data folder. Raises BadSettings if this user cannot write to it."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(data, os.W_OK | os.X_OK) else "Permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise BadSettings(
            f"{data} cannot be written to ({reason}): choose another folder with --data or SALEPIXEL_DATA, "
            "or let its owner give this user the right to write"
        )


def _lock(path: Path) -> IO[str]:
    try:
        file = path.open("w")
    except OSError as error:
        raise CannotStart(f"{path} cannot be written: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise CannotStart(
            f"Another `salepixel up` runs on {path.parent}; stop it, or use another --data."
        ) from error
    return file
