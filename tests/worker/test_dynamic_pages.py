"""Clicks on dynamic links through the whole fold: shipped again, late, by two workers, archived."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from redis import Redis

from salepixel.campaigns import pages
from salepixel.campaigns.store import Campaign, add_campaign, change_campaign, links_of
from salepixel.clicks.records import ClickRecord, pack_payload
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.report import activity
from salepixel.report.activity import count_clicks, link_activity
from salepixel.storage.database import Database
from salepixel.sums.check import find_wrong_sums
from salepixel.wire.streams import FIELD, JOURNALS_KEY, frame, stream_key
from salepixel_worker.fold import fold_all, fold_journal
from tests.make import CAMPAIGN, NOON, click_at

PLAIN = Signal(0)
BASKET = Campaign(CAMPAIGN, 1, "Basket", "plain", NOON)


def clicked(page: str, serial: int, minutes: int = 0, signals: Signal = PLAIN) -> ClickRecord:
    click = click_at(NOON + timedelta(minutes=minutes), f"c{serial}", link=CAMPAIGN, serial=serial)
    return ClickRecord(click, signals, "Firefox", "", page)


def ship(redis: Redis, journal: str, first: int, records: list[ClickRecord]) -> None:
    data = b"".join(frame(number, pack_payload(record)) for number, record in enumerate(records, first))
    redis.sadd(JOURNALS_KEY, journal)
    redis.xadd(stream_key(journal), {FIELD: data}, id=f"{first + len(records) - 1}-0")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FREE_PAGES", 1)


@pytest.fixture
def basket(database: Database) -> Database:
    with database.write() as connection:
        add_campaign(connection, BASKET, [])
    return database


def counted(database: Database) -> dict[str, tuple[int, int]]:
    """Human and bot clicks by label; the sums are right, and as many as the campaign has."""
    with database.read() as connection:
        assert find_wrong_sums(connection) == []
        found = link_activity(connection, CAMPAIGN)
        whole = count_clicks(connection, [CAMPAIGN])[CAMPAIGN]
    assert whole.human == sum(one.human_clicks for one in found)
    assert whole.bot == sum(one.bot_clicks for one in found)
    return {one.link.label: (one.human_clicks, one.bot_clicks) for one in found}


BOOTS, HATS = "shop.test/boots", "shop.test/hats"
RECORDS = [clicked(BOOTS, 1), clicked(HATS, 2), clicked(HATS, 3), clicked(HATS, 4), clicked(HATS, 5)]


def test_a_journal_that_is_shipped_again_counts_each_click_once(
    basket: Database, redis: Redis, sealer: ClickSealer
) -> None:
    """Also the clicks that a page needs for a row of its own: it has its row with the third."""
    ship(redis, "edge-00000001", 1, RECORDS[:3])
    fold_all(basket, redis, sealer, 5)
    assert counted(basket) == {"/r/": (2, 0), "/boots": (1, 0)}
    redis.flushall()
    ship(redis, "edge-00000001", 1, RECORDS[:3])
    fold_all(basket, redis, sealer, 5)
    ship(redis, "edge-00000001", 4, RECORDS[3:])
    fold_all(basket, redis, sealer, 5)
    assert counted(basket) == {"/r/": (2, 0), "/boots": (1, 0), "/hats": (2, 0)}


def test_late_clicks_and_those_of_bots_count_for_the_page_that_is_there(
    basket: Database, redis: Redis, sealer: ClickSealer
) -> None:
    ship(redis, "edge-00000001", 1, [clicked(HATS, 9, 60, Signal.HEAD), clicked(BOOTS, 8, 60)])
    fold_all(basket, redis, sealer, 5)
    assert counted(basket) == {"/r/": (0, 1), "/boots": (1, 0)}
    ship(redis, "edge-00000002", 1, [clicked(BOOTS, 1), clicked(BOOTS, 2, 1, Signal.HEAD)])
    fold_all(basket, redis, sealer, 5)
    assert counted(basket) == {"/r/": (0, 1), "/boots": (2, 1)}


def test_two_workers_give_a_page_one_row(basket: Database, redis: Redis, sealer: ClickSealer) -> None:
    names = [f"edge-0000000{n}" for n in (1, 2)]
    for worker, name in enumerate(names):
        for part in range(5):
            at = 20 * worker + 4 * part
            ship(redis, name, 4 * part + 1, [clicked(BOOTS if n else HATS, at + n) for n in range(4)])
    with ThreadPoolExecutor(2) as workers:
        done = list(workers.map(lambda name: fold_journal(basket, redis, sealer, name), names))
    assert done == [20, 20]
    found = counted(basket)
    assert sum(human for human, _ in found.values()) == 40
    with basket.read() as connection:
        labels = [one.label for one in links_of(connection, CAMPAIGN)]
    assert sorted(labels) == ["/boots", "/hats", "/r/"]


def test_an_archived_campaign_still_has_its_pages_and_sums(
    basket: Database, redis: Redis, sealer: ClickSealer
) -> None:
    with basket.write() as connection:
        change_campaign(connection, BASKET, {"archived_at": NOON})
    ship(redis, "edge-00000001", 1, RECORDS)
    fold_all(basket, redis, sealer, 5)
    assert counted(basket) == {"/boots": (1, 0), "/hats": (4, 0), "/r/": (0, 0)}


def test_the_report_shows_the_most_used_pages_and_adds_up_the_others(
    basket: Database, redis: Redis, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FREE_PAGES", 500)
    monkeypatch.setattr(activity, "SHOWN_PAGES", 1)
    ship(redis, "edge-00000001", 1, [*RECORDS, clicked("shop.test/socks Socks", 7)])
    fold_all(basket, redis, sealer, 5)
    assert counted(basket) == {"/hats": (4, 0), "/r/": (2, 0)}
    with basket.read() as connection:
        contacts = {one.link.label: one.contacts for one in link_activity(connection, CAMPAIGN)}
    assert contacts == {"/hats": 4, "/r/": None}, "their clickers may be the same"
