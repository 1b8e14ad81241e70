"""What a watcher makes of its account, on both databases: counts of rows, pauses of ours, new addresses."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import CANARY, INSTALLATION
from salepixel.accounts.store import Account, add_account
from salepixel.campaigns.use_cases import NewCampaign, NewLink, create_campaign
from salepixel.keys import Keys
from salepixel.orders.deliveries import store_delivery
from salepixel.shops.store import add_shop, connect_shop
from salepixel.storage.database import Database
from salepixel.storage.schema import click_sums, decision_sums
from salepixel.sums.days import day_of
from salepixel.watch import store, use_cases
from salepixel.watch.facts import evidence_counts, silent_since
from salepixel.watch.rules import Counts, Kind
from salepixel.watch.store import Look
from salepixel.watch.watcher import _look
from tests.make import seal_token

NOW = datetime(2026, 11, 28, 10, 30, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
WEEK = 7 * DAY


@pytest.fixture
def connection(database: Database) -> Iterator[sa.Connection]:
    """Accounts 7 and 8, and that of the canaries."""
    with database.write() as opened:
        for emp_id in (7, 8, CANARY):
            add_account(opened, Account(emp_id, "Shoes", "EUR", NOW - 60 * DAY))
        yield opened


def deliver(connection: sa.Connection, shop_id: str, *times: datetime) -> None:
    for at in times:
        digest = f"{shop_id} {at.isoformat()}"
        store_delivery(connection, digest=digest, shop_id=shop_id, event="e", headers={}, body=b"{}", at=at)


def connected_shop(connection: sa.Connection, keys: Keys, emp_id: int = 7) -> str:
    shop = add_shop(connection, emp_id, "saleor", f"https://{emp_id}.test/graphql/", NOW - 60 * DAY)
    connect_shop(connection, shop, "app", seal_token(keys, shop.id, "t"), "{}", NOW - 60 * DAY)
    return shop.id


def habit(connection: sa.Connection, shop_id: str) -> datetime:
    """Twelve webhooks from 8:30 to 10:30 in each of four weeks, and the last one at 8:30; gives its time."""
    for week in range(1, 5):
        deliver(connection, shop_id, *(NOW - week * WEEK - 2 * HOUR + n * 9 * MINUTE for n in range(12)))
        deliver(connection, shop_id, NOW - week * WEEK - 3 * HOUR, NOW - week * WEEK + MINUTE)
    deliver(connection, shop_id, NOW - 2 * HOUR)
    return NOW - 2 * HOUR


def test_webhooks_are_counted_in_the_same_hours_of_earlier_weeks(
    connection: sa.Connection, keys: Keys
) -> None:
    last = habit(connection, connected_shop(connection, keys))
    habit(connection, connected_shop(connection, keys, 8))
    add_shop(connection, 7, "pixel", "", NOW - 60 * DAY)
    assert silent_since(connection, 7, NOW - DAY, NOW) == [(last, [12] * 4)]
    assert silent_since(connection, 7, NOW - HOUR, NOW) == [(last, [5] * 4)]
    assert silent_since(connection, 7, NOW, NOW) == [(last, [0] * 4)]


def test_a_shop_that_never_delivered_is_not_silent(connection: sa.Connection, keys: Keys) -> None:
    connected_shop(connection, keys)
    assert silent_since(connection, 7, NOW - DAY, NOW) == []


def test_orders_and_clicks_of_two_days_are_compared_with_four_weeks(
    connection: sa.Connection, keys: Keys
) -> None:
    wanted = NewCampaign(7, "Autumn", "plain", [NewLink("https://shop.test/")])
    of_8 = NewCampaign(8, "Autumn", "plain", [NewLink("https://shop.test/")])
    campaigns = [
        create_campaign(connection, INSTALLATION, one, "spx", NOW)[0].campaign.id for one in (wanted, of_8)
    ]
    today = day_of(NOW)
    for emp_id, campaign in zip((7, 8), campaigns, strict=True):
        shop_id = connected_shop(connection, keys, emp_id)
        for day in (today, today - 1, today - 2, today - 29, today - 30):
            its = {"emp_id": emp_id, "day": day, "shop_id": shop_id, "slot": 0, "seen": 0, "healed": 0}
            for outcome, orders in (("attributed", 3), ("likely", 2), ("unattributed", 10)):
                row = its | {"outcome": outcome, "reason": "r", "orders": orders * emp_id}
                connection.execute(sa.insert(decision_sums).values(row))
            for verdict, clicks in (("human", 20), ("unknown", 4), ("bot", 100)):
                row = {"campaign_id": campaign, "link_id": "l", "day": day, "verdict": verdict, "slot": 0}
                row |= {"reasons": "", "clicks": clicks * emp_id, "ended": emp_id}
                connection.execute(sa.insert(click_sums).values(row))
    assert evidence_counts(connection, 7, NOW) == (
        Counts(orders=2 * 105, credited=2 * 35, clicks=2 * (7 * 24 + 14), days=2),
        Counts(orders=2 * 105, credited=2 * 35, clicks=2 * (7 * 24 + 14), days=28),
    )


def look(connection: sa.Connection, now: datetime, machine: Mapping[str, str] | None = None) -> Look:
    claimed = store.claim_look(connection, 7, now, at_once=False)
    assert claimed is not None
    _look(connection, claimed, machine or {}, now)
    return claimed


def open_alerts(connection: sa.Connection) -> list[str]:
    return [one.kind for one in store.list_alerts(connection, 7) if one.ended_at is None]


def messages(connection: sa.Connection, keys: Keys, now: datetime) -> list[tuple[str, str, str]]:
    """The messages that are due, which are sent with this; (name, phase, kind)."""
    names = {address.id: address.name for address in store.list_addresses(connection, 7)}
    found = []
    while message := store.claim_message(connection, 7, now, now + HOUR):
        store.record_message(connection, message, "sent", now, None)
        found.append((names[message.address_id], message.phase, message.kind))
    return sorted(found)


def add(connection: sa.Connection, keys: Keys, name: str, now: datetime) -> None:
    address = f"json://{name}.test"
    use_cases.add_address(connection, INSTALLATION, keys, 7, name, address, "en", now)


def test_after_a_pause_of_ours_silence_is_no_alert(connection: sa.Connection, keys: Keys) -> None:
    habit(connection, connected_shop(connection, keys))
    add(connection, keys, "Ana", NOW - 3 * HOUR)
    look(connection, NOW - 3 * HOUR)
    assert look(connection, NOW).since == NOW
    assert open_alerts(connection) == []


def test_silence_while_we_look_is_an_alert(connection: sa.Connection, keys: Keys) -> None:
    habit(connection, connected_shop(connection, keys))
    add(connection, keys, "Ana", NOW - 3 * HOUR)
    for minute in range(181):
        found = look(connection, NOW - 3 * HOUR + minute * MINUTE)
    assert found.since == NOW - 3 * HOUR
    assert open_alerts(connection) == [Kind.WEBHOOKS]


def test_after_a_pause_of_ours_the_journal_may_be_behind(connection: sa.Connection, keys: Keys) -> None:
    add(connection, keys, "Ana", NOW)
    behind = {"journal": "lag_seconds 4000"}
    for minute in range(10):
        look(connection, NOW + minute * MINUTE, behind)
        assert open_alerts(connection) == []
    look(connection, NOW + 10 * MINUTE, behind)
    assert open_alerts(connection) == [Kind.JOURNAL]


def test_a_look_is_taken_once(connection: sa.Connection, keys: Keys) -> None:
    add(connection, keys, "Ana", NOW)
    look(connection, NOW)
    assert store.claim_look(connection, 7, NOW, at_once=False) is None
    assert store.claim_look(connection, 7, NOW, at_once=True) is not None


def test_an_address_that_comes_during_an_alert_gets_begin_and_end(
    connection: sa.Connection, keys: Keys
) -> None:
    add(connection, keys, "Ana", NOW)
    look(connection, NOW, {Kind.DISK: "5"})
    assert messages(connection, keys, NOW) == [("Ana", "begin", "disk"), ("Ana", "test", "")]
    add(connection, keys, "Bo", NOW + MINUTE)
    assert messages(connection, keys, NOW + MINUTE) == [("Bo", "begin", "disk"), ("Bo", "test", "")]
    look(connection, NOW + MINUTE)
    assert messages(connection, keys, NOW + MINUTE) == [("Ana", "end", "disk"), ("Bo", "end", "disk")]


def test_a_begin_that_waits_is_not_sent_after_the_end(connection: sa.Connection, keys: Keys) -> None:
    add(connection, keys, "Ana", NOW)
    look(connection, NOW, {Kind.DISK: "5"})
    look(connection, NOW + MINUTE)
    assert messages(connection, keys, NOW + MINUTE) == [("Ana", "end", "disk"), ("Ana", "test", "")]


@pytest.mark.parametrize(("age", "watched"), [(59 * MINUTE, []), (61 * MINUTE, [7])])
def test_an_account_without_addresses_is_watched_after_its_first_campaign(
    connection: sa.Connection, age: timedelta, watched: list[int]
) -> None:
    wanted = NewCampaign(7, "Autumn", "plain", [NewLink("https://shop.test/")])
    create_campaign(connection, INSTALLATION, wanted, "spx", NOW - age)
    assert store.due_accounts(connection, NOW, canaries_run=True) == watched
    for _ in watched:
        assert look(connection, NOW).next_at == NOW + store.UNREAD_EVERY
        assert store.due_accounts(connection, NOW, canaries_run=True) == [7]
        assert store.due_accounts(connection, NOW, canaries_run=False) == []


def test_accounts_that_wait_longest_come_first(connection: sa.Connection, keys: Keys) -> None:
    for emp_id in (7, 8):
        use_cases.add_address(connection, INSTALLATION, keys, emp_id, "A", "json://a.test", "en", NOW)
    assert store.due_accounts(connection, NOW, canaries_run=False) == [7, 8]
    look(connection, NOW)
    assert store.due_accounts(connection, NOW + HOUR, canaries_run=False) == [8, 7]
    assert sorted(store.accounts_with_messages(connection, NOW)) == [7, 8]


def test_the_deadline_of_a_canary_does_not_count_a_pause_of_ours(connection: sa.Connection) -> None:
    store.add_canary(connection, 7, "c", "l", NOW)
    values = {"phase": "clicked", "begun_at": NOW, "next_at": NOW + timedelta(seconds=5)}
    store.change_canary(connection, 7, values)
    claimed = store.claim_canary(connection, 7, NOW + 3 * HOUR, NOW + 4 * HOUR)
    assert claimed is not None
    assert claimed.begun_at == NOW + 3 * HOUR - timedelta(seconds=5)
    assert store.get_canary(connection, 7) == claimed
    assert store.claim_canary(connection, 7, NOW + 3 * HOUR, NOW + 4 * HOUR) is None
    store.change_canary(connection, 7, values)
    soon = store.claim_canary(connection, 7, NOW + MINUTE, NOW + HOUR)
    assert soon is not None
    assert soon.begun_at == NOW
