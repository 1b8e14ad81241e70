"""Clicks are stored once and judged alike in whatever order they come."""

import random
from collections.abc import Collection, Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.store import Account, add_account
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.contacts import Contact, store_contacts
from salepixel.campaigns.store import Campaign
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import Click, Signal, Verdict
from salepixel.clicks.verdicts import FINAL_AFTER, Judged, cleared, judge
from salepixel.orders import store as orders
from salepixel.orders.queue import due_orders
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.examples import costly
from tests.make import CAMPAIGN, NOON, click_at, order


def scan(start: int, links: int, contact: str) -> list[tuple[Click, Signal]]:
    """So many links, a second apart, as a scanner clicks them."""
    person = sum(contact.encode()) * 10_000
    return [
        (
            click_at(NOON + timedelta(seconds=start + i), contact, link=f"{i:012x}", serial=person + i),
            Signal(0),
        )
        for i in range(links)
    ]


LATER = NOON + timedelta(hours=1)


def all_clicks(database: Database) -> list[clicks.StoredClick]:
    with database.read() as connection:
        return clicks.list_clicks(connection, CAMPAIGN, 100, None)


STORY = [
    *scan(0, 5, "ana"),
    *scan(600, 1, "ana"),
    *scan(0, 2, "bo"),
    *scan(15, 3, "bo"),
    *scan(30, 1, "bo"),
    *scan(0, 4, ""),
    (click_at(NOON, "cy", serial=9), Signal.HEAD),
]


@pytest.mark.parametrize("seed", range(6))
def test_verdicts_do_not_depend_on_the_order_of_arrival(database: Database, seed: int) -> None:
    shuffled = STORY * 2
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    while shuffled:
        size = random.Random(len(shuffled)).randint(1, 4)  # noqa: S311
        batch, shuffled = shuffled[:size], shuffled[size:]
        with database.write() as connection:
            clicks.store_clicks(connection, batch)
    stored = all_clicks(database)
    assert len(stored) == len(STORY)
    machines = {found.click.id for found in stored if found.verdict is Verdict.MACHINE}
    expected = {click.id for click, _ in [*STORY[:5], *STORY[8:11], STORY[-1]]}
    assert machines == expected


Seen = tuple[Click, Signal]

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


def as_judged_at_once(seen: Sequence[Seen], bought: Collection[bytes]) -> dict[bytes, Judged]:
    """What the rules say when everything is known."""
    people: dict[str, list[Seen]] = {}
    for click, signals in sorted(seen):
        people.setdefault(click.contact or click.id.hex(), []).append((click, signals))
    judged = {
        click.id: verdict
        for theirs in people.values()
        for (click, _), verdict in zip(theirs, judge(theirs, NOON), strict=True)
    }
    return {key: cleared(verdict) if key in bought else verdict for key, verdict in judged.items()}


@costly(20)
@given(CLICKS, st.integers(0, 3), st.randoms(use_true_random=False))
def test_twice_late_and_shuffled_gives_the_same_final_verdicts(
    sqlite: Database, steps: list[tuple[int, str, int, Signal]], purchases: int, chance: random.Random
) -> None:
    seen = [
        (click_at(NOON + timedelta(milliseconds=at), who, link=f"{link:012x}", serial=serial), signals)
        for serial, (at, who, link, signals) in enumerate(steps)
    ]
    bought = [click.id for click, _ in seen[:purchases]]
    events: list[Seen | bytes | None] = [*seen, *seen, *bought, *bought, None, None, None]
    chance.shuffle(events)
    with sqlite.write() as connection:
        for table in (schema.clicks, schema.bought, schema.campaigns):
            connection.execute(sa.delete(table))
        campaigns.add_campaign(connection, Campaign(CAMPAIGN, 1, "", "", NOON, sent_at=NOON), [])
        for event in events:
            if event is None:
                clicks.settle_clicks(connection, LATER, 3)
            elif isinstance(event, bytes):
                clicks.clear_click(connection, event, "s1", "o1")
            else:
                clicks.store_clicks(connection, [event])
        while clicks.settle_clicks(connection, LATER, 3):
            pass
    stored = all_clicks(sqlite)
    assert all(found.final for found in stored)
    found = {found.click.id: Judged(found.verdict, found.reasons, found.score) for found in stored}
    assert found == as_judged_at_once(seen, bought)


def test_clicks_that_were_folded_at_the_same_time_are_judged_together_in_the_end(
    database: Database,
) -> None:
    burst = scan(0, 3, "ana")
    with database.write() as connection:
        clicks.store_clicks(connection, burst)
        # As two workers leave it that do not see what the other one is writing.
        alone = {"verdict": "human", "reasons": "", "score": 0.0}
        connection.execute(sa.update(schema.clicks).values(alone))
        assert clicks.settle_clicks(connection, LATER, 2) == 2
        assert clicks.settle_clicks(connection, LATER, 2) == 1
        assert clicks.settle_clicks(connection, LATER, 2) == 0
    assert {found.reasons for found in all_clicks(database)} == {("burst_of_links",)}


def test_a_verdict_is_final_after_ten_minutes(database: Database) -> None:
    with database.write() as connection:
        clicks.store_clicks(connection, [(click_at(NOON), Signal(0))])
        assert clicks.settle_clicks(connection, NOON + FINAL_AFTER, 10) == 0
        assert clicks.settle_clicks(connection, NOON + FINAL_AFTER + timedelta(milliseconds=1), 10) == 1
    assert all_clicks(database)[0].final


def test_a_changed_verdict_has_the_orders_decided_again_that_it_bears_on(database: Database) -> None:
    suspect, quiet = click_at(NOON, "ana"), click_at(NOON, "bo", serial=1)
    with database.write() as connection:
        add_account(connection, Account(1, "Shoes", "EUR", NOON))
        store_contacts(connection, 1, [Contact("ana", "h-ana"), Contact("bo", "h-bo")], NOON)
        clicks.store_clicks(connection, [(suspect, Signal.HEAD), (quiet, Signal(0))])
        for number, whose in (("1", "h-ana"), ("2", "h-bo")):
            bought = order(id=number, number=number, placed_at=NOON + timedelta(days=1), email_hash=whose)
            orders.store_order(connection, "s1", 1, bought, "")
        connection.execute(sa.update(schema.orders).values(due=False))
        for click in (suspect, quiet):
            clicks.clear_click(connection, click.id, "s1", "9")
        assert due_orders(connection, 10) == [("s1", "1")]
        connection.execute(sa.update(schema.orders).values(due=False))
        clicks.clear_click(connection, suspect.id, "s1", "9")
        assert due_orders(connection, 10) == []


def test_a_persons_click_has_the_order_with_their_address_decided_again(database: Database) -> None:
    with database.write() as connection:
        add_account(connection, Account(1, "Shoes", "EUR", NOON))
        store_contacts(connection, 1, [Contact("ana", "hash-of-ana")], NOON)
        for number, placed in (("1", NOON + timedelta(days=1)), ("2", NOON + timedelta(days=15))):
            bought = order(id=number, number=number, placed_at=placed, email_hash="hash-of-ana")
            orders.store_order(connection, "s1", 1, bought, "")
    with database.write() as connection:
        connection.execute(sa.update(schema.orders).values(due=False))
        clicks.store_clicks(connection, [(click_at(NOON), Signal(0))])
    with database.read() as connection:
        assert due_orders(connection, 10) == [("s1", "1")]


def test_a_mark_moves_only_from_where_it_was(database: Database) -> None:
    with database.write() as connection:
        assert clicks.move_mark(connection, "j", 0, 5, NOON)
        assert not clicks.move_mark(connection, "j", 0, 5, NOON)
        assert clicks.move_mark(connection, "j", 5, 9, NOON)
        assert clicks.read_marks(connection) == {"j": 9}
