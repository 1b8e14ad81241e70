"""The load of a real mailing on the whole stack: each 302 that a client got must be in the database once."""

import argparse
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import sqlalchemy as sa
import uvloop

from bench.visitors import Crowd, Log
from demo.stack import Stack
from salepixel.clicks import ClickSealer
from salepixel.keys import load_keys
from salepixel.storage import schema
from salepixel.storage.database import open_database

BAD_CLIENTS = 20
CATCH_UP_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Profile:
    """So many clicks a second for so long, perhaps with Redis frozen; the goal is for 99 of 100, in ms."""

    name: str
    rate: int
    seconds: int
    goal_ms: float
    redis_frozen: bool = False


FULL = (
    Profile("a mailing", 2_000, 600, 100),
    Profile("its first half minute", 10_000, 30, 5_000),
    Profile("with Redis frozen", 2_000, 60, 250, redis_frozen=True),
)
SHORT = (
    Profile("a mailing", 500, 3, 100),
    Profile("its first half minute", 1_500, 2, 5_000),
    Profile("with Redis frozen", 500, 3, 250, redis_frozen=True),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a profile showed. `lost`: answered and not in the database; `twice`: there more than once."""

    profile: Profile
    log: Log
    lost: int
    twice: int

    def line(self) -> str:
        """A row of the table."""
        log, profile = self.log, self.profile
        cells = (
            f"{profile.name}: {profile.rate:,} a second for {profile.seconds} s",
            f"{len(log.tokens):,}",
            f"{log.failed}",
            f"{log.median_ms:.1f}",
            f"{log.quantile_ms(0.99):.1f} (goal {profile.goal_ms:.0f})",
            f"{log.quantile_ms(1):.0f}",
            f"{self.lost}",
            f"{self.twice}",
        )
        return f"| {' | '.join(cells)} |"


TABLE = """| load | answered | refused | p50 ms | p99 ms | slowest ms | lost | twice |
|---|---|---|---|---|---|---|---|"""


def run(profiles: Sequence[Profile], data: Path, *, workers: int = 1) -> list[Result]:
    """Play the profiles one after the other on one stack."""
    with Stack(data, api_key="bench", settings={"SALEPIXEL_EDGE_WORKERS": str(workers)}) as stack:
        path = _link(stack)
        results = []
        for profile in profiles:
            print(
                f"{profile.name}: {profile.rate:,} a second for {profile.seconds} s",
                file=sys.stderr,
                flush=True,
            )
            with _BadClients(stack.edge_port):
                log = _play(stack, path, profile)
            results.append(_compare(stack, profile, log))
            _tell(results[-1].line())
        return results


def _link(stack: Stack) -> str:
    mail = {
        "empId": 1,
        "name": "Bench",
        "mailer": "plain",
        "links": [{"url": "https://shop.test/p/1", "label": "Hero", "sale_pixel": True}],
    }
    request = Request(  # noqa: S310  # our own stack
        f"{stack.plugin_url}/api/v1/campaigns",
        json.dumps(mail).encode(),
        {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"},
    )
    with urlopen(request) as answer:  # noqa: S310
        url: str = json.load(answer)["links"][0]["tracked_url"]
    return "/c/" + url.partition("/c/")[2].replace("{contact}", "c")


def _play(stack: Stack, path: str, profile: Profile) -> Log:
    async def visit() -> Log:
        return await Crowd(stack.edge_port, path).visit(profile.rate, profile.seconds)

    redis = next(p for p in psutil.Process(stack.pid).children() if "valkey-server" in p.name())
    if profile.redis_frozen:
        os.kill(redis.pid, signal.SIGSTOP)
    try:
        return uvloop.run(visit())
    finally:
        if profile.redis_frozen:
            os.kill(redis.pid, signal.SIGCONT)


def _compare(stack: Stack, profile: Profile, log: Log) -> Result:
    sealer = ClickSealer(load_keys(stack.data / "keys.json"))
    answered = {sealer.open(token.decode()).id for token in log.tokens}
    deadline, told = time.monotonic() + CATCH_UP_SECONDS, time.monotonic()
    while True:
        with closing(open_database("", stack.data)) as database, database.read() as connection:
            stored = connection.scalars(sa.select(schema.clicks.c.id)).all()
        missing = answered.difference(stored)
        if not missing or time.monotonic() > deadline:
            return Result(profile, log, len(missing), len(stored) - len(set(stored)))
        if time.monotonic() - told > 2:
            told = time.monotonic()
            _tell(f"the worker has {len(missing):,} clicks to go")
        time.sleep(0.5)


class _BadClients:
    """Clients that never end their head, and such whose head is too large, beside the others."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> None:
        for number in range(BAD_CLIENTS):
            client = socket.create_connection(("127.0.0.1", self._port))
            client.setblocking(False)
            head = b"GET /c/x HTTP/1.1\r\nHost: x\r\n"
            client.send(head if number % 2 else head + b"Cookie: " + b"x" * 20_000)
            self._sockets.append(client)

    def __exit__(self, *_: object) -> None:
        for client in self._sockets:
            client.close()


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """`python -m bench.mailing`: the full load; `--short` for a look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--workers", type=int, default=1, help="processes of the edge")
    arguments = parser.parse_args()
    # Not in /tmp, which may be memory.
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build") as folder:
        results = run(SHORT if arguments.short else FULL, Path(folder), workers=arguments.workers)
    print(TABLE)
    for result in results:
        print(result.line())
    if any(result.lost or result.twice for result in results):
        sys.exit("answered clicks are missing, or there twice")


if __name__ == "__main__":
    main()
