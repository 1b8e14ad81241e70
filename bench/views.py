"""How long each page and each call takes as sales grow: `python -m bench.views`.

Fills databases with as many sales as asked, most of them copies (bench/copies.py), and asks for all that can
be read, in the same run: the milliseconds of each call (p50, p95) and its CPU. The curve is printed, and
written to build/views.json. With `--keep FOLDER`, databases stay there, and are migrated and measured in
place of filled the next time; those of PostgreSQL with `--server` too.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.__main__ import machine
from bench.copies import copy_world, differing
from bench.growth import POSTGRESQL, Clock, analyze, new_database, without_waiting
from bench.pages import Call, Visitor, all_calls, find_place, open_plugin
from bench.world import EMP, World
from kit.postgresql import running_postgresql
from salepixel.keys import Keys, load_keys
from salepixel.storage.database import Database, migrate, open_database
from salepixel.storage.installation import claim_database
from salepixel.storage.schema import sales, shops

SIZES = (10_000, 1_000_000)
ORIGINALS = 20_000
"""Sales that the product itself decides; the others are copies of them."""

SALES_OF_CLICK = 1.27
"""With an order of three or four lines for two human clicks; some orders are not attributed."""

ROUNDS, SECONDS = 21, 3.0
"""Each call is repeated so often, or for so long, but at least three times."""

GOAL_MS, GOAL_OF_FILTERS_MS, GOAL_OF_GROWTH = 50, 100, 2
OUTPUT = Path("build") / "views.json"

Milliseconds = dict[str, float]


@dataclass
class Views:
    """Milliseconds of each call with so many sales: p50, p95, and CPU with that of the server (mean)."""

    sales: int
    usual: Milliseconds = field(default_factory=dict)
    slowest: Milliseconds = field(default_factory=dict)
    cpu: Milliseconds = field(default_factory=dict)


def fill(database: Database, keys: Keys, size: int) -> None:
    """Add so many sales to an empty database. Raises RuntimeError if they are not what the product writes."""
    with database.write() as connection:
        claim_database(connection, keys)
    with without_waiting(database):
        world = World(database, keys, clicks_per_order=2, lines=3)
        world.add(round(min(size, ORIGINALS) / SALES_OF_CLICK))
        with database.read() as connection:
            count = connection.scalar(sa.select(sa.func.count()).select_from(sales)) or 1
        copy_world(world, max(1, round(size / count)))
        if wrong := differing(world):
            raise RuntimeError(f"copies differ from what the product would have written: {wrong[:3]}")


def measure(visitor: Visitor, calls: Sequence[Call], clock: Clock, found: Views) -> None:
    """Ask for each, again and again; the first time fills caches and does not count."""
    for call in calls:
        visitor.ask(call)
        took: list[float] = []
        used, stop = clock.cpu(), time.perf_counter() + SECONDS
        while len(took) < 3 or (len(took) < ROUNDS and time.perf_counter() < stop):
            begun = time.perf_counter()
            visitor.ask(call)
            took.append((time.perf_counter() - begun) * 1e3)
        found.cpu[call.name] = round((clock.cpu() - used) / len(took) * 1e3, 1)
        found.usual[call.name] = round(statistics.median(took), 1)
        found.slowest[call.name] = round(sorted(took)[min(len(took) - 1, int(len(took) * 0.95))], 1)


def measure_views(size: int, url: str, data: Path, only: str) -> Views:
    """Fill a database, unless it is filled already, and ask for all that can be read from it."""
    data.mkdir(parents=True, exist_ok=True)
    keys, begun = load_keys(data / "keys.json"), time.monotonic()
    database = open_database(url, data)
    migrate(database)
    with database.read() as connection:
        is_filled = connection.scalar(sa.select(shops.c.id).limit(1)) is not None
    if not is_filled:
        fill(database, keys, size)
        _log(f"{size:,} sales: filled in {time.monotonic() - begun:.0f} s")
    analyze(database)
    with database.read() as connection:
        shop_id = connection.scalar(sa.select(shops.c.id).where(shops.c.emp_id == EMP)) or ""
    visitor, found = open_plugin(database, data, keys), Views(size)
    calls = [
        call
        for call in all_calls(visitor.app, find_place(database, shop_id))
        if call.method == "GET" and only in call.name
    ]
    visitor.ask(calls[0])  # connects, so that the clock knows the server's process
    measure(visitor, calls, Clock(database), found)
    database.close()
    _log(f"{size:,} sales: measured")
    return found


def lines(kind: str, found: Sequence[Views]) -> Iterator[str]:
    """The curve as a table of Markdown: p95 and CPU, slowest first; then what misses a goal."""
    yield f"| {kind}, ms at p95 (CPU) | {' | '.join(f'{one.sales:,} sales' for one in found)} |"
    yield f"|{'---|' * (len(found) + 1)}"
    first, last = found[0], found[-1]
    for name in sorted(last.slowest, key=lambda name: -last.slowest[name]):
        values = (f"{one.slowest.get(name, '-')} ({one.cpu.get(name, '-')})" for one in found)
        yield f"| {name} | {' | '.join(values)} |"
    for name, took in sorted(last.slowest.items()):
        goal = GOAL_OF_FILTERS_MS if "(" in name else GOAL_MS
        growth = last.cpu[name] / max(first.cpu.get(name, 0), 1)
        if took > goal or growth > GOAL_OF_GROWTH:
            yield f"{name}: {took} ms of {goal}, {growth:.1f} times the CPU of {first.sales:,} sales"


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _write(kind: str, found: Sequence[Views]) -> None:
    before: dict[str, Any] = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else {}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    measured = [{"sales": one.sales, "p50": one.usual, "p95": one.slowest, "cpu": one.cpu} for one in found]
    before[kind] = {"machine": machine(), "at": at, "measured": measured}
    OUTPUT.write_text(json.dumps(before, indent=1) + "\n")


@contextmanager
def _server(asked: argparse.Namespace, kind: str) -> Iterator[str]:
    if kind == "sqlite" or asked.server:
        yield asked.server if kind == "postgresql" else ""
    else:
        with running_postgresql(options=POSTGRESQL) as url:
            yield url


def _database_of(server: str, size: int) -> str:
    address = sa.make_url(server).set(database=f"views_{size}")
    engine = sa.create_engine(address.set(drivername="postgresql+psycopg", database="postgres"))
    with engine.connect() as connection:
        exists = connection.scalar(
            sa.text("SELECT 1 FROM pg_database WHERE datname = :it"), {"it": address.database}
        )
    engine.dispose()
    return address.render_as_string(hide_password=False) if exists else new_database(server, f"views_{size}")


def main() -> None:
    """Measure, print the curve, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    for kind in ("sqlite", "postgresql"):
        parser.add_argument(f"--{kind}", type=int, nargs="*", default=list(SIZES), metavar="SALES")
    parser.add_argument("--keep", type=Path, help="the folder of databases")
    parser.add_argument("--server", default="", help="the URL of a PostgreSQL, in place of one of the wheel")
    parser.add_argument("--only", default="", help="calls with this in their name")
    asked = parser.parse_args()
    OUTPUT.parent.mkdir(exist_ok=True)
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT.parent) as folder:
        for kind in ("sqlite", "postgresql"):
            with _server(asked, kind) as url:
                found: list[Views] = []
                for size in getattr(asked, kind):
                    here = (asked.keep or Path(folder)).resolve() / f"{kind}-{size}"
                    address = _database_of(url, size) if url else ""
                    found.append(measure_views(size, address, here, asked.only))
                    _write(kind, found)
                print("\n".join(lines(kind, found)) if found else "", flush=True)


if __name__ == "__main__":
    main()
