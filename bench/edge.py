"""CPU time of a click at the edge, fsync included, compared with other servers without the fsync."""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop
from redis import Redis

from bench.rounds import spread
from bench.servers import (
    DYNAMIC,
    EDGE,
    HERE,
    LUA,
    NEW_PAGE,
    PIXEL,
    STATIC,
    STREAM,
    Load,
    Server,
    Servers,
    ask_health,
)
from bench.visitors import Crowd, Log
from salepixel.settings import environment

SECONDS = 3
ROUNDS = 5
CONNECTIONS = 64
CLICKS = int(environment().get("BENCH_CLICKS", "1000000"))
"""The number of clicks and hits after which the memory of the edge's process is printed."""


class WentWrong(RuntimeError):
    """A server did not do its work; the message says what happened."""


@dataclass(frozen=True, slots=True)
class Table:
    """The results of all servers, and which could not be measured."""

    lines: list[str]

    def line(self) -> str:
        """As a table."""
        return "\n".join(self.lines)


def run(redis: Redis) -> Table:
    """Measure all servers in turn."""
    if lacking := [program for program in ("wrk", "taskset") if not shutil.which(program)]:
        return Table([f"the edge: not measured, apt install {' '.join(lacking)}"])
    # Not in /tmp, which may be in memory: an fsync would cost nothing there.
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=Path("build").resolve()) as folder, ExitStack() as stack:
        redis.flushall()
        servers = Servers(redis, Path(folder), stack)
        servers.start()
        for number in range(ROUNDS + 1):
            for server in list(servers.all):
                _log(f"edge: round {number} of {ROUNDS}, {server.name}")
                redis.delete(STREAM)
                try:
                    load = _measure(servers, server)
                except WentWrong as problem:
                    servers.all.remove(server)
                    servers.missing.append(f"{server.name}: {problem}")
                else:
                    if number:  # the first round only fills caches
                        server.loads.append(load)
        return Table(
            [
                f"with {', '.join(servers.versions)}",
                *_table(servers),
                *(f"missing: {line}" for line in servers.missing),
                "",
                *_half_load(servers),
                "",
                _memory(servers),
            ]
        )


def _measure(servers: Servers, server: Server) -> Load:
    """One run of load on one server, until all of its records are processed."""
    written = server.written() if server.written else 0
    before = server.cpu_seconds(), _cpu(servers.redis_process)
    wrk = f"taskset -c {servers.client_core} wrk -t 1 -c {CONNECTIONS} -d {SECONDS}s --latency"
    client = subprocess.run(
        [*wrk.split(), "-s", HERE / "load.lua", f"http://127.0.0.1:{server.port}", "--", server.path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    server.settle()
    after = server.cpu_seconds(), _cpu(servers.redis_process)
    count = int(_found(r"(\d+) requests in", client))
    if wrong := re.search(r"(Non-2xx.*|Socket errors.*)", client):
        raise WentWrong(wrong[0])
    if not count:
        raise WentWrong("answers nobody")
    if server.written and server.written() - written < count:
        raise WentWrong(f"answered {count}, recorded {server.written() - written}")
    server_us, redis_us = ((b - a) / count * 1e6 for a, b in zip(before, after, strict=True))
    return Load(server_us, redis_us, count / SECONDS, _milliseconds(client, 50), _milliseconds(client, 99))


def _table(servers: Servers) -> list[str]:
    lines = [
        f"| server | CPU us | with Redis us | ratio to {LUA} | with Redis | p50 ms | p99 ms | a second |",
        "|---|---|---|---|---|---|---|---|",
    ]
    yardstick = servers.of(LUA)
    for server in servers.all:
        loads = server.loads
        own, both = [load.server_us for load in loads], [load.server_us + load.redis_us for load in loads]
        ratios = ["", ""]
        if yardstick:
            pairs = list(zip(loads, yardstick.loads, strict=True))
            whole = [(a.server_us + a.redis_us) / (b.server_us + b.redis_us) for a, b in pairs]
            ratios = [spread([a.server_us / b.server_us for a, b in pairs]), spread(whole)]
        lines.append(
            f"| {server.name} | {spread(own)} | {spread(both)} | {ratios[0]} | {ratios[1]} "
            f"| {statistics.median(load.p50_ms for load in loads):.1f} "
            f"| {statistics.median(load.p99_ms for load in loads):.1f} "
            f"| {statistics.median(load.rate for load in loads):,.0f} |"
        )
    for name, other in ((EDGE, STATIC), (PIXEL, EDGE), (DYNAMIC, EDGE), (NEW_PAGE, EDGE)):
        one, two = servers.of(name), servers.of(other)
        if one and two:
            ratio = spread([a.server_us / b.server_us for a, b in zip(one.loads, two.loads, strict=True)])
            lines.append(f"{name} to {other}: {ratio}")
    return lines


def _half_load(servers: Servers) -> list[str]:
    """The latency at half of the edge's highest load, with visitors that do not wait for each other.

    The yardstick gets the same rate, so both include the client's own time.
    """
    edge = servers.of(EDGE)
    if not edge:
        return []
    rate = statistics.median(load.rate for load in edge.loads) / 2
    lines = [
        f"At half of the edge's load, {rate:,.0f} requests a second (goal for the edge: p99 5 ms):",
        "",
        "| server | a second | p50 ms | p99 ms | slowest ms |",
        "|---|---|---|---|---|",
    ]
    for server in filter(None, map(servers.of, (EDGE, LUA))):
        _log(f"edge: half load, {server.name}")
        logs = [_visit(server, rate, servers.client_core) for _ in range(ROUNDS)]
        server.settle()
        cells = (
            server.name,
            f"{statistics.median(len(log.seconds) / log.took for log in logs):,.0f}",
            spread([log.median_ms for log in logs]),
            spread([log.quantile_ms(0.99) for log in logs]),
            f"{max(log.quantile_ms(1) for log in logs):.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _visit(server: Server, rate: float, core: int) -> Log:
    async def visit() -> Log:
        return await Crowd(server.port, server.path).visit(rate, SECONDS)

    this = psutil.Process()
    affinity = this.cpu_affinity()
    this.cpu_affinity([core])
    try:
        return uvloop.run(visit())
    finally:
        this.cpu_affinity(affinity)


def _memory(servers: Servers) -> str:
    """The memory of the edge's processes, now and after CLICKS clicks."""
    edge = servers.of(EDGE)
    if not edge:
        return ""
    sizes = []
    while True:
        count = ask_health(edge.port)["durable"]
        _log(f"edge: memory after {count:,} of {CLICKS:,} clicks")
        sizes.append((count, max(child.memory_info().rss for child in edge.process.children()) / 1e6))
        if count >= CLICKS:
            break
        _measure(servers, edge)
    (first, least), (last, most) = sizes[0], sizes[-1]
    return (
        f"memory of an edge's process: {least:.0f} MB after {first:,} clicks and hits, "
        f"{most:.0f} MB after {last:,} (goal 60 MB)"
    )


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if not found:
        raise WentWrong(f"not as wrk writes it: {text}")
    return found[1]


def _milliseconds(text: str, quantile: int) -> float:
    value = _found(rf"{quantile}%\s+([\d.]+[a-z]+)", text)
    number, unit = float(value.rstrip("mus")), value.lstrip("0123456789.")
    return number * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
