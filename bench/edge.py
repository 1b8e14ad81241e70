"""CPU of a click at the edge, fsync included, against other servers that do the same without it."""

import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import psutil
import uvloop
from redis import Redis

from bench.rounds import spread
from bench.visitors import Crowd, Log
from demo.stack import free_port
from salepixel.keys import Keys, load_keys
from salepixel.links import Link, LinkSealer, new_id
from salepixel.settings import environment
from salepixel.streams import DIRECTORY_KEY, Directory

SECONDS = 3
ROUNDS = 5
CONNECTIONS = 64
SERVER_CORE, CLIENT_CORE = "0", "1"
HERE = Path(__file__).parent / "yardsticks"
STATIC, LUA, EDGE, PIXEL = "nginx, static 302", "nginx + Lua + Redis", "salepixel edge", "salepixel pixel"


@dataclass(frozen=True, slots=True)
class Load:
    """One run: microseconds of CPU per request (the server's, and Redis's), answers a second, latency."""

    server_us: float
    redis_us: float
    rate: float
    p50_ms: float
    p99_ms: float


@dataclass
class Server:
    """A running server: where it is, what it is asked for, and what was measured."""

    name: str
    process: psutil.Process
    port: int
    path: str
    loads: list[Load] = field(default_factory=list)


class Bench:
    """The servers, one Redis for all that need it, and the folder for what they write."""

    def __init__(self, redis: Redis, folder: Path, stack: ExitStack) -> None:
        self.redis = redis
        self.folder = folder
        self._stack = stack
        self.missing: list[str] = []
        self.servers: list[Server] = []
        self._socket = redis.connection_pool.connection_kwargs["path"]
        self.redis_process = psutil.Process(redis.info()["process_id"])
        self.redis_process.cpu_affinity([int(CLIENT_CORE)])
        (folder / "edge").mkdir()
        self.keys: Keys = load_keys(folder / "edge" / "keys.json")
        link = Link(1, new_id(), new_id(), "https://shop.test/p/1?a=b")
        self._click = f"/c/{LinkSealer(self.keys).seal(link)}?k=c"
        self.redis.set(DIRECTORY_KEY, Directory({1: ("", "")}).to_json())

    def start_all(self) -> None:
        """Start every server whose programs are here; note which are not."""
        self._start_edge()
        if self._has("nginx", "nginx"):
            self._start_nginx(STATIC, "nginx_static", {})
            lua = [
                Path("/usr/share/lua/5.1/nginx/redis.lua"),
                *Path("/usr/share/nginx/modules").glob("*http_lua*"),
            ]
            if len(lua) > 1 and all(file.exists() for file in lua):
                # The key that signs links: the yardstick opens the same links.
                key = self.keys.derive(self.keys.active, "link").hex()
                self._start_nginx(LUA, "nginx_lua", {"key": key})
            else:
                self.missing.append(f"{LUA}: apt install libnginx-mod-http-lua lua-nginx-redis")
        python = {
            "BENCH_REDIS": f"unix://{self._socket}",
            "BENCH_KEYS": str(self.folder / "edge" / "keys.json"),
        }
        uvicorn = "uvicorn --http httptools --loop uvloop --no-access-log --log-level error --port"
        gunicorn = (
            "gunicorn --threads 8 --no-control-socket --keep-alive 75 --log-level error --bind 127.0.0.1:"
        )
        for name, command, app in (
            ("Starlette + uvicorn + Redis", f"{uvicorn} ", "bench.yardsticks.starlette_app:app"),
            ("Flask + gunicorn + Redis", gunicorn, "bench.yardsticks.flask_app:app"),
        ):
            port = free_port(0)
            arguments = [sys.executable, "-m", *f"{command}{port} {app}".split()]
            self._serve(name, self._start(name, SERVER_CORE, arguments, python), port, self._click)

    def measure(self, server: Server) -> None:
        """One run of load on one server."""
        self.redis.delete("clicks")
        before = _cpu(server.process), _cpu(self.redis_process)
        client = subprocess.run(
            [
                *(
                    "taskset",
                    "-c",
                    CLIENT_CORE,
                    "wrk",
                    "-t",
                    "1",
                    "-c",
                    str(CONNECTIONS),
                    "-d",
                    f"{SECONDS}s",
                ),
                *("--latency", "-s", str(HERE / "load.lua"), f"http://127.0.0.1:{server.port}"),
                *("--", server.path),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        after = _cpu(server.process), _cpu(self.redis_process)
        if wrong := re.search(r"(Non-2xx.*|Socket errors.*)", client):
            raise RuntimeError(f"{server.name}: {wrong[0]}")
        count = int(_found(r"(\d+) requests in", client))
        server_us, redis_us = ((b - a) / count * 1e6 for a, b in zip(before, after, strict=True))
        quantiles = _milliseconds(client, 50), _milliseconds(client, 99)
        server.loads.append(Load(server_us, redis_us, count / SECONDS, *quantiles))

    def edge(self) -> Server:
        """The edge, asked for clicks."""
        return next(server for server in self.servers if server.name == EDGE)

    def _start_edge(self) -> None:
        port = free_port(0)
        settings = {
            "SALEPIXEL_DATA": str(self.folder / "edge"),
            "SALEPIXEL_REDIS_URL": f"unix://{self._socket}",
            "SALEPIXEL_EDGE_PORT": str(port),
        }
        process = self._start("edge", SERVER_CORE, [sys.executable, "-m", "salepixel_edge.server"], settings)
        self._serve(EDGE, process, port, self._click)
        sale = "/track/sale?empId=1&PRODUCTO=Red+shoes&CANTIDAD=2&IMPORTE=39.80&order="
        self._serve(PIXEL, process, port, sale)

    def _start_nginx(self, name: str, file: str, values: dict[str, str]) -> None:
        port = free_port(0)
        text = (HERE / f"{file}.conf").read_text()
        known = {"port": port, "folder": self.folder, "here": HERE, "socket": self._socket, **values}
        for key, value in known.items():
            text = text.replace(f"@{key}@", str(value))
        conf = self.folder / f"{file}.conf"
        conf.write_text(text)
        process = self._start(name, SERVER_CORE, ["nginx", "-p", str(self.folder), "-c", str(conf)], {})
        self._serve(name, process, port, self._click)

    def _serve(self, name: str, process: psutil.Process, port: int, path: str) -> None:
        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        if _until(listens):
            self.servers.append(Server(name, process, port, path))
        else:
            self.missing.append(f"{name}: does not start, see {self.folder}")

    def _start(self, name: str, core: str, command: list[str], settings: dict[str, str]) -> psutil.Process:
        log = self._stack.enter_context((self.folder / f"{name.split()[0]}.out").open("wb"))
        process = subprocess.Popen(
            ["taskset", "-c", core, *command], env={**environment(), **settings}, stdout=log, stderr=log
        )
        self._stack.callback(_end, process)
        return psutil.Process(process.pid)

    def _has(self, program: str, package: str) -> bool:
        if not shutil.which(program):
            self.missing.append(f"{program}: apt install {package}")
        return bool(shutil.which(program))


@dataclass(frozen=True, slots=True)
class Table:
    """What was measured of all servers, and what could not be."""

    lines: list[str]

    def line(self) -> str:
        """As a table."""
        return "\n".join(self.lines)


def run(redis: Redis) -> Table:
    """Measure all servers in turn."""
    if not shutil.which("wrk"):
        return Table(["the edge: not measured, apt install wrk"])
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        redis.flushall()
        bench = Bench(redis, Path(folder), stack)
        bench.start_all()
        for number in range(ROUNDS + 1):
            print(f"edge: round {number} of {ROUNDS}", file=sys.stderr, flush=True)
            for server in bench.servers:
                bench.measure(server)
                if number == 0:
                    server.loads.clear()  # the caches fill
        memory = sum(child.memory_info().rss for child in bench.edge().process.children())
        with urlopen(f"http://127.0.0.1:{bench.edge().port}/healthz") as answer:
            records = json.load(answer)["durable"]
        return Table(
            [
                *_table(bench.servers),
                *(f"missing: {line}" for line in bench.missing),
                _half_load(bench.edge()),
                f"memory of the edge's process after {records:,} clicks and hits: {memory / 1e6:.0f} MB",
            ]
        )


def _half_load(server: Server) -> str:
    """The latency of clicks at half of what the edge can do, by visitors who do not wait for each other."""
    rate = statistics.median(load.rate for load in server.loads) / 2

    async def visit() -> Log:
        return await Crowd(server.port, server.path).visit(rate, SECONDS * 3)

    affinity = psutil.Process().cpu_affinity()
    psutil.Process().cpu_affinity([int(CLIENT_CORE)])
    log = uvloop.run(visit())
    psutil.Process().cpu_affinity(affinity)
    return (
        f"the edge at half of its load, {rate:,.0f} clicks a second: p50 {log.median_ms:.1f} ms, "
        f"p99 {log.quantile_ms(0.99):.1f} ms (goal 5), slowest {log.quantile_ms(1):.0f} ms"
    )


def _table(servers: list[Server]) -> list[str]:
    lua = next((server.loads for server in servers if server.name == LUA), None)
    lines = [
        f"| server | CPU us | with Redis us | ratio to {LUA} | with Redis | p50 ms | p99 ms | a second |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for server in servers:
        own, both = (
            [load.server_us for load in server.loads],
            [load.server_us + load.redis_us for load in server.loads],
        )
        ratios = ["", ""]
        if lua:
            ratios = [
                spread([a.server_us / b.server_us for a, b in zip(server.loads, lua, strict=True)]),
                spread(
                    [
                        (a.server_us + a.redis_us) / (b.server_us + b.redis_us)
                        for a, b in zip(server.loads, lua, strict=True)
                    ]
                ),
            ]
        rest = [
            statistics.median(values)
            for values in zip(*((x.p50_ms, x.p99_ms, x.rate) for x in server.loads), strict=True)
        ]
        lines.append(
            f"| {server.name} | {spread(own)} | {spread(both)} | {ratios[0]} | {ratios[1]} "
            f"| {rest[0]:.1f} | {rest[1]:.1f} | {rest[2]:,.0f} |"
        )
    return lines


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if not found:
        raise RuntimeError(f"not as wrk writes it: {text}")
    return found[1]


def _milliseconds(text: str, quantile: int) -> float:
    value = _found(rf"{quantile}%\s+([\d.]+[a-z]+)", text)
    number, unit = float(value.rstrip("mus")), value.lstrip("0123456789.")
    return number * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _cpu(process: psutil.Process) -> float:
    """Seconds of CPU, user and system, of a process and what it started."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


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
