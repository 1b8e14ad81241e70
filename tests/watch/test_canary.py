"""The canary goes through the whole chain, no sum contains it, and a broken one alerts once."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from redis import Redis

from salepixel.accounts.api_keys import find_principal
from salepixel.accounts.principal import CANARY, FULL, INSTALLATION, Principal
from salepixel.keys import Keys
from salepixel.smtp.server import Mail
from salepixel.storage.schema import candidates, metadata
from salepixel.watch import canary, store, use_cases
from salepixel.watch.canary import Chain
from salepixel.watch.store import Canary
from salepixel.watch.use_cases import add_address
from salepixel.watch.watcher import Watcher
from salepixel.wire import outgoing
from salepixel.wire.outgoing import Answer
from salepixel_worker.fold import fold_all
from salepixel_worker.sweep import reconcile_due
from tests.edge.running import RunningEdge
from tests.plugin.conftest import OWNER_OF_7, SHOES, Office
from tests.plugin.conftest import office as office
from tests.plugin.conftest import office_files as office_files
from tests.waiting import until


@dataclass
class World:
    """An office with a running edge, a worker's steps, and a watcher whose messages are kept."""

    office: Office
    edge: RunningEdge
    redis: Redis
    watcher: Watcher
    sent: list[tuple[str, str]] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def turn(self, minutes: float = 0.2) -> None:
        for thread in self.watcher.turn(self.now):
            thread.join()
        for thread in self.watcher.turn(self.now):  # the messages about what the first turn found
            thread.join()
        self.now += timedelta(minutes=minutes)

    def work(self) -> None:
        """What the worker does with its jobs, once the edge has shipped its clicks."""
        folded = until(
            lambda: (
                fold_all(self.office.database, self.redis, self.office.sealer, 1)
                or self.edge.health()["lag"] == 0
            )
        )
        assert folded
        reconcile_due(self.office.database, self.office.sealer, 10)

    def run(self) -> Canary:
        """A whole run of the canary, from where it is due."""
        for _ in range(3):
            self.turn()
            self.work()
        self.turn()
        found = self.canary
        assert found is not None
        return found

    @property
    def canary(self) -> Canary | None:
        with self.office.database.read() as connection:
            return store.get_canary(connection, 7)

    def alert_now(self) -> None:
        """Lets the canary run now."""
        with self.office.database.write() as connection:
            use_cases.run_canary_now(connection, OWNER_OF_7, 7, self.now)


@pytest.fixture
def world(office: Office, redis: Redis, redis_address: str, tmp_path: Path) -> Iterator[World]:
    edge = RunningEdge(tmp_path / "edge", redis_address, office.keys)
    edge.start()
    sent: list[tuple[str, str]] = []

    def send_one(address: str, title: str, body: str) -> str:
        assert address == "json://secret@hook.test"
        sent.append((title, body))
        return "sent"

    def send_mail(emp_id: int, mail: Mail) -> str:
        sent.append((mail.subject, mail.text))
        return "sent"

    def call(method: str, url: str, **rest: Any) -> Answer:
        if urlsplit(url).hostname != "plugin.test":
            return outgoing.call(method, url, **rest)
        assert rest["own"]
        answer = office.app.test_client().open(
            urlsplit(url).path, method=method, data=rest["body"], headers=rest["headers"]
        )
        return Answer(answer.status_code, answer.data)

    office.call("PATCH", "/accounts/7", {"tracking_host": ""})
    edge_url = f"http://127.0.0.1:{edge.port}"
    chain = Chain(office.database, office.keys, edge_url, "http://plugin.test", "spx", call)
    watcher = Watcher(chain, send_one, send_mail, tmp_path, ("127.0.0.1", edge.port), datetime.now(UTC))
    with office.database.write() as connection:
        now = datetime.now(UTC)
        add_address(connection, OWNER_OF_7, office.keys, 7, "Ana", "json://secret@hook.test", "en", now)
    yield World(office, edge, redis, watcher, sent)
    edge.kill()


def test_a_canary_goes_through_the_whole_chain_and_no_list_has_it(world: World) -> None:
    office = world.office
    before = {path: office.get(path) for path in ("/accounts", "/campaigns", "/shops", "/keys")}
    pages = office.page("/").text
    found = world.run()
    assert (found.phase, found.result) == ("idle", "")
    assert found.ended_at is not None
    assert [title for title, _ in world.sent] == ["Salepixel: test message (Shoes 7)"]
    assert {path: office.get(path) for path in before} == before
    assert office.page("/").text == pages
    assert office.call("GET", f"/accounts/{CANARY}", key=SHOES).status_code == 404
    wanted = {"empId": CANARY, "name": "x", "currency": "EUR"}
    assert office.call("POST", "/accounts", wanted).status_code == 422
    world.now = found.next_at
    again = world.run()
    assert again.result == ""
    assert again.ended_at != found.ended_at


def test_a_canary_that_is_broken_alerts_once_and_once_when_it_is_over(world: World) -> None:
    office = world.office
    world.run()
    world.sent.clear()
    office.call("PATCH", "/accounts/7", {"tracking_host": "track.invalid"})
    world.alert_now()
    for _ in range(30):
        world.turn(1)
    assert [title for title, _ in world.sent] == [
        "Salepixel alert: the test click or test order failed (Shoes 7)"
    ]
    assert "click_unreachable" in world.sent[0][1]
    office.call("PATCH", "/accounts/7", {"tracking_host": ""})
    world.alert_now()
    world.run()
    for _ in range(5):
        world.turn(0.1)
    assert [title for title, _ in world.sent[1:]] == [
        "Salepixel: resolved: the test click or test order failed (Shoes 7)"
    ]


def test_a_restarted_watcher_sends_nothing_again(world: World) -> None:
    world.office.call("PATCH", "/accounts/7", {"tracking_host": "track.invalid"})
    world.turn()
    world.turn()
    sent = list(world.sent)
    assert len(sent) == 2  # the test, and the alert
    world.watcher = Watcher(
        world.watcher._chain,
        world.watcher._send,
        world.watcher._send_mail,
        world.watcher._data,
        world.watcher._edge,
        world.now,
    )
    for _ in range(3):
        world.turn(2)
    assert world.sent == sent


@pytest.mark.parametrize(("works", "result"), [(False, "click_not_stored"), (True, "order_not_attributed")])
def test_a_chain_that_stops_is_named_by_its_link(world: World, works: bool, result: str) -> None:
    world.turn()
    if works:
        fold_all(world.office.database, world.redis, world.office.sealer, 1)
        assert until(
            lambda: (
                fold_all(world.office.database, world.redis, world.office.sealer, 1)
                or world.edge.health()["lag"] == 0
            )
        )
        world.turn()
    for _ in range(7):
        world.turn(1)
    found = world.canary
    assert found is not None
    assert found.result == result


def test_a_pause_of_ours_is_no_failure_of_the_chain(world: World) -> None:
    world.turn()
    world.now += timedelta(hours=3)
    world.turn()
    assert world.run().result == ""
    assert [title for title, _ in world.sent] == ["Salepixel: test message (Shoes 7)"]


def test_a_slow_account_does_not_delay_another(world: World) -> None:
    office, here = world.office, world.watcher
    office.call("PATCH", "/accounts/8", {"tracking_host": ""})
    with office.database.write() as connection:
        address = "json://secret@hook.test"
        add_address(connection, INSTALLATION, office.keys, 8, "Bo", address, "en", world.now)
    free, chain = threading.Event(), here._chain

    def call(method: str, url: str, **rest: Any) -> Answer:
        if not rest["own"]:
            assert free.wait(30)
            raise outgoing.TooSlow
        return chain.call(method, url, **rest)

    def send_one(address: str, title: str, body: str) -> str:
        if "Shoes" in title:
            assert free.wait(30)
        return here._send(address, title, body)

    office.call("PATCH", "/accounts/7", {"tracking_host": "slow.test"})
    slow = replace(chain, call=call)
    watcher = Watcher(slow, send_one, here._send_mail, here._data, here._edge, world.now)
    threads = watcher.turn(world.now)
    assert until(lambda: [title for title, _ in world.sent] == ["Salepixel: test message (Hats 8)"])
    assert until(lambda: sum(thread.is_alive() for thread in threads) == 2)
    with office.database.read() as connection:
        of_8 = store.get_canary(connection, 8)
    assert of_8 is not None
    assert of_8.phase == "clicked"
    assert watcher.turn(world.now) == []
    free.set()
    for thread in threads:
        thread.join()


def test_an_account_without_addresses_is_not_watched(world: World) -> None:
    with world.office.database.write() as connection:
        for address in store.list_addresses(connection, 7):
            store.remove_address(connection, address.id)
    world.turn()
    assert world.canary is None
    assert world.sent == []


def test_what_a_canary_stores_ends(world: World) -> None:
    """It runs every 15 minutes for years: each run adds what retention deletes, and nothing else."""

    def rows() -> dict[str, int]:
        with world.office.database.read() as connection:
            return {
                table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
                for table in metadata.sorted_tables
            }

    world.run()
    before = rows()
    for _ in range(2):
        found = world.canary
        assert found is not None
        world.now = found.next_at
        assert world.run().result == ""
    grown = {name for name, count in rows().items() if count > before[name]}
    end_with_clicks = {"clicks", "candidates", "bought", "unsettled_clicks"}
    of_a_day = {"sale_sums", "decision_sums", "link_sums", "click_sums", "campaign_sums", "seen_sums"}
    of_a_day |= {"click_hours", "click_days", "delay_sums", "revenue_sums", "account_items", "item_days"}
    of_a_day.add("returning_sums")
    of_an_outcome = {"outcome_sums", "part_sums"}
    assert grown - end_with_clicks - of_a_day - of_an_outcome == {"deliveries"}
    world.now += timedelta(days=canary.KEPT_DAYS + 1)
    world.turn()
    assert rows()["deliveries"] == 0


def test_the_click_of_a_canary_concerns_its_own_order_alone(world: World) -> None:
    office = world.office
    office.call("PATCH", "/accounts/8", {"tracking_host": ""})
    with office.database.write() as connection:
        address = "json://secret@hook.test"
        add_address(connection, INSTALLATION, office.keys, 8, "Bo", address, "en", world.now)
    world.run()
    with office.database.read() as connection:
        query = sa.select(candidates.c.order_id, candidates.c.campaign_id).distinct()
        found = [row.order_id for row in connection.execute(query)]
    assert sorted(found) == ["canary-7", "canary-8"]


def test_a_canary_has_an_api_key_after_the_keys_were_lost(world: World) -> None:
    world.run()
    keys = Keys(1, {1: bytes(range(32, 64))})
    chain = replace(world.watcher._chain, keys=keys)
    world.alert_now()
    canary.run(chain, 7, world.now)
    with world.office.database.read() as connection:
        assert find_principal(connection, canary._key(keys)) == Principal({CANARY: FULL}, "canary")
