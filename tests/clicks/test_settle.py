"""Clicks stored twice, late, shuffled or concurrently are finally judged as if all came at once."""

import random
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.campaigns import store as campaigns
from salepixel.campaigns.store import Campaign
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import Click, Signal
from salepixel.clicks.verdicts import FINAL_AFTER, JudgedClick, cleared, judge
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.examples import costly
from tests.make import CAMPAIGN, NOON, click_at
from tests.waiting import PATIENCE_SECONDS

Seen = tuple[Click, Signal]
LATER = NOON + timedelta(hours=1)
AUTUMN = Campaign(CAMPAIGN, 1, "", "", NOON, sent_at=NOON)


def at(seconds: float, contact: str = "ana", link: int = 1, serial: int = 0) -> Seen:
    click = click_at(NOON + timedelta(seconds=seconds), contact, link=f"{link:012x}", serial=serial)
    return click, Signal(0)


def store(database: Database, *batch: Seen) -> None:
    with database.write() as connection:
        clicks.store_clicks(connection, batch)


def settle(database: Database, now: datetime = LATER, limit: int = 100) -> int:
    with database.write() as connection:
        return clicks.settle_clicks(connection, now, limit)


def stored(database: Database) -> list[clicks.StoredClick]:
    with database.read() as connection:
        return clicks.list_clicks(connection, CAMPAIGN, 100, None)


def final(database: Database) -> list[bool]:
    return [found.final for found in stored(database)]


def reasons(database: Database) -> list[tuple[str, ...]]:
    return [found.reasons for found in stored(database)]


def judged_at_once(
    seen: Sequence[Seen], bought: Collection[bytes] = (), sent_at: datetime | None = None
) -> dict[bytes, JudgedClick]:
    """What the rules say when everything is known."""
    people: dict[str, list[Seen]] = {}
    for click, signals in sorted(seen):
        people.setdefault(click.contact or click.id.hex(), []).append((click, signals))
    judged = {
        click.id: verdict
        for theirs in people.values()
        for (click, _), verdict in zip(theirs, judge(theirs, sent_at), strict=True)
    }
    return {key: cleared(verdict) if key in bought else verdict for key, verdict in judged.items()}


@dataclass(frozen=True)
class Unseen:
    """A batch that a worker stores without seeing what another one stored around it."""

    batch: tuple[Seen, ...]


@dataclass(frozen=True)
class Settle:
    now: datetime


@dataclass(frozen=True)
class Sent:
    at: datetime | None


VERDICT = ("verdict", "reasons", "score")


def store_unseen(connection: sa.Connection, batch: Sequence[Seen]) -> None:
    rows = sa.select(schema.clicks)
    before = {row.id: {name: getattr(row, name) for name in VERDICT} for row in connection.execute(rows)}
    clicks.store_clicks(connection, batch)
    alone = {
        click_id: {"verdict": str(found.verdict), "reasons": " ".join(found.reasons), "score": found.score}
        for click_id, found in judged_at_once(batch).items()
    }
    for click_id, values in (alone | before).items():
        this = schema.clicks.c.id == click_id
        connection.execute(sa.update(schema.clicks).where(this).values(values))


CLICKS = st.lists(
    st.tuples(
        st.integers(0, 25_000),  # milliseconds after noon
        st.sampled_from(["ana", "bo", ""]),
        st.integers(1, 5),  # link
        st.sampled_from([Signal(0), Signal.OLD_AGENT, Signal.GATEWAY_LIKELY, Signal.HEAD]),
    ),
    min_size=1,
    max_size=14,
)


@costly(30)
@given(
    CLICKS,
    st.integers(0, 3),
    st.lists(st.integers(5, 30), min_size=2, max_size=6),
    st.randoms(use_true_random=False),
)
def test_clicks_twice_late_shuffled_or_unseen_get_the_verdicts_of_judging_all_at_once(
    sqlite: Database,
    steps: list[tuple[int, str, int, Signal]],
    purchases: int,
    settled_after: list[int],
    chance: random.Random,
) -> None:
    seen = [
        (click_at(NOON + timedelta(milliseconds=ms), who, link=f"{link:012x}", serial=serial), signals)
        for serial, (ms, who, link, signals) in enumerate(steps)
    ]
    bought = [click.id for click, _ in seen[:purchases]]
    shipped = [*seen, *chance.sample(seen, chance.randint(0, len(seen)))]
    chance.shuffle(shipped)
    events: list[Any] = [*bought, *bought, Settle(LATER)]
    is_sent_late = chance.random() < 0.5
    if is_sent_late:
        events += [Sent(NOON + timedelta(seconds=9)), Sent(None)]
    events += [Settle(NOON + FINAL_AFTER + timedelta(seconds=late)) for late in settled_after]
    while shipped:
        size = chance.randint(1, 4)
        batch, shipped = tuple(shipped[:size]), shipped[size:]
        events.append(Unseen(batch) if chance.random() < 0.6 else batch)
    chance.shuffle(events)
    with sqlite.write() as connection:
        for table in (
            schema.clicks,
            schema.bought,
            schema.campaigns,
            schema.watermarks,
            schema.unsettled_clicks,
        ):
            connection.execute(sa.delete(table))
        campaigns.add_campaign(connection, AUTUMN, [])
        campaign = AUTUMN
        for event in [*events, *[Sent(NOON)] * is_sent_late]:
            match event:
                case Settle(now):
                    clicks.settle_clicks(connection, now, chance.randint(1, 20))
                case Sent(sent_at):
                    campaign = campaigns.set_sent_at(connection, campaign, sent_at)
                case Unseen(batch):
                    store_unseen(connection, batch)
                case bytes():
                    clicks.clear_clicks(connection, [event])
                case _:
                    clicks.store_clicks(connection, event)
        while clicks.settle_clicks(connection, LATER, 3):
            pass
    found = stored(sqlite)
    assert all(click.final for click in found)
    verdicts = {click.click.id: JudgedClick(click.verdict, click.reasons, click.score) for click in found}
    assert verdicts == judged_at_once(seen, bought, NOON)


def test_clicks_stored_in_concurrent_transactions_are_finally_judged_together(
    database: Database,
) -> None:
    with database.write() as connection:
        for second in range(3):
            store_unseen(connection, [at(second, link=second)])
    assert reasons(database) == [(), (), ()]
    assert [settle(database, limit=2) for _ in range(3)] == [2, 1, 0]
    assert reasons(database) == 3 * [("burst_of_links",)]


def test_a_verdict_is_final_after_a_second_judgement_ten_minutes_later(database: Database) -> None:
    store(database, at(0))
    assert settle(database, NOON + FINAL_AFTER) == 0
    assert final(database) == [False]
    assert settle(database, NOON + FINAL_AFTER + timedelta(milliseconds=1)) == 1
    assert final(database) == [True]


def test_a_late_click_is_final_after_a_second_judgement(database: Database) -> None:
    store(database, at(0), at(600))
    settle(database)
    store(database, at(300, "bo"))
    assert final(database) == [True, False, True]
    assert (settle(database), settle(database)) == (1, 0)
    assert final(database) == [True, True, True]


def test_late_clicks_stored_concurrently_are_finally_judged_together(database: Database) -> None:
    store(database, at(600))
    settle(database)
    with database.write() as connection:
        for second in range(3):
            store_unseen(connection, [at(second, link=second)])
            # Two of them are settled before the third is stored.
            clicks.settle_clicks(connection, LATER, 10)
    assert reasons(database) == [*3 * [("burst_of_links",)], ()]


def test_a_final_click_that_is_shipped_again_stays_final(database: Database) -> None:
    store(database, at(0), at(1, ""))
    settle(database)
    store(database, at(0), at(1, ""))
    assert final(database) == [True, True]


@pytest.mark.parametrize(("seconds", "written"), [(30, 0), (1, 3)], ids=["as they were", "a burst"])
def test_only_a_click_whose_verdict_changes_is_written_again(
    sqlite: Database, seconds: int, written: int
) -> None:
    with sqlite.write() as connection:
        for number in range(3):
            store_unseen(connection, [at(number * seconds, link=number)])
        seen: list[int] = []

        def count(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, many: bool) -> None:
            if text.startswith("UPDATE clicks"):
                seen.append(len(values) if many else 1)

        sa.event.listen(connection, "before_cursor_execute", count)
        assert clicks.settle_clicks(connection, LATER, 10) == 3
        sa.event.remove(connection, "before_cursor_execute", count)
    assert sum(seen) == written


def test_a_wrong_sum_of_clickers_changes_no_final_verdict(database: Database) -> None:
    """Only a fold leaves out contacts who, as the sum says, did not click before."""
    store(database, at(0, link=1), at(0.5, link=2))
    with database.write() as connection:
        connection.execute(sa.delete(schema.clickers))
    store(database, at(1, link=3))
    assert reasons(database)[2] == ()
    settle(database)
    assert reasons(database) == [("burst_of_links",)] * 3


def in_thread(work: Any) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def until_it_waits(database: Database, thread: threading.Thread) -> None:
    """Return when the thread waits for a lock of the database, or ended."""
    waits = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while thread.is_alive():
        with database.read() as connection:
            if connection.scalar(waits):
                return
        thread.join(0.01)


def test_the_watermark_waits_for_clicks_that_are_being_stored(postgresql_database: Database) -> None:
    """Otherwise it passes a click that it does not see, and that click is never judged again."""
    database = postgresql_database
    settled: list[int] = []
    store(database, at(600))
    with database.write() as connection:
        clicks.store_clicks(connection, [at(0)])
        settling = in_thread(lambda: settled.append(settle(database)))
        until_it_waits(database, settling)
        assert settling.is_alive()
    settling.join(PATIENCE_SECONDS)
    assert settled == [2]
    assert final(database) == [True, True]


def test_two_workers_settle_at_once_and_each_click_is_settled_once(postgresql_database: Database) -> None:
    database = postgresql_database
    store(database, *(at(n, f"c{n}", serial=n) for n in range(40)))
    settled: list[int] = []

    def work() -> None:
        while count := settle(database, limit=3):
            settled.append(count)

    workers = [in_thread(work) for _ in range(3)]
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
    assert sum(settled) == 40
    assert all(final(database))


def test_a_sent_time_that_is_set_while_its_clicks_are_settled_counts(
    postgresql_database: Database,
) -> None:
    """A click that is remembered again while a pass forgets it is not lost."""
    database = postgresql_database
    with database.write() as connection:
        campaigns.add_campaign(connection, AUTUMN, [])
    store(database, at(5))
    settle(database)
    with database.write() as connection:
        unsent = campaigns.set_sent_at(connection, AUTUMN, None)

    def report() -> None:
        with database.write() as connection:
            campaigns.set_sent_at(connection, unsent, NOON)

    with database.write() as connection:
        clicks.settle_clicks(connection, LATER, 10)
        reporting = in_thread(report)
        until_it_waits(database, reporting)
    reporting.join(PATIENCE_SECONDS)
    assert settle(database) == 1
    assert reasons(database) == [("soon_after_sending",)]
