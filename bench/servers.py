"""The measured servers: all on one core, one at a time; Redis and the client on another core."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import psutil
from redis import Redis
from redis.exceptions import ResponseError

from kit.ports import free_port
from salepixel.campaigns.links import Link, LinkSealer
from salepixel.keys import load_keys
from salepixel.settings import environment
from salepixel.storage.ids import new_id
from salepixel.wire.directory import DIRECTORY_KEY, Directory
from salepixel.wire.streams import JOURNALS_KEY
from salepixel_worker.journals import publish_marks

HERE = Path(__file__).parent / "yardsticks"
STATIC, LUA, EDGE, PIXEL = "nginx, static 302", "nginx + Lua + Redis", "salepixel edge", "salepixel pixel"
DYNAMIC, NEW_PAGE = "salepixel dynamic link", "the same, each to a new page"
STREAM = "clicks"
LUA_FILES = (
    Path("/usr/share/lua/5.1/nginx/redis.lua"),
    Path("/usr/share/nginx/modules/ngx_http_lua_module.so"),
)


@dataclass(frozen=True, slots=True)
class Load:
    """One run: microseconds of CPU per request (of the server, and of Redis), answers per second, latency."""

    server_us: float
    redis_us: float
    rate: float
    p50_ms: float
    p99_ms: float


@dataclass
class Server:
    """A running server: its address, its request, and its results.

    `written` returns the number of requests that it recorded since its start; the static one records none.
    `settle` waits until these are processed.
    """

    name: str
    process: psutil.Process
    port: int
    path: str
    written: Callable[[], int] | None
    settle: Callable[[], None] = lambda: None
    loads: list[Load] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        """CPU seconds, user and system, of the process and its children."""
        times = [each.cpu_times() for each in (self.process, *self.process.children(recursive=True))]
        return sum(each.user + each.system for each in times)


class Servers:
    """The servers whose programs are installed, running until the stack closes; `missing`: the others."""

    def __init__(self, redis: Redis, folder: Path, stack: ExitStack) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.core, self.client_core = cores[0], cores[-1]
        self.all: list[Server] = []
        self.missing = [] if len(cores) > 1 else ["a second core: server and client are in each other's way"]
        self._redis, self._folder, self._stack = redis, folder, stack
        self._socket = redis.connection_pool.connection_kwargs["path"]
        facts = redis.info()
        self.redis_process = psutil.Process(facts["process_id"])
        self.redis_process.cpu_affinity([self.client_core])
        name = facts.get("server_name", "redis")
        self.versions = [f"{name} {facts.get(f'{name}_version', facts['redis_version'])}"]
        (folder / "edge").mkdir()
        self._keys = load_keys(folder / "edge" / "keys.json")
        link = Link(1, new_id(), new_id(), "https://shop.test/p/1?a=b")
        self._click = f"/c/{LinkSealer(self._keys).seal(link)}?k=c"
        shop = quote("https://shop.test/p/1?a=b", safe="")
        token = LinkSealer(self._keys).seal(replace(link, link=link.campaign, url=""))
        # As dynamic_url writes it; the client writes the contact's number at #, or the page's at the end.
        self._dynamic, self._new_page = f"/r/{token}?k=c#&u={shop}", f"/r/{token}?k=c&u={shop}"
        hosts = {1: frozenset({"shop.test"})}
        redis.set(DIRECTORY_KEY, Directory({1: ("", "")}, link_hosts=hosts).to_json())

    def start(self) -> None:
        """Start all, the edge first."""
        self._start_edge()
        self._start_nginx()
        self._start_python()

    def of(self, name: str) -> Server | None:
        """The server of this name, if it runs."""
        return next((server for server in self.all if server.name == name), None)

    def _start_edge(self) -> None:
        port = free_port(0)
        settings = {
            "SALEPIXEL_DATA": str(self._folder / "edge"),
            "SALEPIXEL_REDIS_URL": f"unix://{self._socket}",
            "SALEPIXEL_EDGE_PORT": str(port),
        }
        process = self._run("edge", [sys.executable, "-m", "salepixel_edge.server"], settings)
        sale = "/track/sale?empId=1&PRODUCTO=Red+shoes&CANTIDAD=2&IMPORTE=39.80&order="

        def health() -> dict[str, Any]:
            return ask_health(port)

        def take_in() -> None:
            # Shipping is part of the work. This replaces the worker: without it, the shipper would stop at a
            # full stream, and the edge would look cheaper than it is.
            while (state := health())["shipped"] < state["durable"]:
                time.sleep(0.05)
            for name in cast(set[bytes], self._redis.smembers(JOURNALS_KEY)):
                publish_marks(self._redis, {name.decode(): state["durable"]})

        for name, path in (
            (EDGE, self._click),
            (PIXEL, sale),
            (DYNAMIC, self._dynamic),
            (NEW_PAGE, self._new_page),
        ):
            self._add(Server(name, process, port, path, lambda: int(health()["durable"]), take_in))
        self.versions += [f"{package} {version(package)}" for package in ("uvloop", "httptools")]

    def _start_nginx(self) -> None:
        if not shutil.which("nginx"):
            self.missing += [f"{STATIC}: apt install nginx", f"{LUA}: apt install nginx"]
            return
        version = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
        self.versions += re.findall(r"nginx/\S+", version)
        self._start_conf(STATIC, "nginx_static", {}, None)
        if all(file.exists() for file in LUA_FILES):
            # The key that signs links: this yardstick verifies the same links.
            key = self._keys.derive(self._keys.active, "link").hex()
            self._start_conf(LUA, "nginx_lua", {"key": key}, self._added)
        else:
            self.missing.append(f"{LUA}: apt install libnginx-mod-http-lua lua-nginx-redis")

    def _start_conf(
        self, name: str, file: str, values: dict[str, str], written: Callable[[], int] | None
    ) -> None:
        port = free_port(0)
        text = (HERE / f"{file}.conf").read_text()
        known = {"port": port, "folder": self._folder, "here": HERE, "socket": self._socket, **values}
        for key, value in known.items():
            text = text.replace(f"@{key}@", str(value))
        conf = self._folder / f"{file}.conf"
        conf.write_text(text)
        process = self._run(file, ["nginx", "-p", str(self._folder), "-c", str(conf)], {})
        self._add(Server(name, process, port, self._click, written))

    def _start_python(self) -> None:
        settings = {
            "BENCH_REDIS": f"unix://{self._socket}",
            "BENCH_KEYS": str(self._folder / "edge" / "keys.json"),
        }
        uvicorn = "uvicorn --http httptools --loop uvloop --no-access-log --log-level error --port {}"
        gunicorn = (
            "gunicorn --threads 8 --no-control-socket --keep-alive 75 --log-level error --bind 127.0.0.1:{}"
        )
        for name, command, app in (
            ("Starlette + uvicorn + Redis", uvicorn, "bench.yardsticks.starlette_app:app"),
            ("Flask + gunicorn + Redis", gunicorn, "bench.yardsticks.flask_app:app"),
        ):
            port = free_port(0)
            arguments = [sys.executable, "-m", *command.format(port).split(), app]
            process = self._run(name.split()[0], arguments, settings)
            self._add(Server(name, process, port, self._click, self._added))
        packages = ("starlette", "uvicorn", "flask", "gunicorn", "redis")
        self.versions += [f"{package} {version(package)}" for package in packages]

    def _added(self) -> int:
        """The number of entries that the yardsticks added to their stream, including those trimmed since."""
        try:
            return int(self._redis.xinfo_stream(STREAM)["entries-added"])
        except ResponseError:  # nothing was added yet
            return 0

    def _add(self, server: Server) -> None:
        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", server.port)) == 0

        if _until(lambda: listens() or not server.process.is_running()) and listens():
            self.all.append(server)
        else:
            logs = [self._folder / f"{name}.out" for name in (server.name.split()[0], "nginx_lua")]
            last_lines = [line for log in logs if log.exists() for line in log.read_text().splitlines()[-2:]]
            self.missing.append(f"{server.name}: does not start; {' '.join(last_lines)}")

    def _run(self, name: str, command: list[str], settings: dict[str, str]) -> psutil.Process:
        log = self._stack.enter_context((self._folder / f"{name}.out").open("wb"))
        process = subprocess.Popen(
            ["taskset", "-c", str(self.core), *command],
            env={**environment(), **settings},
            stdout=log,
            stderr=log,
        )
        self._stack.callback(_end, process)
        return psutil.Process(process.pid)


def ask_health(port: int) -> dict[str, Any]:
    """The edge's own health report."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        state: dict[str, Any] = json.loads(connection.getresponse().read())
        return state
    finally:
        connection.close()


def _until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
