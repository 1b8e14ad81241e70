"""Sums of clicks equal their rows, whatever happens to clicks; on both databases."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.campaigns import store as campaigns
from salepixel.campaigns.contacts import Contact, store_contacts
from salepixel.campaigns.store import Campaign
from salepixel.clicks.store import clear_clicks, settle_clicks, store_clicks
from salepixel.clicks.tokens import Click, Signal
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.storage.schema import click_days, click_hours, click_sums, reason_sums
from salepixel.sums import clickers, hours, links
from salepixel.sums import clicks as sums
from salepixel.sums.check import find_wrong_sums, rebuild_sums
from salepixel.sums.kept import Cells
from tests.databases import copy_template, empty
from tests.examples import costly
from tests.make import CAMPAIGN, LINK, NOON, OTHER_LINK, click_at
from tests.waiting import PATIENCE_SECONDS, until

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NO_SIGNAL = Signal(0)
TODAY = 20_780
"""2026-11-23, in days since 1970."""

AUTUMN = Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON - DAY)


def store(database: Database, *batch: tuple[Click, Signal]) -> None:
    with database.write() as connection:
        store_clicks(connection, batch)


def cells(database: Database) -> dict[tuple[Any, ...], int]:
    """Link, day, verdict and reasons -> clicks, those that have ended too."""
    names = ("link_id", "day", "verdict", "reasons")
    key = [click_sums.c[name] for name in names]
    count = sa.func.sum(click_sums.c.clicks + click_sums.c.ended)
    with database.read() as connection:
        assert find_wrong_sums(connection) == []
        query = sa.select(*key, count).group_by(*key).having(count != 0)
        return {tuple(row[:-1]): int(row[-1]) for row in connection.execute(query)}


def people(database: Database) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Campaign and contact -> human and bot clicks, those that have ended too, and links."""
    with database.read() as connection:
        rows = connection.execute(sa.select(schema.clickers)).all()
    return {
        (row.campaign_id, row.contact): (row.human + row.human_ended, row.bot + row.bot_ended, row.links)
        for row in rows
    }


def totals(database: Database) -> Cells:
    """Campaign and link -> human, unknown and bot clicks, clickers."""
    table = schema.link_sums.c
    counts = (sa.func.sum(table[name]) for name in links.Totals.__slots__)
    query = sa.select(table.campaign_id, table.link_id, *counts).group_by(table.campaign_id, table.link_id)
    with database.read() as connection:
        found = {tuple(row[:2]): [int(n) for n in row[2:]] for row in connection.execute(query)}
    return {key: cell for key, cell in found.items() if any(cell)}


def test_clicks_are_counted_by_link_day_verdict_and_reasons(database: Database) -> None:
    store(
        database,
        (click_at(NOON), NO_SIGNAL),
        (click_at(NOON, "bea", serial=1), NO_SIGNAL),
        (click_at(NOON, "", serial=2), Signal.HEAD),
        (click_at(NOON - DAY, link=OTHER_LINK), Signal.OLD_AGENT),
        (click_at(NOON.replace(hour=0) - SECOND / 1000), NO_SIGNAL),
        (click_at(NOON.replace(hour=0)), NO_SIGNAL),
    )
    assert cells(database) == {
        (LINK, TODAY, "human", ""): 3,
        (LINK, TODAY, "bot", "head_request"): 1,
        (LINK, TODAY - 1, "human", ""): 1,
        (OTHER_LINK, TODAY - 1, "unknown", "old_agent"): 1,
    }


def test_a_repeated_click_is_counted_once(database: Database) -> None:
    first, second = (click_at(NOON, ""), NO_SIGNAL), (click_at(NOON, "bea", serial=1), NO_SIGNAL)
    store(database, first)
    store(database, second, first, second)
    store(database, first, second)
    assert cells(database) == {(LINK, TODAY, "human", ""): 2}


def test_a_changed_verdict_moves_its_click_to_another_sum(database: Database) -> None:
    burst = [click_at(NOON + n * SECOND / 2, link=f"{n:012x}") for n in range(3)]
    store(database, (burst[0], NO_SIGNAL))
    store(database, *((click, NO_SIGNAL) for click in burst[1:]))
    assert cells(database) == {(f"{n:012x}", TODAY, "bot", "burst_of_links"): 1 for n in range(3)}
    with database.write() as connection:
        clear_clicks(connection, [burst[1].id])
    assert (burst[1].link, TODAY, "human", "burst_of_links bought") in cells(database)


def test_rolled_back_clicks_are_not_counted(database: Database) -> None:
    with database.write() as connection:
        with connection.begin_nested() as savepoint:
            store_clicks(connection, [(click_at(NOON), NO_SIGNAL)])
            savepoint.rollback()
        store_clicks(connection, [(click_at(NOON, "bea", serial=1), NO_SIGNAL)])
    with suppress(ZeroDivisionError), database.write() as connection:
        store_clicks(connection, [(click_at(NOON, "cy", serial=2), NO_SIGNAL)])
        _ = 1 / 0
    assert cells(database) == {(LINK, TODAY, "human", ""): 1}


@pytest.mark.parametrize(
    "spoil",
    [
        sa.update(click_sums).values(clicks=click_sums.c.clicks + 1),
        sa.update(click_sums).values(day=click_sums.c.day + 1),
        sa.delete(click_sums),
    ],
    ids=["one more", "of another day", "gone"],
)
def test_a_wrong_sum_is_detected_and_rebuilt(database: Database, spoil: sa.Update | sa.Delete) -> None:
    store(database, (click_at(NOON), NO_SIGNAL), (click_at(NOON, "", serial=1), Signal.HEAD))
    right = cells(database)
    with database.write() as connection:
        connection.execute(spoil.where(click_sums.c.verdict == "bot"))
        wrong = find_wrong_sums(connection)
        assert wrong
        assert wrong[0].startswith(f"click_sums (campaign_id '{CAMPAIGN}', link_id '{LINK}', day ")
        assert "must be 1" in "".join(wrong)
    rebuild_sums(database)
    assert cells(database) == right


@pytest.mark.parametrize("table", [click_hours, click_days, reason_sums], ids=lambda table: str(table.name))
def test_a_wrong_sum_of_another_table_is_detected_and_rebuilt(database: Database, table: sa.Table) -> None:
    store(database, (click_at(NOON), NO_SIGNAL), (click_at(NOON, "", serial=1), Signal.HEAD))
    for spoil in (sa.update(table).values(clicks=table.c.clicks + 1), sa.delete(table)):
        with database.write() as connection:
            connection.execute(spoil.where(table.c.verdict == "bot") if "verdict" in table.c else spoil)
            (wrong,) = find_wrong_sums(connection)
            assert wrong.startswith(f"{table.name} (")
        rebuild_sums(database)
        with database.read() as connection:
            assert find_wrong_sums(connection) == []


def test_clicks_are_counted_by_hour_and_by_day(database: Database) -> None:
    late = NOON.replace(hour=23, minute=59)
    first = click_at(NOON), NO_SIGNAL
    bot = click_at(NOON + 59 * 60 * SECOND, "bea", serial=1), Signal.HEAD
    next_day = click_at(late + 60 * SECOND, "cy", serial=2), NO_SIGNAL
    store(database, first, bot, next_day)
    noon = int(NOON.timestamp()) // 3600
    with database.read() as connection:
        assert hours.clicks_by_hour(connection, CAMPAIGN, noon, noon + 24) == {
            noon: (1, 1),
            noon + 12: (1, 0),
        }
        assert hours.clicks_by_hour(connection, CAMPAIGN, noon + 1, noon + 12) == {}
        by_day = {TODAY: (1, 1), TODAY + 1: (1, 0)}
        assert hours.clicks_by_day(connection, (None, None), campaign_id=CAMPAIGN) == by_day
        assert hours.clicks_by_day(connection, (None, None), emp_id=1) == by_day
        assert hours.clicks_by_day(connection, (TODAY + 1, TODAY + 2), emp_id=1) == {TODAY + 1: (1, 0)}
        assert hours.clicks_by_day(connection, (TODAY, TODAY + 1), campaign_id=CAMPAIGN) == {TODAY: (1, 1)}


@dataclass(frozen=True)
class Store:
    which: Sequence[int]


@dataclass(frozen=True)
class Settle:
    seconds: int


@dataclass(frozen=True)
class Clear:
    which: int


@dataclass(frozen=True)
class Consent:
    contact: str
    given: bool


@dataclass(frozen=True)
class Sent:
    seconds: int


@dataclass(frozen=True)
class End:
    """Retention deletes these clicks."""

    which: Sequence[int]


@dataclass(frozen=True)
class Erase:
    """The contact's clicks keep no contact."""

    contact: str


Step = Store | Settle | Clear | Consent | Sent | End | Erase
Rows = list[Sequence[Any]]

CLICK = st.tuples(
    st.integers(0, 12_000),  # milliseconds after noon
    st.integers(0, 1),  # days after
    st.sampled_from(["ana", "bo", ""]),
    st.sampled_from([LINK, OTHER_LINK, "0000000000a3", "0000000000a4"]),
    st.sampled_from([NO_SIGNAL, Signal.OLD_AGENT, Signal.GATEWAY_LIKELY, Signal.HEAD]),
)
NUMBER = st.integers(0, 9)
STEP = st.one_of(
    st.builds(Store, st.lists(NUMBER, max_size=8)),
    st.builds(Settle, st.integers(600, 700)),
    st.builds(Settle, st.just(200_000)),
    st.builds(Clear, NUMBER),
    st.builds(Consent, st.sampled_from(["ana", "bo"]), st.booleans()),
    st.builds(Sent, st.integers(-5, 15)),
    st.builds(End, st.lists(NUMBER, max_size=4, unique=True)),
    st.builds(Erase, st.sampled_from(["ana", "bo"])),
)
STEPS = st.lists(
    st.tuples(STEP, st.sampled_from(["done", "done", "lost", "undone"])), min_size=2, max_size=12
)


def take(connection: sa.Connection, seen: Sequence[tuple[Click, Signal]], step: Step, ended: Rows) -> Rows:
    """Take a step; gives the clicks that have ended after it. They are not stored again."""
    table, gone = schema.clicks, {row[0] for row in ended}
    match step:
        case Store(which):
            store_clicks(connection, [seen[n] for n in which if seen[n][0].id not in gone])
        case Settle(seconds):
            settle_clicks(connection, NOON + seconds * SECOND, 5)
        case Clear(which):
            clear_clicks(connection, [seen[which][0].id])
        case Consent(contact, given):
            store_contacts(connection, 1, [Contact(contact, None, given)], NOON)
        case Sent(seconds):
            campaigns.set_sent_at(connection, AUTUMN, NOON + seconds * SECOND)
        case End(which):
            these = table.c.id.in_([seen[n][0].id for n in which])
            rows = connection.execute(sa.delete(table).where(these).returning(table)).all()
            sums.end(connection, rows)
            return [*ended, *rows]
        case Erase(contact):
            theirs = connection.execute(sa.select(table).where(table.c.contact == contact)).all()
            connection.execute(sa.update(table).where(table.c.contact == contact).values(contact=""))
            sums.add(connection, theirs, without_contact(theirs, contact))
            sums.forget(connection, 1, [contact])
            return without_contact(ended, contact)
    return ended


def without_contact(rows: Sequence[Sequence[Any]], contact: str) -> Rows:
    return [(*row[:4], "" if row[4] == contact else row[4], *row[5:]) for row in rows]


def always_equal(database: Database, drawn: Sequence[Any], steps: Sequence[tuple[Step, str]]) -> None:
    seen = [
        (click_at(NOON + ms * SECOND / 1000 + days * DAY, contact, 1, link, serial), signals)
        for serial, (ms, days, contact, link, signals) in enumerate(drawn)
    ]
    ended: Rows = []
    with database.write() as connection:
        campaigns.add_campaign(connection, AUTUMN, [])
    for step, end in steps:
        with suppress(ZeroDivisionError):
            with database.write() as connection:
                if end == "undone":  # a savepoint that is rolled back, and then the same once more
                    with connection.begin_nested() as savepoint:
                        take(connection, seen, step, ended)
                        savepoint.rollback()
                after = take(connection, seen, step, ended)
                _ = 1 / (end != "lost")
            ended = after
    with database.read() as connection:
        rows = [*connection.execute(sa.select(schema.clicks)), *ended]
    assert {key[1:]: count for key, (count,) in sums.sums_of(rows).items()} == cells(database)
    whole = clickers.sums_of(rows)
    assert {key: clicker[:2] + clicker[4:] for key, clicker in whole.items()} == people(database)
    clicked = Counter((key[0], "") for key, clicker in whole.items() if clicker.human)
    clicked.update((key[0], link) for key, clicker in whole.items() for link in json.loads(clicker.links))
    assert links.sums_of(sums.sums_of(rows), clicked) == totals(database)
    right = cells(database), people(database), totals(database)
    rebuild_sums(database)
    assert (cells(database), people(database), totals(database)) == right


CLICKS = st.lists(CLICK, min_size=10, max_size=10)


@costly(20)
@given(CLICKS, STEPS)
def test_sums_always_equal_the_rows(
    tmp_path: Path, sqlite_template: Path, drawn: Sequence[Any], steps: Sequence[tuple[Step, str]]
) -> None:
    with closing(copy_template(sqlite_template, tmp_path)) as database:
        always_equal(database, drawn, steps)


@costly(8)
@given(CLICKS, STEPS)
def test_sums_always_equal_the_rows_on_postgresql(
    postgresql_database: Database, drawn: Sequence[Any], steps: Sequence[tuple[Step, str]]
) -> None:
    empty(postgresql_database)
    always_equal(postgresql_database, drawn, steps)


def test_two_concurrent_writers_do_not_wait_for_each_other(postgresql_database: Database) -> None:
    store(postgresql_database, (click_at(NOON, ""), Signal.HEAD))  # the watermark's first row is there
    with postgresql_database.write() as one:
        store_clicks(one, [(click_at(NOON, serial=1), NO_SIGNAL)])
        with postgresql_database.write() as other:
            other.exec_driver_sql("SET LOCAL lock_timeout = 1")
            store_clicks(other, [(click_at(NOON, "bea", serial=2), NO_SIGNAL)])
    with postgresql_database.read() as connection:
        assert set(connection.scalars(sa.select(click_sums.c.slot))) == {0, 1}
    assert cells(postgresql_database)[LINK, TODAY, "human", ""] == 2


def test_writers_of_the_same_clicks_and_verdicts_count_them_once(postgresql_database: Database) -> None:
    """Each of three workers stores all clicks of the burst, so that they insert and judge the same rows."""
    burst = [(click_at(NOON + n * SECOND / 4, link=f"{n % 5:012x}"), NO_SIGNAL) for n in range(40)]

    def work(first: int) -> None:
        for start in range(0, 40, 4):
            store(postgresql_database, *burst[start : start + 4])

    workers = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
    assert sum(cells(postgresql_database).values()) == 40


def test_a_rebuild_while_clicks_are_stored_loses_none(postgresql_database: Database) -> None:
    store(postgresql_database, (click_at(NOON), NO_SIGNAL))
    rebuilding = threading.Thread(target=rebuild_sums, args=(postgresql_database,))
    with postgresql_database.write() as connection:
        store_clicks(connection, [(click_at(NOON, "bea", serial=1), NO_SIGNAL)])
        rebuilding.start()
        waits = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        assert until(lambda: bool(connection.scalar(waits)))
    rebuilding.join(PATIENCE_SECONDS)
    assert not rebuilding.is_alive()
    assert cells(postgresql_database) == {(LINK, TODAY, "human", ""): 2}
