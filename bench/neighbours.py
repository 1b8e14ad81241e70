"""Measures whether one party can stop another: times a shop's orders while others misbehave.

Account 7 has a steady load of clicks and signed order webhooks. Meanwhile, one after the other: orders
that cannot be decided, servers that answer one byte at a time, clients that keep the plugin's connections
open, clients of the edge that send and do not read, a log that cannot be written, and a Valkey that restarts
with a damaged append-only file. The measured time goes from a webhook's first byte to its row in the report.
"""

import argparse
import os
import resource
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, TypeVar

import psutil
import requests
import sqlalchemy as sa

from bench.__main__ import machine
from kit.play import PERSON, TRACKING_HOST, Player, Scene
from kit.saleor import Line, StandInSaleor
from kit.stack import Stack
from kit.story import Contact, Story
from salepixel.orders.requeue import DueReason, requeue_orders
from salepixel.storage import schema
from salepixel.storage.database import Database, open_database

MEDIAN_SECONDS, WORST_SECONDS = 2.0, 10.0
ENEMY = 8
ORDERS_A_SECOND = 4.0
CLICKS_A_SECOND = 100.0
UNDECIDABLE = 1_050
IDLE, HALF_SENT = 5_000, 500
PIPELINING = 40
FORWARDS = 40

Given = TypeVar("Given")


@dataclass
class Timed:
    """Seconds from webhook to row for each order of a scenario; `missing` orders never became rows."""

    what: str
    seconds: list[float] = field(default_factory=list)
    missing: int = 0
    refused: int = 0

    @property
    def is_good(self) -> bool:
        """Whether the goals were met."""
        if self.missing or not self.seconds:
            return False
        return statistics.median(self.seconds) <= MEDIAN_SECONDS and max(self.seconds) <= WORST_SECONDS

    def line(self) -> str:
        """A row of the table."""
        median, worst = (statistics.median(self.seconds), max(self.seconds)) if self.seconds else (0, 0)
        cells = (self.what, len(self.seconds), f"{median:.2f}", f"{worst:.2f}", self.missing, self.refused)
        return f"| {' | '.join(map(str, cells))} |"


TABLE = "| meanwhile | orders | p50 s | worst s | missing | sent again |\n|---|---|---|---|---|---|"


class Load:
    """Clicks and orders of a well-behaved account, and checks of its rows."""

    def __init__(self, player: Player, scene: Scene, story: Story, database: Database) -> None:
        self._player, self._scene, self._story, self._database = player, scene, story, database
        self._serial = 0
        self._stopping = threading.Event()
        self._clicks = threading.Thread(target=self._click, daemon=True)
        self._clicks.start()

    def stop(self) -> None:
        """Stop clicking."""
        self._stopping.set()
        self._clicks.join()

    def time_orders(self, what: str, seconds: float) -> Timed:
        """Send orders for some seconds, and wait until each is a row."""
        timed, sent = Timed(what), dict[str, float]()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            turn = time.monotonic()
            number, begun = self._order(timed)
            sent[number] = begun
            self._look(sent, timed)
            while time.monotonic() < turn + 1 / ORDERS_A_SECOND:
                time.sleep(0.02)
                self._look(sent, timed)
        give_up = time.monotonic() + 3 * WORST_SECONDS
        while sent and time.monotonic() < give_up:
            time.sleep(0.05)
            self._look(sent, timed)
        timed.missing = len(sent)
        return timed

    def _order(self, timed: Timed) -> tuple[str, float]:
        self._serial += 1
        number = f"n{self._serial}"
        buyer: Contact = self._story.contacts[self._serial % len(self._story.contacts)]
        begun = time.monotonic()
        token = _again(timed, lambda: self._player.click(self._scene.links[0], buyer))[0]
        lines = [Line("Shoes", 2, Decimal("39.80"), "R-1")]
        order = self._player.shop.order(number, lines, email=buyer.email, token=token)
        signed = self._player.shop.sign("order_fully_paid", {"order": order})

        def deliver() -> None:
            self._player.shop.send(self._player.stack.plugin_url, signed).raise_for_status()

        _again(timed, deliver)
        return number, begun

    def _look(self, sent: dict[str, float], timed: Timed) -> None:
        sales = schema.sales.c
        query = sa.select(sales.order_number).where(sales.order_number.in_(sent))
        with suppress(sa.exc.OperationalError), self._database.read() as connection:
            for number in set(connection.scalars(query)):
                timed.seconds.append(time.monotonic() - sent.pop(number))

    def _click(self) -> None:
        path = self._scene.links[0].partition("/c/")[2].partition("?")[0]
        address = f"{self._player.stack.edge_url}/c/{path}?k=visitor"
        headers = {"Host": TRACKING_HOST, "User-Agent": PERSON}
        with requests.Session() as session:
            while not self._stopping.wait(1 / CLICKS_A_SECOND):
                with suppress(requests.RequestException):
                    session.get(address, headers=headers, allow_redirects=False, timeout=5)


def _again(timed: Timed, do: Callable[[], Given]) -> Given:
    """Send again after a 503 or a broken connection, as a shop does, and count it."""
    for _ in range(60):
        try:
            return do()
        except requests.RequestException:
            timed.refused += 1
            time.sleep(0.5)
    return do()


class PipedStack(Stack):
    """A stack that logs into a pipe, whose reader can close it."""

    def close_log(self) -> None:
        """Close the pipe after the next line: from then on, no log line can be written."""
        self._closing.set()

    def _open_log(self) -> IO[bytes]:
        reader, writer = os.pipe()
        self._reader, self._closing = os.fdopen(reader, "rb"), threading.Event()
        threading.Thread(target=self._copy, daemon=True).start()
        return os.fdopen(writer, "wb")

    def _copy(self) -> None:
        with self._reader, self._log.open("ab", buffering=0) as log:
            for line in self._reader:
                log.write(line)
                if self._closing.is_set():
                    return


class Drip(threading.Thread):
    """A server that answers every request with one byte per second, without end."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            client.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                client.sendall(b"X")
                time.sleep(1)


@contextmanager
def undecidable(stack: PipedStack, player: Player, database: Database) -> Iterator[None]:
    """Pixel hits with impossible amounts from one link, and due orders that no worker can read."""
    with requests.Session() as session:
        for number in range(UNDECIDABLE):
            query = f"empId={ENEMY}&PRODUCTO=x{number}&IMPORTE=999999999999.9999&PEDIDO={number}"
            session.get(f"{stack.edge_url}/track/sale?{query}", timeout=5)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    row = {"shop_id": "enemy", "emp_id": ENEMY, "number": "", "snapshot": "{}", "delivery": ""}
    times = dict.fromkeys(("placed_at", "updated_at", "issued_at"), past)
    shop = {"id": "enemy", "emp_id": ENEMY, "platform": "api", "api_url": "enemy", "created_at": past}
    with database.write() as connection:
        connection.execute(sa.insert(schema.shops), [shop])
        orders = [{**row, **times, "id": f"u{n}"} for n in range(UNDECIDABLE)]
        connection.execute(sa.insert(schema.orders), orders)
        requeue_orders(connection, [("enemy", f"u{n}") for n in range(UNDECIDABLE)], DueReason.NEW_ORDER)
    yield


@contextmanager
def dripping(stack: PipedStack, player: Player, database: Database) -> Iterator[None]:
    """A shop and a destination of sales that drip: repeated registrations, polls and forwards."""
    drip = Drip()
    drip.start()
    wanted = {"empId": ENEMY, "platform": "saleor", "api_url": f"{drip.url}/graphql/"}
    shop = player.api("POST", "/shops", wanted)
    manifest = requests.get(shop["manifest_url"], timeout=5).json()
    now = datetime.now(UTC)
    connected = {"token": "t", "app_id": "QXBwOjE=", "jwks": '{"keys": []}', "connected_at": now}
    outgoing = {"emp_id": ENEMY, "shop_id": "enemy", "state": "waiting", "attempts": 0, "answer": ""}
    rows = [
        {**outgoing, "id": f"o{n}", "order_id": f"o{n}", "url": f"{drip.url}/?n={n}", "next_at": now}
        for n in range(FORWARDS)
    ]
    with database.write() as connection:
        mine = schema.shops.c.id == shop["id"]
        connection.execute(sa.update(schema.shops).where(mine).values(connected))
        connection.execute(sa.insert(schema.outbox), rows)
    stopping = threading.Event()

    def register() -> None:
        headers = {"Saleor-Api-Url": f"{drip.url}/graphql/", "Saleor-Domain": "enemy"}
        while not stopping.is_set():
            with suppress(requests.RequestException):
                url = manifest["tokenTargetUrl"]
                requests.post(url, json={"auth_token": "x" * 30}, headers=headers, timeout=30)
            stopping.wait(0.1)

    threads = [threading.Thread(target=register, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    yield
    stopping.set()
    for thread in threads:
        thread.join()


@contextmanager
def holding(stack: PipedStack, player: Player, database: Database) -> Iterator[None]:
    """Clients that connect to the plugin and send nothing, or half of a delivery."""
    half = b"POST /saleor/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    clients = []
    for number in range(IDLE + HALF_SENT):
        with suppress(OSError):
            client = socket.create_connection(("127.0.0.1", stack.plugin_port), timeout=5)
            clients.append(client)
            if number < HALF_SENT:
                client.sendall(half)
    yield
    for client in clients:
        client.close()


@contextmanager
def pipelining(stack: PipedStack, player: Player, database: Database) -> Iterator[None]:
    """Clients that send the edge as many requests as it accepts, and read no answer."""
    many = b"GET /track/sale?empId=8 HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000
    clients = [socket.create_connection(("127.0.0.1", stack.edge_port)) for _ in range(PIPELINING)]
    for client in clients:
        client.settimeout(0.2)
        with suppress(OSError):
            client.sendall(many)
    yield
    for client in clients:
        client.close()


@contextmanager
def damaged_valkey(stack: PipedStack, player: Player, database: Database) -> Iterator[None]:
    """Valkey's append-only file is damaged in the middle, and Valkey is killed."""
    valkey = next(p for p in psutil.Process(stack.pid).children() if "valkey" in p.name())
    (file,) = (stack.data / "valkey" / "appendonlydir").glob("*.incr.aof")
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(b"\r\n*9\r\n$-7\r\n" * 20)
    os.kill(valkey.pid, signal.SIGKILL)
    yield


@contextmanager
def unwritable_log(stack: PipedStack, player: Player, database: Database) -> Iterator[None]:
    """Every write to the log fails, and each process has something to log."""
    stack.close_log()
    with suppress(requests.RequestException):
        requests.post(f"{stack.plugin_url}/saleor/webhooks", data=b"x", timeout=5)
    yield


Scenario = Callable[[PipedStack, Player, Database], Any]
SCENARIOS: dict[str, Scenario] = {
    f"{UNDECIDABLE:,} orders that cannot be decided": undecidable,
    "a shop and a receiver that drip their answers": dripping,
    f"{IDLE:,} idle and {HALF_SENT} half-sent clients of the plugin": holding,
    f"{PIPELINING} clients that send and do not read": pipelining,
    "a log that cannot be written": unwritable_log,
    "Valkey killed over a damaged append-only file": damaged_valkey,
}


def run(data: Path, seconds: float) -> list[Timed]:
    """Play all scenarios on one stack, each for some seconds; returns the results."""
    story = Story(
        contacts=[Contact(f"c{n}", f"c{n}@example.com") for n in range(50)], scanned=[], purchases=[]
    )
    settings = {"SALEPIXEL_FORWARD_HOSTS": "127.0.0.1"}
    found = []
    with (
        StandInSaleor() as shop,
        PipedStack(data, api_key="k" * 24, settings=settings) as stack,
        closing(open_database("", data)) as database,
    ):
        player = Player(stack, shop)
        scene = player.set_up(story)
        player.api("POST", "/accounts", {"empId": ENEMY, "name": "Enemy", "currency": "EUR"})
        load = Load(player, scene, story, database)
        found.append(_print(load.time_orders("nothing", seconds)))
        for what, scenario in SCENARIOS.items():
            with scenario(stack, player, database):
                found.append(_print(load.time_orders(what, seconds)))
        load.stop()
        player.close()
    return found


def _print(timed: Timed) -> Timed:
    print(timed.line(), file=sys.stderr, flush=True)
    return timed


def main() -> None:
    """`python -m bench.neighbours`: half a minute per scenario; exits 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each scenario")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build") as folder:
        found = run(Path(folder) / "data", arguments.seconds)
    print(machine(), TABLE, *(timed.line() for timed in found), sep="\n")
    if not all(timed.is_good for timed in found):
        sys.exit("orders of a shop had to wait for another party")


if __name__ == "__main__":
    main()
