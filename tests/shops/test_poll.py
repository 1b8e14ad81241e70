"""A poll finds what a shop's webhooks did not bring, once, whatever arrives in between."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from redis import Redis

from kit.saleor import Line, StandInSaleor
from kit.saleor_key import SigningKey
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.orders.deliveries import list_rejections
from salepixel.orders.store import store_order
from salepixel.shops import poll, polls
from salepixel.shops import store as shops
from salepixel.shops.saleor import api as saleor_api
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.wire.jobs import JobQueue
from tests.far_host import FarHost, holds
from tests.make import NOON, click_at, order, seal_token
from tests.plugin.saleor import captures
from tests.worker.world import HOUR, World

MINUTE = timedelta(minutes=1)
LINES = [Line("Red shoes", 2, Decimal("39.80"), "R-1"), Line("Laces", 1, Decimal("20.00"))]


@pytest.fixture
def shop(shop_key: SigningKey) -> Iterator[StandInSaleor]:
    with StandInSaleor(key=shop_key) as opened:
        opened.app_id, opened.token = "app", "token"
        yield opened


class Office:
    """An account whose shop can be polled, and the worker that polls it."""

    def __init__(self, database: Database, keys: Keys, redis: Redis, shop: StandInSaleor) -> None:
        self.database, self.keys, self.job_queue, self.shop = database, keys, JobQueue(redis), shop
        self.world = World(database, ClickSealer(keys))
        with database.write() as connection:
            added = shops.add_shop(connection, 1, "saleor", shop.api_url, NOON)
            shops.connect_shop(
                connection, added, "app", seal_token(keys, added.id, shop.token), "{}", NOON - HOUR
            )
        self.shop_id = added.id

    def have(self, number: str, at: datetime = NOON, **more: Any) -> dict[str, Any]:
        """The shop has this order and its webhook is lost."""
        made = self.shop.order(number, LINES, created=at, **{"email": "ana@example.com", **more})
        self.shop.keep(made)
        return made

    def poll(self, now: datetime) -> bool:
        return poll.poll_due(self.database, self.keys, self.job_queue, now)

    def poll_all(self, now: datetime) -> int:
        polled = 0
        while self.poll(now):
            polled += 1
        return polled

    def state(self) -> polls.Poll:
        with self.database.read() as connection:
            return polls.list_polls(connection, 1)[0]

    def healed(self) -> dict[str, bool]:
        """By number, whether a poll brought something of the order."""
        query = sa.select(schema.orders.c.number, schema.orders.c.healed_at)
        with self.database.read() as connection:
            return {row.number: row.healed_at is not None for row in connection.execute(query)}

    def reasons(self) -> dict[str, str]:
        """Reasons by number, after due orders were reconciled."""
        self.world.reconcile()
        decided, ordered = schema.decisions.c, schema.orders.c
        query = sa.select(ordered.number, decided.reason).join_from(
            schema.orders, schema.decisions, decided.order_id == ordered.id
        )
        with self.database.read() as connection:
            return {row.number: row.reason for row in connection.execute(query)}

    def rows(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(sa.select(schema.orders).order_by(schema.orders.c.id)))

    def refusals(self) -> dict[str, int]:
        with self.database.read() as connection:
            return {reason: n for _, source, reason, n in list_rejections(connection, 2) if source == "poll"}


@pytest.fixture
def office(database: Database, keys: Keys, redis: Redis, shop: StandInSaleor) -> Office:
    return Office(database, keys, redis, shop)


def test_an_order_whose_webhook_was_lost_is_found_within_fifteen_minutes(office: Office, keys: Keys) -> None:
    office.world.contact("ana", keys.hash_email(1, "ana@example.com"))
    office.world.click(click_at(NOON - MINUTE, "ana"))
    office.poll_all(NOON - MINUTE)
    office.have("1001")
    for minute in range(15):
        office.poll_all(NOON + minute * MINUTE)
    assert office.healed() == {"1001": True}
    assert office.reasons() == {"1001": "email_match"}
    assert office.job_queue.waiting() == 1


def test_orders_that_webhooks_brought_or_may_still_bring_do_not_count_as_healed(office: Office) -> None:
    reported = office.have("reported")
    office.have("young", NOON + 10 * MINUTE)
    with office.database.write() as connection:
        snapshot = order(id=reported["id"], number="reported", updated_at=NOON, issued_at=NOON + MINUTE)
        store_order(connection, office.shop_id, 1, snapshot, "")
    office.poll_all(NOON + 15 * MINUTE)
    assert office.healed() == {"reported": False}


def test_a_refund_whose_webhook_was_lost_is_found(office: Office) -> None:
    office.have("1001")
    office.poll_all(NOON + 10 * MINUTE)
    office.have("1001", updated=NOON + 20 * MINUTE, refunded=Decimal("20.00"))
    office.poll_all(NOON + 30 * MINUTE)
    with office.database.read() as connection:
        assert connection.scalar(sa.select(schema.refunds.c.refunded).order_by(sa.desc("refunded"))) == 2000


def test_an_expired_order_is_found_although_its_updated_at_did_not_change(office: Office) -> None:
    office.have("1001", paid=False)
    office.poll_all(NOON + 10 * MINUTE)
    assert office.reasons() == {"1001": "unpaid"}
    office.have("1001", paid=False, status="EXPIRED")
    office.poll_all(NOON + 20 * MINUTE)
    assert office.reasons() == {"1001": "cancelled"}


def test_polling_again_changes_nothing(office: Office) -> None:
    office.have("1001")
    office.have("1002", paid=False)
    office.poll_all(NOON + 10 * MINUTE)
    before = office.rows()
    office.poll_all(NOON + 20 * MINUTE)
    assert office.rows() == before


def test_an_order_still_counts_as_healed_if_its_webhook_arrives_later(office: Office) -> None:
    made = office.have("1001")
    office.poll_all(NOON + 10 * MINUTE)
    with office.database.write() as connection:
        late = order(id=made["id"], number="1001", updated_at=NOON, issued_at=NOON + 11 * MINUTE)
        assert store_order(connection, office.shop_id, 1, late, "delivery")
    assert office.healed() == {"1001": True}


def test_many_orders_are_read_in_pages(office: Office) -> None:
    for number in range(2 * saleor_api.PAGE_ORDERS + 7):
        office.have(f"{number}", NOON + timedelta(seconds=number))
    office.poll_all(NOON + 15 * MINUTE)
    assert len(office.healed()) == 2 * saleor_api.PAGE_ORDERS + 7


def test_a_long_outage_is_caught_up_day_by_day(office: Office) -> None:
    for day in range(5):
        office.have(f"{day}", NOON + timedelta(days=day))
    assert office.poll(NOON + timedelta(days=5))
    assert len(office.healed()) == 1
    assert office.poll_all(NOON + timedelta(days=5)) > 3
    assert len(office.healed()) == 5


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [("unavailable", "it answered 503 without data"), ("token", "token_refused"), ("odd", "has no orders")],
)
def test_a_shop_that_cannot_be_polled_is_reported_and_polled_again(
    office: Office, shop: StandInSaleor, monkeypatch: pytest.MonkeyPatch, trouble: str, problem: str
) -> None:
    office.have("1001")
    if trouble == "unavailable":
        shop.unavailable.add("/graphql/")
    elif trouble == "token":
        shop.token = "another"
    else:
        monkeypatch.setattr(shop, "answer", lambda *_: (200, {"data": {"shop": {}, "orders": None}}))
    office.poll_all(NOON + 10 * MINUTE)
    state = office.state()
    assert problem in state.problem
    assert (state.problem_since, state.mark) == (NOON + 10 * MINUTE, NOON.replace(hour=0))
    office.poll_all(NOON + 20 * MINUTE)
    assert office.state().problem_since == NOON + 10 * MINUTE
    monkeypatch.undo()
    shop.unavailable.clear()
    shop.token = "token"
    office.poll_all(NOON + 30 * MINUTE)
    assert (office.state().problem, office.state().problem_since) == ("", None)
    assert office.healed() == {"1001": True}


@pytest.mark.parametrize("cursor", ["the same", "another each time"])
def test_endless_pages_affect_only_that_shop(
    office: Office, monkeypatch: pytest.MonkeyPatch, cursor: str
) -> None:
    monkeypatch.setattr(saleor_api, "MAX_PAGES", 5)
    asked: list[int] = []

    def page(*_: Any) -> saleor_api.OrderNodes:
        asked.append(1)
        return saleor_api.OrderNodes((), cursor if cursor == "the same" else f"{len(asked)}")

    monkeypatch.setattr(saleor_api, "fetch_orders", page)
    office.poll_all(NOON + 10 * MINUTE)
    assert len(asked) <= 5
    assert office.state().problem == "its pages of orders do not end"


@pytest.mark.parametrize("count", [-1, 10**30, "7", None, True])
def test_an_impossible_count_affects_only_that_shop(
    office: Office, shop: StandInSaleor, monkeypatch: pytest.MonkeyPatch, count: object
) -> None:
    answer = shop.answer

    def lie(path: str, authorization: str, body: bytes = b"{}") -> tuple[int, Any]:
        status, content = answer(path, authorization, body)
        day = f"d{NOON:%Y%m%d}"
        return status, {"data": {day: {"totalCount": count}}} if day in content.get("data", {}) else content

    monkeypatch.setattr(shop, "answer", lie)
    office.poll_all(NOON + 10 * MINUTE)
    assert office.state().problem == "its answer has no count of orders"


def test_an_unreadable_order_blocks_no_other(office: Office) -> None:
    office.have("1001")
    office.shop.keep({**office.have("1002"), "id": "broken", "lines": None})
    office.poll_all(NOON + 10 * MINUTE)
    assert office.healed() == {"1001": True, "1002": True}
    assert office.refusals() == {"no_lines": 1}


def test_two_workers_do_not_poll_the_same_shop_at_once(office: Office) -> None:
    now = NOON + 10 * MINUTE
    with office.database.write() as connection:
        assert polls.claim_poll(connection, now, now + MINUTE)
        assert polls.claim_poll(connection, now, now + MINUTE) is None
        # One that died is followed by another.
        assert polls.claim_poll(connection, now + 2 * MINUTE, now + 3 * MINUTE)


def test_a_shop_without_our_app_is_not_polled(office: Office) -> None:
    with office.database.write() as connection:
        shops.disconnect_shop(connection, office.shop_id, "app", NOON)
    assert not office.poll(NOON + HOUR)
    assert office.shop.calls == []


def test_the_shop_is_asked_for_its_order_count_of_each_day_since_it_was_connected(office: Office) -> None:
    office.have("old", NOON - timedelta(days=1))
    office.have("1001")
    office.have("1002", NOON + 13 * HOUR)
    office.poll_all(NOON + 14 * HOUR)
    with office.database.read() as connection:
        found = {row.day: row.orders for row in connection.execute(sa.select(schema.shop_days))}
    assert found == {f"{NOON.date()}": 1, f"{NOON.date() + timedelta(days=1)}": 1}


def test_polling_alone_gives_the_recorded_final_orders(office: Office) -> None:
    """The same orders, to the cent, as by the recorded webhooks."""
    recorded = captures.final_orders()
    for one in recorded.values():
        office.shop.keep(json.loads(json.dumps(one, default=float)))
    with office.database.write() as connection:
        connection.execute(
            sa.update(schema.shops).values(connected_at=datetime.fromisoformat("2026-11-22T00:00Z"))
        )
    office.poll_all(datetime.fromisoformat("2026-11-25T00:00Z"))
    with office.database.read() as connection:
        rows = connection.execute(sa.select(schema.orders.c.id, schema.orders.c.snapshot)).all()
    stored = {row.id: json.loads(row.snapshot) for row in rows}
    assert set(stored) == set(recorded)
    for order_id, one in recorded.items():
        assert Decimal(stored[order_id]["total"]) == one["total"]["gross"]["amount"]
        assert Decimal(stored[order_id]["refunded"]) == one["totalRefunded"]["amount"]


def test_a_slow_shop_does_not_delay_polls_of_other_accounts(office: Office) -> None:
    office.have("1001")
    asked, over = threading.Event(), threading.Event()
    with FarHost({"*": holds(asked, over)}) as slow:
        with office.database.write() as connection:
            for number in range(2):
                added = shops.add_shop(connection, 2, "saleor", f"{slow.url}/{number}", NOON)
                shops.connect_shop(
                    connection, added, "app", seal_token(office.keys, added.id), "{}", NOON - 2 * HOUR
                )
        poller, now = poll.Poller(office.database, office.keys, office.job_queue), NOON + 10 * MINUTE
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(poller.poll_next, now)
            asked.wait()
            while poller.poll_next(now):
                pass
            assert office.healed() == {"1001": True}
            assert not first.done()
            assert len(slow.requests) == 1, "one shop of an account at a time"
            over.set()
        assert poller.poll_next(now)
        assert len(slow.requests) == 2


def test_a_shop_that_exceeds_its_turn_is_asked_for_a_shorter_span(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.have("1001", NOON - HOUR)
    poller = poll.Poller(office.database, office.keys, office.job_queue)
    begin, now = NOON.replace(hour=0), NOON
    now += timedelta(days=9)
    with monkeypatch.context() as patch:
        patch.setattr(poll, "TURN_SECONDS", -1.0)
        assert poller.poll_next(now)
    assert office.state().problem == "its orders did not come in time"
    marks = []
    for _ in range(3):
        now += 5 * MINUTE
        assert poller.poll_next(now)
        marks.append(office.state().mark - begin)
    assert marks == [timedelta(hours=12), timedelta(hours=36), timedelta(hours=60)]
    assert office.refusals() == {"shop_too_slow": 1}
