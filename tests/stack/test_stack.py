"""The whole stack on its embedded defaults: it is quick, and loses nothing that it answered."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psutil
import pytest
import requests

from kit.play import Player, Scene, rows_of
from kit.saleor import Line, Signed, StandInSaleor
from kit.saleor_key import SigningKey
from kit.stack import DidNotStart, Stack
from kit.story import Contact, Purchase, make_story
from salepixel_worker.scheduler import SWEEP_SECONDS
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.long

KILLS = int(os.environ.get("KILL_ROUNDS", "10"))
"""Twice each process; `make soak` kills more often."""

SHOES = [Line("Red shoes", 2, Decimal("39.80"), "R-1")]


@pytest.fixture
def shop(shop_key: SigningKey) -> Iterator[StandInSaleor]:
    with StandInSaleor(key=shop_key) as running:
        yield running


@pytest.fixture
def player(shared_stack: Stack, shop: StandInSaleor, own_account: int) -> Iterator[Player]:
    """A player in its own account of the shared stack."""
    with closing(Player(shared_stack, shop, own_account)) as playing:
        yield playing


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "data", api_key="sp_test_of_the_stack") as running:
        yield running


def kill(stack: Stack, command: str, *, only_children: bool = False) -> int:
    """kill -9 the stack's processes with this in their command line; gives how many.

    `only_children`: only those that another of them started, such as a server's workers.
    """
    named = {p.pid: p for p in psutil.Process(stack.pid).children(recursive=True) if command in _line(p)}
    victims = [p for p in named.values() if not only_children or p.ppid() in named]
    for victim in victims:
        victim.kill()
    return len(victims)


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it ended meanwhile
        return ""


def test_an_order_webhook_is_a_row_before_the_next_sweep(player: Player) -> None:
    scene = player.set_up(make_story())
    took = []
    for number in range(1, 11):
        purchase = Purchase(str(number), Contact(f"c{number:03}", ""), SHOES, "token", "token")
        player.buy(scene, purchase)
        begun = time.monotonic()
        assert until(lambda n=str(number): n in {row[0] for row in rows(player, scene)})  # type: ignore[misc]
        took.append(time.monotonic() - begun)
    # One that only a sweep finds waits for the next sweep, each a whole interval after the one before.
    # `python -m bench.neighbours` measures the goal, 2 s.
    assert sorted(took)[len(took) // 2] < SWEEP_SECONDS / 2, took


def test_a_link_changed_after_sending_redirects_to_its_new_destination(player: Player) -> None:
    scene = player.set_up(make_story())
    (link, *_) = player.api("GET", f"/campaigns/{scene.campaign}/links")["links"]
    path = f"/campaigns/{scene.campaign}/links/{link['id']}"
    address = link["tracked_url"].replace(f"http://{player.tracking_host}", player.stack.edge_url)

    def leads_to(start: str) -> bool:
        answer = requests.get(address, allow_redirects=False, timeout=PATIENCE_SECONDS)
        return f"{answer.status_code} {answer.headers.get('location', '')}".startswith(start)

    assert leads_to(f"302 {link['url']}")
    player.api("PATCH", path, {"url": "https://shop.test/elsewhere"})
    assert until(lambda: leads_to("302 https://shop.test/elsewhere"))
    player.api("PATCH", path, {"active": False})
    assert until(lambda: leads_to("410"))
    player.api("PATCH", path, {"active": True, "url": link["url"]})
    assert until(lambda: leads_to(f"302 {link['url']}"))


def test_a_second_stack_on_the_same_data_is_refused(shared_stack: Stack) -> None:
    second = Stack(shared_stack.data, api_key="sp_test_of_the_stack")
    with pytest.raises(DidNotStart, match="Another `salepixel up` runs"):
        second.start()


@pytest.mark.slow  # two starts, and two sweeps are waited for
def test_a_killed_redis_and_a_killed_supervisor_lose_no_click_and_no_order(
    stack: Stack, shop: StandInSaleor
) -> None:
    with closing(Player(stack, shop)) as player:
        scene = player.set_up(make_story())

        def buy(number: str) -> None:
            token, _ = player.click(scene.links[0], Contact(f"c{number}", ""))
            order = shop.order(number, SHOES, token=token)
            assert shop.deliver(stack.plugin_url, "order_paid", order).status_code == 200

        assert kill(stack, "valkey-server") == 1
        buy("1")
        assert until(lambda: len(rows(player, scene)) == 1), "the sweep finds it within a minute"
        buy("2")
        processes = psutil.Process(stack.pid).children(recursive=True)
        psutil.Process(stack.pid).kill()
        stack.stop()
        stack.start()
        # A zombie process has no command line.
        assert [line for process in processes if process.is_running() and (line := _line(process))] == []
        # A kill in the middle of a job, a lock in Redis, a sweep and an attempt put off for a minute add up.
        assert until(lambda: len(rows(player, scene)) == 2), (stack.data / "up.log").read_text()[-4000:]


def test_an_order_whose_webhook_was_lost_is_found_in_the_shop(player: Player) -> None:
    then = datetime.now(UTC) - timedelta(minutes=10)
    player.shop.keep(player.shop.order("1", SHOES, created=then))
    player.set_up(make_story())

    def found_by_poll() -> int:
        query = f"from={then.date()}&to={datetime.now(UTC).date()}"
        days = player.api("GET", f"/accounts/{player.emp_id}/coverage?{query}")["days"]
        return sum(day["by_poll"] for day in days)

    assert until(lambda: found_by_poll() == 1)


def rows(player: Player, scene: Scene) -> list[tuple[str, ...]]:
    return rows_of(player.sales(scene.campaign))


class Traffic:
    """Clicks and orders without a pause; records everything that was answered."""

    def __init__(self, player: Player, scene: Scene) -> None:
        self._player, self._scene = player, scene
        self.clicked: list[str] = []
        self.ordered: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        serial = 0
        while not self._stopping.is_set():
            serial += 1
            contact = Contact(f"k{serial:05}", "")
            try:
                token, _ = self._player.click(self._scene.links[serial % 4], contact)
            except requests.RequestException:
                time.sleep(0.02)
                continue
            self.clicked.append(contact.ref)
            if serial % 4 == 0:
                self._order(serial, token)

    def _order(self, serial: int, token: str) -> None:
        shop, number = self._player.shop, str(serial)
        order = shop.order(number, SHOES, token=token)
        if _taken(
            lambda signed: shop.send(self._player.stack.plugin_url, signed),
            shop.sign("order_paid", {"order": order}),
        ):
            self.ordered.append(number)


def _taken(send: Callable[[Signed], requests.Response], signed: Signed) -> bool:
    """Send as Saleor does: the same bytes again after connection errors and 5xx, a few times."""
    for _ in range(3):
        try:
            status = send(signed).status_code
        except requests.RequestException:
            time.sleep(0.1)
            continue
        assert status == 200 or status >= 500, f"{status} would lose the delivery"
        if status == 200:
            return True
    return False


@pytest.mark.slow  # each kill starts a process again
def test_kill_9_of_every_process_loses_nothing_that_was_answered(stack: Stack, shop: StandInSaleor) -> None:
    victims = [
        ("salepixel_edge.server", False),
        ("salepixel_plugin.server", False),
        ("salepixel_worker.server", False),
        ("valkey-server", False),
        ("salepixel_edge.server", True),
    ]
    chance = random.Random(9)  # noqa: S311
    with closing(Player(stack, shop)) as player, closing(Player(stack, shop)) as reader:
        scene = player.set_up(make_story())
        traffic = Traffic(player, scene)
        killed = 0
        try:
            for _ in range(10 * KILLS):
                time.sleep(chance.uniform(0.2, 0.8))
                command, only_children = victims[killed % len(victims)]
                killed += kill(stack, command, only_children=only_children) > 0
                if killed % len(victims) == 0:
                    until(lambda: _all_answer(stack))  # or the pauses before a restart leave no traffic
                if killed == KILLS:
                    break
            # On a busy machine the kills leave time for few.
            assert until(lambda: len(traffic.clicked) > 100 and len(traffic.ordered) > 10)
        finally:
            traffic.stop()
        assert killed == KILLS
        assert until(lambda: _all_answer(stack))
        clicked, ordered = set(traffic.clicked), set(traffic.ordered)
        assert until(lambda: ordered <= {row[0] for row in rows(reader, scene)})
        assert until(lambda: clicked <= set(stored_contacts(stack)))
        contacts = [ref for ref in stored_contacts(stack) if ref in clicked]
        assert len(contacts) == len(clicked), "an answered click is stored once"
        counted = [row[0] for row in rows(reader, scene)]
        assert len(counted) == len(set(counted)), "an order is reported once"


def stored_contacts(stack: Stack) -> list[str]:
    import pysqlite3.dbapi2 as sqlite

    with closing(sqlite.connect(stack.data / "salepixel.sqlite3")) as connection:
        return [row[0] for row in connection.execute("SELECT contact FROM clicks")]


def _all_answer(stack: Stack) -> bool:
    try:
        return all(
            requests.get(f"{url}/healthz", timeout=2).status_code == 200
            for url in (stack.edge_url, stack.plugin_url)
        )
    except requests.RequestException:
        return False
