"""Who clicked is counted as it is known; on both databases."""

import threading

import pytest
import sqlalchemy as sa

from salepixel.campaigns.store import Campaign, add_campaign
from salepixel.clicks.store import clear_clicks, store_clicks
from salepixel.clicks.tokens import Signal
from salepixel.report.activity import (
    ClickCounts,
    ContactActivity,
    contact_activity,
    count_clicks,
    count_verdict_reasons,
)
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums import clickers
from salepixel.sums import clicks as sums
from salepixel.sums.check import find_wrong_sums, rebuild_sums
from salepixel.sums.links import Totals, totals_of_campaigns, totals_of_links
from tests.make import CAMPAIGN, LINK, NOON, OTHER_LINK, click_at
from tests.sums.test_clicks import DAY, NO_SIGNAL, SECOND, people, store, totals
from tests.waiting import PATIENCE_SECONDS, until

ANA = click_at(NOON)
AGAIN = click_at(NOON + DAY, link=OTHER_LINK)
BOT = click_at(NOON, "bea", serial=1)
STRANGER = click_at(NOON, "", serial=2)
MS = ANA.clicked_ms
DAY_MS = AGAIN.clicked_ms - MS


@pytest.fixture
def clicked(database: Database) -> Database:
    store(database, (ANA, NO_SIGNAL), (BOT, Signal.HEAD), (STRANGER, NO_SIGNAL), (AGAIN, Signal.OLD_AGENT))
    return database


def times(database: Database, contact: str) -> tuple[int, int]:
    """The contact's first and last click."""
    table = schema.clickers.c
    query = sa.select(table.first_click, table.last_click).where(table.contact == contact)
    with database.read() as connection:
        first, last = connection.execute(query).one()
    return first, last


def verify(database: Database) -> None:
    with database.read() as connection:
        assert find_wrong_sums(connection) == []


def test_a_contact_is_one_clicker_of_a_campaign_and_of_each_link(clicked: Database) -> None:
    assert people(clicked) == {
        (CAMPAIGN, "ana"): (2, 0, f'{{"{LINK}":1,"{OTHER_LINK}":1}}'),
        (CAMPAIGN, "bea"): (0, 1, "{}"),
    }
    assert times(clicked, "ana") == (MS, MS + DAY_MS)
    with clicked.read() as connection:
        assert totals_of_campaigns(connection, [CAMPAIGN, "other"]) == {CAMPAIGN: Totals(2, 1, 1, 1)}
        assert totals_of_links(connection, CAMPAIGN) == {
            LINK: Totals(2, 0, 1, 1),
            OTHER_LINK: Totals(0, 1, 0, 1),
        }
    verify(clicked)


def test_who_becomes_human_becomes_a_clicker(clicked: Database) -> None:
    with clicked.write() as connection:
        clear_clicks(connection, [BOT.id])
        assert count_clicks(connection, [CAMPAIGN]) == {CAMPAIGN: ClickCounts(4, 0, 2, 1)}
    verify(clicked)


def test_who_turns_out_to_be_a_bot_is_no_clicker_any_more(clicked: Database) -> None:
    links = [(click_at(NOON + n * SECOND / 4, link=f"{n:012x}", serial=7), NO_SIGNAL) for n in range(5)]
    store(clicked, *links)
    with clicked.read() as connection:
        assert totals_of_links(connection, CAMPAIGN)[LINK] == Totals(1, 0, 2, 0)
    verify(clicked)


def test_who_clicked_and_who_bought_are_listed_page_by_page(clicked: Database) -> None:
    store(clicked, *((click_at(NOON, f"c{n}", serial=10 + n), NO_SIGNAL) for n in range(3)))
    with clicked.read() as connection:
        assert contact_activity(connection, CAMPAIGN, 2, "bea") == [
            ContactActivity("c0", 1, 0, 0),
            ContactActivity("c1", 1, 0, 0),
        ]


def test_clicks_that_lose_their_contact_leave_nothing_of_it(clicked: Database) -> None:
    """As when a person is erased: the clicks stay counted, the contact does not."""
    change(clicked, sa.update(schema.clicks).values(contact=""), "ana")
    assert {contact for _, contact in people(clicked)} == {"bea"}
    with clicked.read() as connection:
        assert totals_of_campaigns(connection, [CAMPAIGN]) == {CAMPAIGN: Totals(2, 1, 1, 0)}
    verify(clicked)


@pytest.mark.parametrize(
    ("gone", "first", "last"), [(ANA, DAY_MS, DAY_MS), (AGAIN, 0, 0)], ids=["first", "last"]
)
def test_a_clicker_s_times_are_those_of_the_clicks_that_are_left(
    clicked: Database, gone: tuple[bytes], first: int, last: int
) -> None:
    change(clicked, sa.delete(schema.clicks).where(schema.clicks.c.id == gone[0]), "ana")
    assert times(clicked, "ana") == (MS + first, MS + last)
    verify(clicked)


def change(database: Database, statement: sa.Update | sa.Delete, contact: str) -> None:
    """Change the rows of a contact's clicks, and the sums with them."""
    rows = sa.select(schema.clicks).where(schema.clicks.c.emp_id == 1)
    with database.write() as connection:
        before = connection.execute(rows).all()
        connection.execute(statement.where(schema.clicks.c.contact == contact))
        sums.add(connection, before, connection.execute(rows).all())


SPOILT: dict[str, tuple[sa.Update | sa.Delete, str]] = {
    "clicks of a contact": (sa.update(schema.clickers).values(human=7), "clickers"),
    "the first click": (sa.update(schema.clickers).values(first_click=1), "clickers"),
    "who clicked": (sa.delete(schema.clickers), "clickers"),
    "how many": (sa.update(schema.link_sums).values(clickers=7), "link_sums"),
    "clicks of a link": (
        sa.update(schema.link_sums).values(unknown=schema.link_sums.c.unknown + 1),
        "link_sums",
    ),
}


def test_spoilt_sums_of_people_and_links_are_found_and_rebuilt(clicked: Database) -> None:
    right = people(clicked), totals(clicked)
    for what, (spoil, table) in SPOILT.items():
        with clicked.write() as connection:
            connection.execute(spoil)
            assert any(line.startswith(table) for line in find_wrong_sums(connection)), what
        rebuild_sums(clicked)
        assert (people(clicked), totals(clicked)) == right, what
        verify(clicked)


def end(database: Database) -> None:
    with database.write() as connection:
        sums.end(connection, connection.execute(sa.delete(schema.clicks).returning(schema.clicks)).all())


def test_nothing_changes_for_the_reader_when_clicks_have_ended(clicked: Database) -> None:
    with clicked.read() as connection:
        before = read(connection)
    end(clicked)
    with clicked.read() as connection:
        assert read(connection) == before
    verify(clicked)
    rebuild_sums(clicked)
    with clicked.read() as connection:
        assert read(connection) == before
    store(clicked, (click_at(NOON + 2 * DAY), NO_SIGNAL))
    verify(clicked)
    with clicked.read() as connection:
        assert totals_of_campaigns(connection, [CAMPAIGN])[CAMPAIGN] == Totals(3, 1, 1, 1)
        assert clickers.clicks_of(connection, CAMPAIGN, ["ana"]) == {"ana": (3, 0)}


def read(connection: sa.Connection) -> list[object]:
    return [
        count_clicks(connection, [CAMPAIGN]),
        count_verdict_reasons(connection, CAMPAIGN),
        contact_activity(connection, CAMPAIGN, 9, None),
        totals_of_links(connection, CAMPAIGN),
    ]


def test_a_contact_whose_clicks_have_ended_can_be_forgotten(clicked: Database) -> None:
    end(clicked)
    with clicked.write() as connection:
        add_campaign(connection, Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON), [])
        sums.forget(connection, 2, ["ana"])
        assert {contact for _, contact in people(clicked)} == {"ana", "bea"}
        sums.forget(connection, 1, ["ana"])
    assert {contact for _, contact in people(clicked)} == {"bea"}
    with clicked.read() as connection:
        assert totals_of_campaigns(connection, [CAMPAIGN]) == {CAMPAIGN: Totals(2, 1, 1, 0)}
        assert totals_of_links(connection, CAMPAIGN)[LINK] == Totals(2, 0, 1, 0)
    verify(clicked)


def test_a_contact_who_clicks_on_two_edges_at_once_is_one_clicker(postgresql_database: Database) -> None:
    store(postgresql_database, (STRANGER, NO_SIGNAL))  # the watermark's first row is there
    other = threading.Thread(target=store, args=(postgresql_database, (AGAIN, NO_SIGNAL)))
    with postgresql_database.write() as connection:
        store_clicks(connection, [(ANA, NO_SIGNAL)])
        other.start()
    other.join(PATIENCE_SECONDS)
    assert not other.is_alive()
    with postgresql_database.read() as connection:
        assert totals_of_campaigns(connection, [CAMPAIGN])[CAMPAIGN] == Totals(3, 0, 0, 1)
    verify(postgresql_database)


def test_a_rebuild_waits_for_a_writer_that_has_locked_a_contact(postgresql_database: Database) -> None:
    """The writer changes the row next. With the table locked, each would wait for the other."""
    store(postgresql_database, (ANA, NO_SIGNAL))
    failed: list[Exception] = []

    def rebuild() -> None:
        try:
            rebuild_sums(postgresql_database, [clickers.SUM])
        except sa.exc.OperationalError as error:
            failed.append(error)

    rebuilding = threading.Thread(target=rebuild)
    with postgresql_database.write() as connection:
        connection.execute(sa.select(schema.clickers).with_for_update()).one()
        rebuilding.start()
        waits = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        assert until(lambda: bool(connection.scalar(waits)))
        store_clicks(connection, [(AGAIN, NO_SIGNAL)])
    rebuilding.join(PATIENCE_SECONDS)
    assert not rebuilding.is_alive()
    assert failed == []
    verify(postgresql_database)


def test_a_wrong_sum_does_not_keep_a_contact_s_clicks_from_being_cleared(clicked: Database) -> None:
    with clicked.write() as connection:
        connection.execute(sa.update(schema.clickers).values(human=7))
    change(clicked, sa.update(schema.clicks).values(contact=""), "ana")
    rebuild_sums(clicked)
    assert {contact for _, contact in people(clicked)} == {"bea"}
    verify(clicked)
