"""How the cost of a click, an order and a page grows with what is stored: `python -m bench.growth`.

Fills databases of growing size with the product's own functions and measures each in the same run. The curve
is printed, and written to build/growth.json. Not one of the ratios of `make bench`: it takes half an hour.
"""

import argparse
import gc
import json
import multiprocessing
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from bench.__main__ import machine
from bench.burst import play_burst
from bench.pages import CHANGES_ALL, Call, Visitor, all_calls, find_place, open_plugin
from bench.world import BIG, EMP, LINKS, World, contact_ref, link_id
from kit.postgresql import running_postgresql
from salepixel.clicks.store import settle_clicks, store_clicks
from salepixel.clicks.tokens import Click, ClickSealer, Signal, new_click_id
from salepixel.keys import Keys, load_keys
from salepixel.orders.requeue import DueReason, requeue_orders
from salepixel.storage.database import Database, migrate, open_database
from salepixel.storage.installation import claim_database
from salepixel.storage.schema import clicks, due, orders
from salepixel_worker.garbage import without_collection
from salepixel_worker.sweep import reconcile_due

SIZES = {"sqlite": (10_000, 100_000, 1_000_000), "postgresql": (10_000, 100_000)}
BOX_SECONDS = 1800
OUTPUT = Path("build") / "growth.json"
ROUNDS = 5
FOLDED = 4_800  # clicks of one transaction of the fold, each by a different contact
RECONCILED = 400
PAGE_SECONDS, PAGE_ROUNDS = 0.5, 21
SLOW_SECONDS = 5.0
"""A call that takes longer at one size is left out at the next ones: exports, models."""

POSTGRESQL = (
    "-c max_connections=60 -c shared_buffers=1GB -c max_wal_size=4GB -c work_mem=16MB "
    "-c maintenance_work_mem=512MB"
)
"""fsync is on, as in production."""


@dataclass
class Measured:
    """Results at one size: CPU and bytes by piece, `pages` (p50) and `slowest` (p95) in ms."""

    size: int
    costs: dict[str, float] = field(default_factory=dict)
    pages: dict[str, float] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)


class Clock:
    """CPU of this process, and of the connections that it has to PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._servers: list[psutil.Process] = []
        if database.engine.dialect.name == "postgresql":
            with database.read() as connection:
                query = sa.text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
                self._servers = [psutil.Process(pid) for pid in connection.scalars(query)]

    def cpu(self) -> float:
        """Seconds so far."""
        times = [server.cpu_times() for server in self._servers if server.is_running()]
        return time.process_time() + sum(each.user + each.system for each in times)


def measure_clicks(world: World, found: Measured) -> None:
    """CPU in us per click: rows alone, folded without and with an order of the last minutes, settled."""
    some: dict[str, list[float]] = {}
    clock = Clock(world.database)
    newest = sa.select(orders.c.shop_id, orders.c.id, orders.c.placed_at).order_by(orders.c.placed_at.desc())
    with world.database.read() as connection:
        key = connection.execute(newest.limit(1)).one()
    this = orders.c.shop_id == key.shop_id, orders.c.id == key.id
    for number in range(ROUNDS + 1):
        for kind in ("rows alone", "fold", "fold with a recent order"):
            # Later than all stored clicks, and an hour apart, so that no click has neighbours.
            hours = 3 * number + ("rows alone", "fold", "fold with a recent order").index(kind) + 1
            at = world.now + timedelta(hours=hours)
            batch = _batch(world, at, number)
            placed_at = at if kind == "fold with a recent order" else key.placed_at
            with world.database.write() as connection:
                connection.execute(sa.update(orders).where(*this).values(placed_at=placed_at))
                connection.execute(sa.delete(due))
            gc.disable()  # as the fold does
            begun = clock.cpu()
            with world.database.write() as connection:
                if kind == "rows alone":
                    _insert(connection, batch)
                else:
                    store_clicks(connection, batch)
            took = clock.cpu() - begun
            gc.enable()
            if number:
                some.setdefault(kind, []).append(took / len(batch) * 1e6)
        begun, settled = clock.cpu(), 0
        while count := _settle(world.database, at + timedelta(hours=1)):
            settled += count
        if number:
            some.setdefault("settle", []).append((clock.cpu() - begun) / settled * 1e6)
    with world.database.write() as connection:
        connection.execute(sa.update(orders).where(*this).values(placed_at=key.placed_at))
        connection.execute(sa.delete(due))
    found.costs |= {f"{kind}, us": statistics.median(values) for kind, values in some.items()}


def _batch(world: World, at: datetime, seed: int) -> list[tuple[Click, Signal]]:
    chance, ms = random.Random(seed), int(at.timestamp() * 1000)  # noqa: S311
    # A second click of the same contact would look like a scanner's.
    people = chance.sample(range(world.contacts), min(FOLDED, world.contacts))
    some = (
        Click(new_click_id(ms + n), EMP, BIG, link_id(BIG, n % LINKS), contact_ref(contact))
        for n, contact in enumerate(people)
    )
    return [(click, Signal.CHROMIUM) for click in some]


def _insert(connection: sa.Connection, batch: Sequence[tuple[Click, Signal]]) -> None:
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    rows = [(*click, int(signals), "human", "", 0.0) for click, signals in batch]
    values = ", ".join([mark] * len(clicks.c))
    connection.connection.cursor().executemany(f"INSERT INTO clicks VALUES ({values})", rows)  # noqa: S608


def _settle(database: Database, now: datetime) -> int:
    with without_collection(), database.write() as connection:
        return settle_clicks(connection, now, 2000)


def measure_orders(world: World, found: Measured, url: str, data: Path) -> None:
    """CPU in ms per order that is decided again, and orders a second with one worker and with two."""
    with world.database.read() as connection:
        query = sa.select(orders.c.shop_id, orders.c.id).where(orders.c.number.not_like("%-%"))
        keys = [(row.shop_id, row.id) for row in connection.execute(query.limit(100_000))]
    random.Random(3).shuffle(keys)  # noqa: S311
    clock, cpu, rate = Clock(world.database), [], []
    count = min(RECONCILED, len(keys))
    for number in range(ROUNDS + 1):
        some = [keys[(number * count + n) % len(keys)] for n in range(count)]
        _requeue(world.database, some)
        used, begun = clock.cpu(), time.perf_counter()
        world.reconcile()
        if number:
            cpu.append((clock.cpu() - used) / count * 1e3)
            rate.append(count / (time.perf_counter() - begun))
    found.costs |= {
        "reconcile, ms": statistics.median(cpu),
        "orders/s of one worker": statistics.median(rate),
    }
    found.costs["orders/s of two workers"] = statistics.median(
        _two_workers(world.database, keys, url, data) for _ in range(3)
    )


def _requeue(database: Database, keys: Sequence[tuple[str, str]]) -> None:
    with database.write() as connection:
        requeue_orders(connection, keys, DueReason.CLICKS)


def _two_workers(database: Database, keys: Sequence[tuple[str, str]], url: str, data: Path) -> float:
    """Orders a second of two processes that share one queue."""
    context = multiprocessing.get_context("spawn")
    ready, go, ended = context.Barrier(3), context.Barrier(3), context.Queue()
    workers = [context.Process(target=_work, args=(url, data, ready, go, ended)) for _ in range(2)]
    _requeue(database, keys[-2 * RECONCILED :])  # statements are built at their first use
    for worker in workers:
        worker.start()
    ready.wait(120)
    some = keys[: 4 * RECONCILED]
    _requeue(database, some)
    go.wait(120)
    begun = time.time()
    last: float = max(ended.get() for _ in workers)
    for worker in workers:
        worker.join()
    return len(some) / (last - begun)


def _work(url: str, data: Path, ready: Any, go: Any, ended: Any) -> None:
    database, sealer = open_database(url, data), ClickSealer(load_keys(data / "keys.json"))
    reconcile_due(database, sealer, 1000)
    ready.wait(120)
    go.wait(120)
    while reconcile_due(database, sealer, 1000):
        pass
    ended.put(time.time())
    database.close()


def measure_pages(visitor: Visitor, calls: Sequence[Call], found: Measured, skipped: set[str]) -> None:
    """Milliseconds of each page and endpoint; a call that is too slow is added to `skipped`."""
    for call in calls:
        if call.name in skipped:
            continue
        took: list[float] = []
        stop = time.perf_counter() + PAGE_SECONDS
        while len(took) < 2 or (len(took) < PAGE_ROUNDS and time.perf_counter() < stop):
            begun = time.perf_counter()
            visitor.ask(call)
            took.append((time.perf_counter() - begun) * 1e3)
            if took[-1] > SLOW_SECONDS * 1e3:
                skipped.add(call.name)
                break
        took = sorted(took[1:] or took)  # the first one fills caches
        found.pages[call.name] = round(statistics.median(took), 2)
        found.slowest[call.name] = round(took[min(len(took) - 1, int(len(took) * 0.95))], 2)


def fill(database: Database, keys: Keys, size: int, found: Measured) -> World:
    """Add a year with so many clicks; notes the time it took, and the bytes of a click and of an order."""
    begun, before = time.monotonic(), _bytes(database)
    world = World(database, keys)
    for stage in world.stages(size):
        now = _bytes(database)
        if stage == "clicks":
            found.costs["bytes of a click"] = (now - before) / size
        elif stage == "orders":
            found.costs["bytes of an order"] = (now - before) / world.orders
        before = now
    found.costs["orders"] = world.orders
    found.costs["fill, s"] = time.monotonic() - begun
    return world


def _bytes(database: Database) -> int:
    if database.engine.dialect.name == "postgresql":
        with database.read() as connection:
            return int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(str(database.engine.url.database)).stat().st_size


def measure(kind: str, size: int, url: str, data: Path, skipped: set[str]) -> Measured:
    """Fill a database and measure all of it."""
    found = Measured(size)
    data.mkdir(parents=True)
    keys = load_keys(data / "keys.json")
    database = open_database(url, data)
    migrate(database)
    with database.write() as connection:
        claim_database(connection, keys)  # otherwise the stack rejects these keys as foreign
    with without_waiting(database):
        world = fill(database, keys, size, found)
    analyze(database)
    _log(f"{kind}, {size:,} clicks: filled in {found.costs['fill, s']:.0f} s")
    measure_clicks(world, found)
    measure_orders(world, found, url, data)
    visitor = open_plugin(database, data, keys)
    calls = [
        call
        for call in all_calls(visitor.app, find_place(database, world.shop.id))
        if call.name not in CHANGES_ALL
    ]
    measure_pages(visitor, calls, found, skipped)
    database.close()
    _log(f"{kind}, {size:,} clicks: measured")
    return found


def analyze(database: Database) -> None:
    """As PostgreSQL does by itself a minute after rows were stored; SQLite never does."""
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")


@contextmanager
def without_waiting(database: Database) -> Iterator[None]:
    """Connections that are opened in this context commit without waiting for the disk."""
    wait = (
        "SET synchronous_commit = off"
        if database.engine.dialect.name == "postgresql"
        else "PRAGMA synchronous=OFF"
    )

    def configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(wait)
        cursor.close()
        if wait.startswith("SET"):
            connection.commit()

    database.engine.dispose()
    sa.event.listen(database.engine, "connect", configure)
    yield
    sa.event.remove(database.engine, "connect", configure)
    database.engine.dispose()


def as_json(found: Sequence[Measured], burst: dict[str, Any]) -> dict[str, Any]:
    """The part of build/growth.json for one database. Its ratios compare the largest size with 100 k.

    If 100 k is the largest size or was not measured, they compare it with the smallest.
    """
    by_size = {one.size: one for one in found}
    result: dict[str, Any] = {
        "machine": machine(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sizes": sorted(by_size),
        "burst": burst,
    }
    most = found[-1]
    least = by_size.get(100_000, found[0]) if most.size > 100_000 else found[0]
    names = {
        "reconcile, ms": "reconcile",
        "fold, us": "fold",
        "fold with a recent order, us": "fold_with_order",
    }
    for what, name in names.items() if least is not most else ():
        ratio = round(most.costs[what] / least.costs[what], 2)
        result[f"{name}_ratio_{_short(least.size)}_{_short(most.size)}"] = ratio
    result["fold_to_executemany"] = round(
        most.costs["fold with a recent order, us"] / most.costs["rows alone, us"], 2
    )
    one, two = most.costs["orders/s of one worker"], most.costs["orders/s of two workers"]
    result["two_workers_to_one"] = round(two / one, 2)
    result["costs"] = _turned({one.size: one.costs for one in found})
    result["pages"] = _turned({one.size: one.pages for one in found})
    result["pages_p95"] = _turned({one.size: one.slowest for one in found})
    return result


def _turned(values: dict[int, dict[str, float]]) -> dict[str, dict[str, float]]:
    turned: dict[str, dict[str, float]] = {}
    for size, its in values.items():
        for name, value in its.items():
            turned.setdefault(name, {})[str(size)] = round(value, 2)
    return turned


def _short(size: int) -> str:
    return f"{size // 1_000_000}m" if size >= 1_000_000 else f"{size // 1000}k"


def lines(kind: str, result: dict[str, Any]) -> list[str]:
    """The curve as a table of Markdown."""
    sizes = [str(size) for size in result["sizes"]]
    head = [f"| {kind} | {' | '.join(f'{int(size):,}' for size in sizes)} |", f"|{'---|' * (len(sizes) + 1)}"]
    rows = [*result["costs"].items(), *((f"{name}, ms", values) for name, values in result["pages"].items())]
    body = [
        f"| {name} | {' | '.join(str(values.get(size, '-')) for size in sizes)} |" for name, values in rows
    ]
    others = {name: value for name, value in result.items() if not isinstance(value, dict | list)}
    return [
        *head,
        *body,
        "",
        *(f"{name}: {value}" for name, value in others.items()),
        f"burst: {result['burst']}",
        "",
    ]


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def run(kind: str, url: str, folder: Path, asked: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """All sizes of one database that the time allows, then the burst on the largest of them."""
    found: list[Measured] = []
    skipped: set[str] = set()
    sizes, took, here, address = getattr(asked, kind), 0.0, folder, ""
    for size in sizes:
        if found and time.monotonic() + took * size / found[-1].size > deadline:
            _log(f"{kind}, {size:,} clicks: not enough time is left")
            break
        if found:
            shutil.rmtree(here)
        begun, here = time.monotonic(), folder / f"{kind}-{size}"
        address = new_database(url, f"growth_{size}") if url else ""
        found.append(measure(kind, size, address, here, skipped))
        took = time.monotonic() - begun
        _write(kind, as_json(found, {}))
    if not asked.burst:
        return as_json(found, {})
    try:
        burst = play_burst(here, address, asked.burst)
    except Exception as error:
        # An hour of measurements is worth more than a burst: report why there is none.
        _log(f"{kind}: no burst: {error!r}")
        burst = {"failed": type(error).__name__}
    return as_json(found, burst)


def _write(kind: str, result: dict[str, Any]) -> None:
    """Write the results of one database; those of a run on the other stay. Each has its machine and time."""
    before: dict[str, Any] = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else {}
    OUTPUT.write_text(json.dumps({**before, kind: result}, indent=1) + "\n")


def new_database(url: str, name: str) -> str:
    """Create a database; returns its URL."""
    server = sa.make_url(url)
    engine = sa.create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


def main() -> None:
    """Measure, print the curve, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    for kind, sizes in SIZES.items():
        parser.add_argument(f"--{kind}", type=int, nargs="*", default=list(sizes), metavar="CLICKS")
    parser.add_argument("--burst", type=int, default=50_000, help="clicks of the burst; 0: none")
    parser.add_argument("--seconds", type=float, default=BOX_SECONDS, help="for each database, about")
    asked = parser.parse_args()
    OUTPUT.parent.mkdir(exist_ok=True)
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT.parent) as folder:
        for kind in SIZES:
            if not getattr(asked, kind):
                continue
            deadline = time.monotonic() + asked.seconds
            if kind == "sqlite":
                result = run(kind, "", Path(folder).resolve(), asked, deadline)
            else:
                with running_postgresql(options=POSTGRESQL) as url:
                    result = run(kind, url, Path(folder).resolve(), asked, deadline)
            _write(kind, result)
            print("\n".join(lines(kind, result)), flush=True)


if __name__ == "__main__":
    main()
