"""CPU of the edge per click, fsync included, against a bare redirect by the same server."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from redis import Redis

from bench.rounds import Ratio, in_turn
from demo.stack import free_port
from salepixel.keys import load_keys
from salepixel.links import Link, LinkSealer, new_id
from salepixel.settings import environment

CLICKS = 12_000
CONNECTIONS = 32
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"


def run(redis: Redis) -> Ratio:
    """Microseconds of CPU (user and system, all threads of the server) per request."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        link = Link(1, new_id(), new_id(), "https://shop.test/p/1?a=b")
        path = "/c/" + LinkSealer(load_keys(data / "keys.json")).seal(link)
        address = f"unix://{redis.connection_pool.connection_kwargs['path']}"
        port, bare_port = free_port(0), free_port(0)
        settings = {
            "SALEPIXEL_DATA": folder,
            "SALEPIXEL_REDIS_URL": address,
            "SALEPIXEL_EDGE_PORT": str(port),
        }
        edge = _start([sys.executable, "-m", "salepixel_edge.server"], settings)
        granian = [str(Path(sys.executable).parent / "granian"), "--interface", "rsgi", "--no-ws"]
        bare = _start([*granian, "--port", str(bare_port), "bench.bare:app"], {})
        try:
            return in_turn(
                "CPU of a click",
                lambda: _load(edge.pid, port, path),
                "a bare redirect by granian",
                lambda: _load(bare.pid, bare_port, path),
                "us",
            )
        finally:
            for process in (edge, bare):
                process.terminate()
                process.wait()


def _start(command: list[str], settings: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, env={**environment(), **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _load(server: int, port: int, path: str) -> float:
    _wait(port)
    before = _cpu_seconds(server)
    threads = [threading.Thread(target=_visit, args=(port, path, n)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (_cpu_seconds(server) - before) / CLICKS * 1e6


def _visit(port: int, path: str, number: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for serial in range(CLICKS // CONNECTIONS):
            head = (
                f"GET {path}?k=c{number}-{serial} HTTP/1.1\r\nHost: track.test\r\nUser-Agent: {AGENT}\r\n\r\n"
            )
            connection.sendall(head.encode())
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 302"), answer[:100]  # noqa: S101


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens on {port}")


def _cpu_seconds(parent: int) -> float:
    """Of a server's own worker processes (proc(5), stat: ppid, utime, stime)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
