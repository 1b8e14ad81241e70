"""The load of a real mailing on the whole stack: each redirect must be in the database exactly once."""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import sqlalchemy as sa
import uvloop

from bench.bad_clients import BadClients
from bench.visitors import Crowd, Log
from kit.stack import Stack
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import load_keys
from salepixel.storage import schema
from salepixel.storage.database import Database, open_database

CATCH_UP_SECONDS = 600
STANDSTILL_SECONDS = 30
"""If no click has arrived in the database for this long, no more will arrive."""

PROGRESS_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Profile:
    """A rate of clicks per second for some seconds, perhaps with Redis frozen; the goal is for p99, in ms."""

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
    Profile("a mailing", 500, 2, 100),
    Profile("its first half minute", 1_500, 1, 5_000),
    Profile("with Redis frozen", 500, 2, 250, redis_frozen=True),
)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a profile.

    `lost`: answered clicks that are not in the database. `twice`: extra clicks of a visitor in the database.
    `behind`: seconds from the last answer until all clicks were in the database.
    """

    profile: Profile
    log: Log
    ends: Counter[str]
    lost: int
    twice: int
    behind: float

    def line(self) -> str:
        """A row of the table."""
        log, profile = self.log, self.profile
        cells = (
            f"{profile.name}: {profile.rate:,} a second for {profile.seconds} s",
            f"{len(log.tokens):,}",
            f"{len(log.tokens) / log.took:,.0f}" if log.took else "",
            f"{log.failed}",
            f"{log.median_ms:.1f}",
            f"{log.quantile_ms(0.99):.1f} (goal {profile.goal_ms:.0f})",
            f"{log.quantile_ms(1):.0f}",
            f"{self.lost}",
            f"{self.twice}",
            f"{self.behind:.1f}",
        )
        return f"| {' | '.join(cells)} |"

    def beside(self) -> str:
        """How the connections of the bad clients ended."""
        ends = ", ".join(f"{end} {count:,} times" for end, count in sorted(self.ends.items()))
        return f"bad clients beside {self.profile.name}: {ends}"


TABLE = """| load | answered | a second | refused | p50 ms | p99 ms | slowest ms | lost | twice | behind s |
|---|---|---|---|---|---|---|---|---|---|"""


def run(profiles: Sequence[Profile], data: Path, *, workers: int = 1) -> list[Result]:
    """Play the profiles one after the other on one stack."""
    with Stack(
        data, api_key="sp_bench_of_a_mailing", settings={"SALEPIXEL_EDGE_WORKERS": str(workers)}
    ) as stack:
        link = _link(stack)
        sealer = ClickSealer(load_keys(data / "keys.json"))
        results = []
        for number, profile in enumerate(profiles):
            _log(f"{profile.name}: {profile.rate:,} a second for {profile.seconds} s")
            # Each visitor has its own reference, so that duplicates are found.
            contact = f"c{number}-"
            log, ends = _play(stack, link + contact, profile)
            answered = {sealer.open(token.decode()).id for token in log.tokens}
            with closing(open_database("", data)) as database:
                behind = _wait(database, contact, len(answered))
                lost, twice = compare(database, contact, answered)
            results.append(Result(profile, log, ends, lost, twice, behind))
            _log(results[-1].line())
        _log(_what_stays(stack))
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
    return "/c/" + url.partition("/c/")[2].replace("{contact}", "")


def _play(stack: Stack, path: str, profile: Profile) -> tuple[Log, Counter[str]]:
    async def visit() -> tuple[Log, Counter[str]]:
        crowd = Crowd(stack.edge_port, path)
        async with BadClients(stack.edge_port) as bad:
            progress = asyncio.create_task(_print_progress(crowd.log))
            log = await crowd.visit(profile.rate, profile.seconds)
            progress.cancel()
        return log, bad.ends

    redis = next(p for p in psutil.Process(stack.pid).children() if "valkey-server" in p.name())
    if profile.redis_frozen:
        os.kill(redis.pid, signal.SIGSTOP)
    try:
        return uvloop.run(visit())
    finally:
        if profile.redis_frozen:
            os.kill(redis.pid, signal.SIGCONT)


async def _print_progress(log: Log) -> None:
    seen = 0
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        some, seen = log.seconds[seen:], len(log.seconds)
        _log(f"  {seen:,} answered, the slowest of the last {len(some):,} in {max(some, default=0):.3f} s")


def _wait(database: Database, contact: str, count: int) -> float:
    """Wait until this number of clicks of these contacts is in the database; returns the seconds it took."""
    begun = changed = time.monotonic()
    there = _count(database, contact)
    while there < count and time.monotonic() < min(begun + CATCH_UP_SECONDS, changed + STANDSTILL_SECONDS):
        time.sleep(0.5)
        before, there = there, _count(database, contact)
        if there != before:
            changed = time.monotonic()
            _log(f"  {there:,} of {count:,} are in the database")
    return changed - begun


def _count(database: Database, contact: str) -> int:
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).where(_theirs(contact))) or 0


def _theirs(contact: str) -> sa.ColumnElement[bool]:
    """Contacts whose reference starts with this. A range can use the index; "." comes right after "-"."""
    clicks = schema.clicks.c
    return sa.and_(clicks.emp_id == 1, clicks.contact >= contact, clicks.contact < contact[:-1] + ".")


def compare(database: Database, contact: str, answered: set[bytes]) -> tuple[int, int]:
    """The numbers of answered clicks that are not in the database, and of extra clicks of visitors there."""
    with database.read() as connection:
        clicks = schema.clicks.c
        stored = connection.execute(sa.select(clicks.id, clicks.contact).where(_theirs(contact))).all()
    lost = answered.difference(click_id for click_id, _ in stored)
    return len(lost), len(stored) - len({name for _, name in stored})


def _what_stays(stack: Stack) -> str:
    """The size of the processes and of the journal."""
    processes = [
        f"{' '.join(process.cmdline()[2:3]) or process.name()} {process.memory_info().rss / 1e6:.0f} MB"
        for process in psutil.Process(stack.pid).children(recursive=True)
    ]
    journal = sum(file.stat().st_size for file in (stack.data / "journal").glob("*/*.seg"))
    return f"at the end: {', '.join(processes)}; journal {journal / 1e6:.0f} MB"


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """`python -m bench.mailing`: the full load; `--short` for a quick try."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--workers", type=int, default=1, help="processes of the edge")
    arguments = parser.parse_args()
    # Not in /tmp, which may be in memory.
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build") as folder:
        results = run(SHORT if arguments.short else FULL, Path(folder), workers=arguments.workers)
    print(TABLE)
    for result in results:
        print(result.line())
    for result in results:
        print(result.beside())
    if any(result.lost or result.twice for result in results):
        sys.exit("answered clicks are missing, or stored twice")


if __name__ == "__main__":
    main()
